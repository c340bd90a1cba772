"""Small exams of a night share a process, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from qbank import postgres
from qbank.project_files import checkout
from qbank.stores import runs
from qbank_orchestration import nights, recovery, small_exams
from qbank_orchestration.definitions import defs
from qbank_orchestration.ended import Ended
from qbank_orchestration.engine import night
from qbank_orchestration.engine.night import Due
from qbank_orchestration.instance import instance
from qbank_orchestration.resources import Database
from qbank_orchestration.running import QUIET, Runner
from qbank_orchestration.sensors.night import exam_nights
from qbank_orchestration.tags import EXAM, EXAMS, KIND, NIGHT, NIGHT_RUN, SHARED, WEEKLY
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, Exams

NOT_STARTED = dg.DagsterRunStatus.NOT_STARTED
BOTH = f"{ALGEBRA},{GEOMETRY}"


def due(code: str, responses: int = 1, why: str | None = "new responses") -> Due:
    return Due(code, parameters=why, responses=responses)


def test_small_exams_are_gathered_and_large_ones_are_not():
    plan = [due(f"E{n:03}") for n in range(nights.TOGETHER + 3)]
    plan += [due("LARGE", nights.SMALL + 1), due("WAITS", why=None)]
    tags = {NIGHT: "2026-01-02", WEEKLY: "true", "dagster/run_key": "of the marts"}
    shared, rest = nights.gathered(plan, tags, "marts")
    assert [len(request.tags[EXAMS].split(",")) for request in shared] == [nights.TOGETHER, 3]
    assert {request.job_name for request in shared} == {nights.SMALL_EXAMS}
    assert len({request.run_key for request in shared}) == 2
    assert shared[0].tags | {EXAMS: "", "qbank/why": ""} == {
        NIGHT: "2026-01-02", WEEKLY: "true", NIGHT_RUN: "marts", EXAMS: "", "qbank/why": "",
    }  # fmt: skip
    assert [each.exam_code for each in rest] == ["LARGE", "WAITS"]


@pytest.mark.parametrize(("count", "runs_of_many"), [(nights.FEW, 0), (nights.FEW + 1, 1)])
def test_a_few_have_a_process_each(count: int, runs_of_many: int):
    plan = [due(f"E{n}", nights.SMALL) for n in range(count)]
    shared, rest = nights.gathered(plan, {NIGHT: "2026-01-02"}, "marts")
    assert len(shared) == runs_of_many
    assert len(rest) == (0 if runs_of_many else count)


@pytest.fixture
def opened(exams: Exams, monkeypatch) -> Iterator[dg.DagsterInstance]:
    """Of two exams whose marts are built, where two are many."""
    monkeypatch.setattr(nights, "FEW", 1)
    with instance() as opened:
        yield opened


def marts_of(opened: dg.DagsterInstance, day: date) -> dg.DagsterRun:
    tags = nights.begin(day, None, weekly=False)
    return create_run_for_test(
        opened, "rebuild_marts", status=dg.DagsterRunStatus.SUCCESS, tags=tags
    )


def test_the_sensor_asks_for_one_run_unless_it_is_under_way(opened, today, monkeypatch):
    marts = marts_of(opened, today)
    (asked,), known = exam_nights(opened, Database(), marts)
    assert (asked.job_name, asked.tags[EXAMS]) == (nights.SMALL_EXAMS, BOTH)
    assert set(known) == {ALGEBRA, GEOMETRY}

    create_run_for_test(
        opened, nights.SMALL_EXAMS, status=dg.DagsterRunStatus.STARTED, tags={EXAMS: GEOMETRY}
    )
    others, _ = exam_nights(opened, Database(), marts)
    assert {(r.job_name, r.tags[EXAM]) for r in others} == {
        ("nightly", ALGEBRA), ("reestimate_exam", ALGEBRA),
    }  # fmt: skip

    # where the launcher asks each run's machine, a run inside another's process would seem dead
    launcher = type(opened.run_launcher)
    monkeypatch.setattr(launcher, "supports_check_run_worker_health", True)
    apart, _ = exam_nights(opened, Database(), marts)
    assert nights.SMALL_EXAMS not in {request.job_name for request in apart}


@pytest.mark.slow
def test_each_exam_has_its_own_run_and_end_and_is_done_once(opened, today):
    with postgres.connect("owner", autocommit=True) as owner:
        owner.execute(
            """UPDATE exams SET policy = policy || '{"min_responses": "many"}'
            WHERE exam_code = %s""",
            (ALGEBRA,),
        )
    marts = marts_of(opened, today)
    (asked,), _ = exam_nights(opened, Database(), marts)

    assert carry_out(opened, asked)
    assert ended(opened, marts) == {
        ("nightly", ALGEBRA, "FAILURE"),
        ("nightly", GEOMETRY, "SUCCESS"),
        ("reestimate_exam", GEOMETRY, "SUCCESS"),
    } | {run for run in ended(opened, marts) if run[:2] == ("reestimate_exam", ALGEBRA)}
    with postgres.connect("orchestration") as conn:
        before = {run.id for run in runs.list(conn).runs if run.exam_code == GEOMETRY}
        (plan,) = night.plan(conn, today, exam_codes=[GEOMETRY])
    assert plan.why == ""
    assert len(before) == 3
    partitions = opened.get_materialized_partitions(dg.AssetKey("item_parameters"))
    assert partitions == {GEOMETRY}

    # a run that was lost begins anew: what it did is not done twice, what failed is tried again
    assert carry_out(opened, asked)
    with postgres.connect("orchestration") as conn:
        assert {run.id for run in runs.list(conn).runs if run.exam_code == GEOMETRY} == before


def test_an_exam_that_another_run_is_at_is_left_to_it(opened, today):
    marts = marts_of(opened, today)
    (asked,), _ = exam_nights(opened, Database(), marts)
    for job in ("nightly", "reestimate_exam"):
        create_run_for_test(opened, job, status=dg.DagsterRunStatus.STARTED, tags={EXAM: ALGEBRA})
    assert carry_out(opened, asked, {EXAMS: ALGEBRA})
    assert ended(opened, marts) == set()


def test_an_interrupt_leaves_no_run_that_nobody_begins(opened, today, monkeypatch):
    def interrupted(runner: Runner, request: dg.RunRequest, *, tags: dict[str, str]) -> None:
        made = {**request.tags, **tags}
        create_run_for_test(opened, "nightly", status=NOT_STARTED, tags=made)
        raise dg.DagsterExecutionInterruptedError

    monkeypatch.setattr(Runner, "asked", interrupted)
    others = create_run_for_test(opened, "nightly", status=NOT_STARTED, tags={SHARED: "another"})
    marts = marts_of(opened, today)
    (asked,), _ = exam_nights(opened, Database(), marts)
    assert not carry_out(opened, asked)
    assert ended(opened, marts) == {("nightly", ALGEBRA, "CANCELED")}
    assert opened.get_run_by_id(others.run_id).status is NOT_STARTED


def test_what_was_lost_with_an_earlier_attempt_is_taken_up_again(opened, today, monkeypatch):
    taken: list[str] = []

    def record(runner: Runner, request: dg.RunRequest, *, tags: dict[str, str]) -> Ended:
        taken.append(request.job_name)
        return Ended(request.job_name, None, "", 0.0, None, 0, (), success=True)

    monkeypatch.setattr(Runner, "asked", record)
    (asked,), _ = exam_nights(opened, Database(), marts_of(opened, today))
    for job in ("nightly", "reestimate_exam"):
        tags = {EXAM: GEOMETRY, SHARED: "the lost attempt"}
        create_run_for_test(opened, job, status=dg.DagsterRunStatus.STARTED, tags=tags)
    assert carry_out(opened, asked, {EXAMS: GEOMETRY})
    assert taken == []
    monkeypatch.setattr(small_exams, "lineage", lambda _: ("its retry", "the lost attempt"))
    assert carry_out(opened, asked, {EXAMS: GEOMETRY})
    assert taken == ["nightly", "reestimate_exam"]


def test_a_run_that_was_made_and_never_begun_is_ended(opened, monkeypatch):
    ours, foreign = (
        create_run_for_test(opened, "nightly", status=NOT_STARTED, tags=tags).run_id
        for tags in ({KIND: "calibration"}, {})
    )
    assert recovery.recover_dagster_runs(opened) == ()
    monkeypatch.setattr(recovery, "UNBEGUN_FOR", timedelta(0))
    assert [run.run_id for run in recovery.recover_dagster_runs(opened)] == [ours]
    assert opened.get_run_by_id(ours).status is dg.DagsterRunStatus.FAILURE
    assert opened.get_run_by_id(foreign).status is NOT_STARTED


def carry_out(
    opened: dg.DagsterInstance, asked: dg.RunRequest, tags: dict[str, str] | None = None
) -> bool:
    """Carries the request out in this process; gives whether the run that is shared succeeded."""
    return (
        defs.resolve_job_def(small_exams.job.name)
        .execute_in_process(
            instance=opened,
            tags={**asked.tags, **(tags or {})},
            run_config=dict(QUIET),
            raise_on_error=False,
        )
        .success
    )


def ended(opened: dg.DagsterInstance, marts: dg.DagsterRun) -> set[tuple[str, str, str]]:
    """Job, exam and status of the runs that a night began, but for the one that they share."""
    return {
        (run.job_name, run.tags[EXAM], run.status.value)
        for run in opened.get_runs(dg.RunsFilter(tags={NIGHT_RUN: marts.run_id}))
        if run.job_name != nights.SMALL_EXAMS
    }


def test_the_docs_give_the_bounds():
    said = (checkout() / "docs" / "operations" / "README.md").read_text()
    assert f"more than {nights.FEW} exams of at most {nights.SMALL:,} responses" in said
    assert f"up to {nights.TOGETHER} exams one after another" in said
