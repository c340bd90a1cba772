"""A day gives the same answer whenever it is computed, and the later days follow it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from qbank import postgres
from qbank.requests import Reestimation, RequestError
from qbank.stores import exposure, item_bank, runs
from qbank.stores.exposure import Control
from qbank_orchestration.engine import reestimated_day
from qbank_orchestration.engine.backfill import partition_key, plan
from qbank_orchestration.running import Ended, Runner
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, Exams

# Days before the calibration of the template, so that nothing but these days moves sh_p.


@pytest.fixture
def week(today: date) -> list[date]:
    """Seven days that end the day before yesterday."""
    return plan(today - timedelta(days=8), today - timedelta(days=2))


def reestimate(runner: Runner, exam_code: str, day: date, **config: object) -> Ended:
    return runner.run(
        "reestimate_exam",
        partition=partition_key(exam_code, day),
        ops={"sh_p_reestimation": {"config": config}},
    )


def outcome(exam_code: str, day: date) -> dict[int, float]:
    """What the latest re-estimation of a day says."""
    with postgres.connect("orchestration") as conn:
        run = runs.reestimation_of(conn, exam_code, day)
        assert run is not None, day
        result = runs.get(conn, run.id).result
    assert result is not None
    proposal = result["proposal"]
    return dict(zip(proposal["question_id"], proposal["sh_p"], strict=True))


def test_the_days_chain_a_rerun_changes_nothing_and_nothing_applies_twice(
    exams: Exams, runner: Runner, week: list[date]
):
    calibrate_parameters(runner)
    for day in week[:3]:
        assert reestimate(runner, ALGEBRA, day).success
    first = [outcome(ALGEBRA, day) for day in week[:3]]
    favourite = int(exams.algebra.question_id[0])
    # everybody was served it: tau/rate = 0.4 each night, from where the night before ended
    assert [answer[favourite] for answer in first] == pytest.approx([0.4, 0.16, 0.064])

    for day in week[:3]:
        assert reestimate(runner, ALGEBRA, day).success
    assert [outcome(ALGEBRA, day) for day in week[:3]] == first
    with postgres.connect("orchestration") as conn:
        entries = exposure.history(conn, ALGEBRA, question_id=favourite)
        assert [entry.after for entry in entries] == pytest.approx([0.064, 0.16, 0.4])
        # the second time round nothing was different, so no later day was computed again
        assert runs.list(conn, runs.RunFilter(kind="reestimation")).total == 6


@pytest.mark.slow
def test_days_in_any_order_end_alike(exams: Exams, runner: Runner, week: list[date]):
    calibrate_parameters(runner)
    calibrate_parameters(runner, GEOMETRY)
    for day in week[:4]:
        assert reestimate(runner, ALGEBRA, day).success
    straight = [outcome(ALGEBRA, day) for day in week[:4]]
    with postgres.connect("owner") as conn:
        in_order = exposure.in_force(conn, ALGEBRA)
        conn.execute("DELETE FROM item_exposure_control")
    wipe_reestimations()
    for place in (2, 0, 3, 1):
        assert reestimate(runner, ALGEBRA, week[place]).success
    assert [outcome(ALGEBRA, day) for day in week[:4]] == straight
    with postgres.connect("orchestration") as conn:
        shuffled = exposure.in_force(conn, ALGEBRA)
    assert [(c.question_id, c.sh_p) for c in shuffled] == [
        (c.question_id, c.sh_p) for c in in_order
    ]


@pytest.mark.slow
def test_two_exams_seven_days_and_one_broken_day(
    exams: Exams, runner: Runner, week: list[date], monkeypatch: pytest.MonkeyPatch
):
    """The broken day is one failed run; every other day of both exams is done."""
    for exam_code in (ALGEBRA, GEOMETRY):
        calibrate_parameters(runner, exam_code)
    broken, honest = week[3], reestimated_day.propose

    def propose(conn: Any, request: Reestimation) -> Any:
        if request.exam_code == ALGEBRA and request.day == broken:
            raise RuntimeError("the day's counts cannot be read")
        return honest(conn, request)

    monkeypatch.setattr(reestimated_day, "propose", propose)
    ended = [
        reestimate(runner, exam_code, day, tau=0.9)
        for day in week
        for exam_code in (ALGEBRA, GEOMETRY)
    ]
    assert [run.partition for run in ended if not run.success] == [partition_key(ALGEBRA, broken)]
    with postgres.connect("orchestration") as conn:
        failed = runs.list(conn, runs.RunFilter(status="failed")).runs
        assert [run.params["day"] for run in failed] == [broken.isoformat()]
        assert failed[0].error == "RuntimeError: the day's counts cannot be read"
        assert len(runs.reestimated_days(conn, GEOMETRY, after=date.min)) == 7
        before = outcome(ALGEBRA, week[6])

    # mended, the day is computed, and the later days follow it
    monkeypatch.undo()
    assert reestimate(runner, ALGEBRA, broken, tau=0.9).success
    mended = [outcome(ALGEBRA, day) for day in week]
    assert mended[6] != before
    with postgres.connect("owner") as conn:
        followers = [
            run.params["day"]
            for run in runs.reestimated_days(conn, ALGEBRA, after=broken)
            if run.params.get("follows")
        ]
        in_force = exposure.in_force(conn, ALGEBRA)
        conn.execute("DELETE FROM item_exposure_control")
    assert followers == [day.isoformat() for day in week[4:]]

    # as if no day had ever been broken
    wipe_reestimations()
    for day in week:
        assert reestimate(runner, ALGEBRA, day, tau=0.9).success
    assert [outcome(ALGEBRA, day) for day in week] == mended
    with postgres.connect("orchestration") as conn:
        undisturbed = exposure.in_force(conn, ALGEBRA)
    assert [(c.question_id, c.sh_p) for c in undisturbed] == [
        (c.question_id, c.sh_p) for c in in_force
    ]


ONE, TWO = "algebra one", "algebra two"


def test_the_night_keeps_the_caps_of_topics(exams: Exams, runner: Runner, week: list[date]):
    """Of the exam's policy at first, then of the calibration in force, whatever the policy says."""
    calibrate_parameters(runner)
    with postgres.connect("owner") as conn:
        conn.execute(
            "UPDATE exams SET policy = policy || jsonb_build_object('topic_tau',"
            " jsonb_build_object(%s::text, 0.05)) WHERE exam_code = %s",
            (TWO, ALGEBRA),
        )
    # all but the favourites are served in about every tenth session, and τ is 0.4
    assert reestimate(runner, ALGEBRA, week[5]).success
    assert held_back(exams, week[5]) == {TWO}

    config = {"topic_tau": {ONE: 0.05}, "tau": 0.9, "n": 5000}
    ended = runner.run(
        "calibrate_exam",
        partition=ALGEBRA,
        ops={"sympson_hetter_calibration": {"config": config}},
    )
    assert ended.success, ended.error
    assert caps_of_calibration() == {ONE: {0.05}, TWO: {0.9}}
    with postgres.connect("owner") as conn:  # as if it had been in force since before the week
        conn.execute("ALTER TABLE item_exposure_history DISABLE TRIGGER USER")
        conn.execute("UPDATE item_exposure_history SET at = at - interval '30 days', after = 1"
                     " WHERE source = 'calibration'")  # fmt: skip
        conn.execute("DELETE FROM item_exposure_history WHERE source = 'reestimation'")
        conn.execute("ALTER TABLE item_exposure_history ENABLE TRIGGER USER")
        conn.execute("UPDATE calibration_runs SET finished_at = finished_at - interval '30 days'"
                     " WHERE kind = 'sympson_hetter'")  # fmt: skip
        conn.execute("DELETE FROM calibration_runs WHERE kind = 'reestimation'")
    assert reestimate(runner, ALGEBRA, week[6]).success
    assert held_back(exams, week[6]) == {ONE}


def caps_of_calibration() -> dict[str, set[float]]:
    """What the newest calibration says that each item was kept under, by the item's topic."""
    query = """SELECT v.topic_id, t.name, jsonb_agg(DISTINCT p.cap)
        FROM (SELECT result FROM calibration_runs WHERE kind = 'sympson_hetter'
              ORDER BY finished_at DESC LIMIT 1) AS run,
            ROWS FROM (jsonb_array_elements_text(run.result #> '{proposal,question_id}'),
                       jsonb_array_elements(run.result #> '{summary,caps}')) AS p (id, cap)
            JOIN question_versions AS v ON v.question_id = p.id::bigint
            JOIN topics AS t ON t.id = v.topic_id
        GROUP BY v.topic_id, t.name"""
    with postgres.connect("owner") as conn:
        return {name: set(caps) for _, name, caps in conn.execute(query).fetchall()}


def held_back(exams: Exams, day: date) -> set[str]:
    """The topics whose items, but for the exam's favourites, the day holds back."""
    with postgres.connect("orchestration") as conn:
        topic = dict(
            conn.execute(
                "SELECT question_id, name FROM question_versions"
                " JOIN topics ON topics.id = topic_id"
            ).fetchall()
        )
    others = exams.algebra.question_id[4:].tolist()
    sh_p = outcome(ALGEBRA, day)
    held = {question for question in others if sh_p[question] < 0.9}
    found = {topic[question] for question in held}
    assert len(held) == sum(topic[question] in found for question in others)
    return found


def test_what_came_later_has_the_last_word(exams: Exams, runner: Runner, week: list[date]):
    calibrate_parameters(runner)
    favourite = int(exams.algebra.question_id[0])
    with postgres.connect("orchestration") as conn:
        exposure.set_manual(conn, ALGEBRA, Control(favourite, 1, 0.9), actor="admin")
    assert reestimate(runner, ALGEBRA, week[0]).success
    with postgres.connect("orchestration") as conn:
        held = {c.question_id: c.sh_p for c in exposure.in_force(conn, ALGEBRA)}
        run = runs.reestimation_of(conn, ALGEBRA, week[0])
    assert held[favourite] == 0.9
    assert run is not None
    assert run.result is not None
    assert run.result["published"]["overtaken"] == 1


def test_pinned_items_and_dry_runs_change_nothing(exams: Exams, runner: Runner, week: list[date]):
    calibrate_parameters(runner)
    favourite = int(exams.algebra.question_id[0])
    assert reestimate(runner, ALGEBRA, week[0], dry_run=True).success
    with postgres.connect("orchestration") as conn:
        assert exposure.in_force(conn, ALGEBRA) == ()
        exposure.set_manual(conn, ALGEBRA, Control(favourite, 1, 1.0), actor="admin", pinned=True)
    assert reestimate(runner, ALGEBRA, week[0]).success
    with postgres.connect("orchestration") as conn:
        held = {c.question_id: c.sh_p for c in exposure.in_force(conn, ALGEBRA)}
    assert held[favourite] == 1.0


def test_wrong_requests_name_what_is_wrong(exams: Exams):
    with postgres.connect("orchestration") as conn:
        exam = item_bank.exam(conn, ALGEBRA)
    for params, message in (
        ({"taus": 1}, "'taus' is unknown"),
        ({"days": 0}, "days is 0"),
    ):
        with pytest.raises(RequestError, match=message):
            Reestimation.resolve(exam, params, day=date(2026, 1, 1))
    with pytest.raises(RequestError, match="swap them"):
        plan(date(2026, 1, 2), date(2026, 1, 1))


def calibrate_parameters(runner: Runner, exam_code: str = ALGEBRA) -> None:
    ended = runner.run("calibrate_parameters", partition=exam_code)
    assert ended.success, ended.error


def wipe_reestimations() -> None:
    """As if the days had never been computed."""
    with postgres.connect("owner") as conn:
        conn.execute("ALTER TABLE item_exposure_history DISABLE TRIGGER USER")
        conn.execute("DELETE FROM item_exposure_history")
        conn.execute("ALTER TABLE item_exposure_history ENABLE TRIGGER USER")
        conn.execute("DELETE FROM calibration_runs WHERE kind = 'reestimation'")
