"""What Dagit's asset pages launch: one exam, backfills, re-execution from failure, foreign runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

import dagster as dg
import pytest
from playwright.sync_api import expect

from qbank import postgres
from qbank.stores import exposure as exposure_store
from qbank.stores import runs
from qbank_orchestration.assets import exposure, parameters
from qbank_orchestration.engine.backfill import partition_key
from qbank_orchestration.instance import instance
from qbank_orchestration.recovery import GONE_FOR
from tests.chromium import needs_chromium
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, Exams, MakeTemplate, copied
from tests.orchestration.daemon import daemon, wait_for
from tests.orchestration.dagit import PATIENCE, Dagit, dagit
from tests.orchestration.mouse import person
from tests.orchestration.requests import in_force

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(1800)]

PARAMETERS = ("irt_calibration", "item_parameters")
EXPOSURE = ("sympson_hetter_calibration", "item_exposure_control")
EMPTY = "nobody"  # an exam that nobody sat

FOREIGN = f"""
import time
import dagster as dg

@dg.op
def wait() -> None:
    time.sleep({GONE_FOR.total_seconds() + 25})

@dg.job(executor_def=dg.in_process_executor)
def somebody_elses() -> None:
    wait()

defs = dg.Definitions(jobs=[somebody_elses])
"""


@pytest.fixture(scope="module")
def pages(
    template: MakeTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Dagit, Exams]]:
    """Dagit on two exams that were never calibrated and one that nobody sat, beside a neighbour."""
    folder = tmp_path_factory.mktemp("neighbour")
    (folder / "neighbour.py").write_text(FOREIGN)
    workspace = folder / "workspace.yaml"
    workspace.write_text(
        "load_from:\n"
        "  - python_module: {module_name: qbank_orchestration.definitions, location_name: qbank}\n"
        f"  - python_file: {{relative_path: {folder / 'neighbour.py'}, location_name: other}}\n"
    )
    with copied(template) as exams:
        with postgres.connect("owner") as owner:
            owner.execute(
                "INSERT INTO exams (exam_code, tenant_id, title, test_length)"
                " SELECT %s, tenant_id, 'Nobody', test_length FROM exams WHERE exam_code = %s",
                (EMPTY, ALGEBRA),
            )
        with daemon(workspace=workspace), dagit(workspace) as opened:
            wait_for(_known(EMPTY), PATIENCE, "the exam partitions sensor")
            yield opened, exams


def _known(exam_code: str):
    def look() -> bool | None:
        with instance() as opened:
            return opened.has_dynamic_partition("exam", exam_code) or None

    return look


def newest(exam_code: str, kind: runs.Kind, status: runs.Status | None = None) -> runs.Run:
    with postgres.connect("orchestration") as conn:
        wanted = runs.RunFilter(exam_code=exam_code, kind=kind, status=status)
        return runs.list(conn, wanted).runs[0]


def evaluations(dagit: Dagit, run_id: str) -> list[dg.AssetCheckEvaluation]:
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    return [event.event_specific_data for event in dagit.events(run_id, kind)]


def test_a_backfill_of_every_exam_publishes_those_that_have_answers(pages):
    dagit, _ = pages
    backfill = dagit.backfill((*PARAMETERS, *EXPOSURE), (ALGEBRA, GEOMETRY, EMPTY))
    dagit.backfilled(backfill)
    for exam_code in (ALGEBRA, GEOMETRY):
        for kind in ("irt", "sympson_hetter"):
            run = newest(exam_code, kind)
            assert run.status == "done", run.error
    # nothing was proposed for the third, so nothing of it was made
    assert newest(EMPTY, "irt").status == "empty"
    for asset in (*PARAMETERS, *EXPOSURE):
        assert dagit.materialized(asset) == {ALGEBRA, GEOMETRY}, asset
    orchestrator = newest(EMPTY, "irt").orchestrator_run_id
    assert orchestrator is not None
    assert dagit.ended(orchestrator) == "SUCCESS"
    said = dagit.events(orchestrator, dg.DagsterEventType.ASSET_OBSERVATION)
    observed = {
        (event.asset_key.to_user_string(), event.partition): event.event_specific_data
        for event in said
    }
    assert set(observed) == {(asset, EMPTY) for asset in PARAMETERS}
    for data in observed.values():
        assert data.asset_observation.description == newest(EMPTY, "irt").stopped_reason
    # a check that looked at nothing says nothing, and one that looked says at what
    assert evaluations(dagit, orchestrator) == []
    told = newest(GEOMETRY, "irt").orchestrator_run_id
    assert told is not None
    looked_at = evaluations(dagit, told)
    assert {(found.check_name, found.partition) for found in looked_at} == {
        (check, GEOMETRY) for check in (*parameters.CHECKS, *exposure.CHECKS)
    }
    assert all(found.passed for found in looked_at)


def test_what_is_proposed_alone_waits_and_is_published_alone(pages):
    dagit, _ = pages
    before = in_force()
    config = {"ops": {"sympson_hetter_calibration": {"config": {"tau": 0.55, "seed": 5}}}}
    first = dagit.materialize(EXPOSURE[:1], ALGEBRA, config)
    assert dagit.ended(first) == "SUCCESS"
    waiting = newest(ALGEBRA, "sympson_hetter")
    assert (waiting.status, waiting.error) == ("proposed", None)
    assert in_force() == before
    # asked again, the newer one waits and the older one does no longer
    config["ops"]["sympson_hetter_calibration"]["config"]["seed"] = 6
    assert dagit.ended(dagit.materialize(EXPOSURE[:1], ALGEBRA, config)) == "SUCCESS"
    with postgres.connect("orchestration") as conn:
        older = runs.get(conn, waiting.id)
    assert (older.status, older.stopped_reason) == ("canceled", "superseded")

    assert dagit.ended(dagit.materialize(EXPOSURE[1:], ALGEBRA)) == "SUCCESS"
    assert newest(ALGEBRA, "sympson_hetter").status == "done"
    assert in_force() != before
    # nothing waits any more
    assert dagit.ended(dagit.materialize(EXPOSURE[1:], ALGEBRA)) == "FAILURE"


BREAK = """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$;
    CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON item_exposure_control
        FOR EACH ROW EXECUTE FUNCTION refuse()"""
MEND = "DROP TRIGGER refuse ON item_exposure_control; DROP FUNCTION refuse()"


def test_a_publication_that_failed_is_re_executed_from_failure(pages):
    dagit, _ = pages
    before = in_force()
    config = {"ops": {"sympson_hetter_calibration": {"config": {"tau": 0.45}}}}
    with postgres.connect("owner", autocommit=True) as owner:
        owner.execute(BREAK)
        try:
            failed = dagit.materialize(EXPOSURE, ALGEBRA, config)
            assert dagit.ended(failed) == "FAILURE"
        finally:
            owner.execute(MEND)
    row = newest(ALGEBRA, "sympson_hetter")
    assert row.status == "proposed"

    def remarked() -> str | None:
        return newest(ALGEBRA, "sympson_hetter").error

    assert "the disk is full" in wait_for(remarked, PATIENCE, "the reason on the row")
    assert in_force() == before

    again = dagit.reexecute(failed)
    assert dagit.ended(again) == "SUCCESS"
    steps = {event.step_key for event in dagit.events(again, dg.DagsterEventType.STEP_SUCCESS)}
    assert "item_exposure_control" in steps
    assert "sympson_hetter_calibration" not in steps
    done = newest(ALGEBRA, "sympson_hetter")
    assert (done.id, done.status, done.error) == (row.id, "done", None)
    assert in_force() != before


def test_a_run_that_a_person_terminates_is_canceled(pages):
    dagit, _ = pages
    before, last = in_force(), newest(ALGEBRA, "sympson_hetter").id
    config = {"ops": {EXPOSURE[0]: {"config": {"n": 1_000_000, "iters": 1000, "tau": 0.34}}}}
    run_id = dagit.materialize(EXPOSURE, ALGEBRA, config)

    def simulating() -> bool | None:
        row = newest(ALGEBRA, "sympson_hetter")
        return row.status == "running" or None if row.id != last else None

    wait_for(simulating, PATIENCE, "the simulation")
    dagit.terminate(run_id)
    assert dagit.ended(run_id) == "CANCELED"
    row = newest(ALGEBRA, "sympson_hetter")
    assert (row.status, row.error) == ("canceled", None)
    assert in_force() == before


def test_a_backfill_of_days_and_exams_re_estimates_each(pages):
    dagit, _ = pages
    with instance():
        today = date.today()
    days = [today - timedelta(days=ago) for ago in (3, 2)]
    keys = [partition_key(exam, day) for day in days for exam in (ALGEBRA, GEOMETRY)]
    dagit.backfilled(dagit.backfill(("sh_p_reestimation", "sh_p_reestimation_publication"), keys))
    for exam_code in (ALGEBRA, GEOMETRY):
        for day in days:
            with postgres.connect("orchestration") as conn:
                run = runs.reestimation_of(conn, exam_code, day)
            assert run is not None, (exam_code, day)
            assert run.status == "done", run.error
    assert dagit.materialized("sh_p_reestimation_publication") == set(keys)


def test_a_neighbours_long_run_is_left_alone(pages):
    dagit, _ = pages
    run_id = dagit.launch("somebody_elses", location="other")
    assert dagit.ended(run_id) == "SUCCESS"
    assert dagit.events(run_id, dg.DagsterEventType.RUN_FAILURE) == []


@needs_chromium
def test_an_operators_day_by_the_mouse(pages):
    """Backfills, reads, rolls back and re-executes, with nothing but the pages."""
    dagit, _ = pages
    if not dagit.materialized("item_exposure_control"):  # it runs alone
        dagit.backfilled(dagit.backfill((*PARAMETERS, *EXPOSURE), (ALGEBRA, GEOMETRY, EMPTY)))
    with person(dagit.address) as operator:
        # which exams are published, with what numbers, and why one is not
        for exam in (ALGEBRA, GEOMETRY):
            agree(operator.figures("item_exposure_control", exam), exam)
        operator.sees_missing("item_exposure_control", EMPTY)
        why = newest(EMPTY, "irt").stopped_reason
        assert why is not None
        assert why in operator.newest_event("item_parameters", EMPTY)

        days = [(date.today() - timedelta(days=ago)).isoformat() for ago in (7, 6, 5)]
        dialog = operator.materialize_all("reestimate_exam")
        operator.choose_days(dialog, days[0], days[-1])
        operator.choose_exams(dialog, (ALGEBRA, GEOMETRY))
        expect(dialog.get_by_text("6 partitions")).to_be_visible()
        operator.launch_backfill()
        keys = {f"{day}|{exam}" for day in days for exam in (ALGEBRA, GEOMETRY)}
        wait_for(
            lambda: keys <= dagit.materialized("sh_p_reestimation_publication") or None,
            2 * PATIENCE,
            "the backfill of two exams and three days",
        )
        run = agree(operator.figures("item_exposure_control", GEOMETRY), GEOMETRY)
        assert run.kind == "reestimation"
        assert run.params["day"] in days

        before = newest(ALGEBRA, "sympson_hetter", "done")  # another may be canceled since

        # a publication that fails is re-executed from its failure
        with postgres.connect("owner", autocommit=True) as owner:
            owner.execute(BREAK)
            try:
                failed = dagit.materialize(
                    EXPOSURE, ALGEBRA, {"ops": {EXPOSURE[0]: {"config": {"tau": 0.6}}}}
                )
                assert dagit.ended(failed) == "FAILURE"
            finally:
                owner.execute(MEND)
        again = operator.re_execute_from_failure(failed)
        assert dagit.ended(again) == "SUCCESS"
        assert newest(ALGEBRA, "sympson_hetter").status == "done"
        published = in_force()

        # and what it published is taken back
        rolled_back = operator.launch_with("rollback_exposure", [f"      to_run: {before.id}"])
        assert dagit.ended(rolled_back) == "SUCCESS"
        assert in_force() != published
        with postgres.connect("orchestration") as conn:
            then = {
                c.question_id: c.sh_p for c in exposure_store.after_run(conn, ALGEBRA, before.id)
            }
        assert dict(in_force()) == then
        assert agree(operator.figures("item_exposure_control", ALGEBRA), ALGEBRA).kind == "rollback"


def agree(shown: dict[str, str], exam_code: str) -> runs.Run:
    """The run that a page shows: published in the exam, with the numbers that its row has."""
    with postgres.connect("orchestration") as conn:
        run = runs.get(conn, UUID(shown["run"]))
    assert (run.exam_code, run.status) == (exam_code, "done")
    assert run.result is not None
    assert int(shown["rows_changed"]) == run.result["published"]["changed"]
    return run
