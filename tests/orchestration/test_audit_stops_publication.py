"""What must not be published is not: at the proposal, at the publication, and by nobody's leave."""

from __future__ import annotations

import dataclasses
import json
import re

import dagster as dg
import psycopg
import pytest
from psycopg import sql

from qbank import postgres
from qbank.stores import ConflictError, exposure, item_bank, runs
from qbank_orchestration.assets.exposure import CHECKS
from qbank_orchestration.engine import exposure as engine
from qbank_orchestration.engine import publication
from qbank_orchestration.instance import instance
from qbank_orchestration.running import Runner
from tests.orchestration.conftest import ALGEBRA, Exams


def in_force() -> list[tuple[int, float]]:
    with postgres.connect("orchestration") as conn:
        return [(c.question_id, c.sh_p) for c in exposure.in_force(conn, ALGEBRA)]


def newest(kind: str) -> runs.Run:
    with postgres.connect("orchestration") as conn:
        found = runs.list(conn, runs.RunFilter(exam_code=ALGEBRA, kind=kind)).runs[0]
        return runs.get(conn, found.id)


@pytest.fixture
def impossible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every calibration proposes sh_p = 1.3 for its first item."""
    honest = engine.calibrate

    def broken(*arguments: object) -> object:
        proposal = honest(*arguments)
        assert not isinstance(proposal, engine.NothingToCalibrate)
        return dataclasses.replace(proposal, sh_p=(1.3, *proposal.sh_p[1:]))

    monkeypatch.setattr(engine, "calibrate", broken)


def test_an_impossible_proposal_fails_its_check_and_is_rejected(
    calibrated: Exams, calibrated_runner: Runner, impossible: None
):
    before = in_force()
    ended = calibrated_runner.run("calibrate_exam", partition=ALGEBRA)
    assert not ended.success
    assert "sympson_hetter_calibration.sh_p_in_range" in ended.checks_failed
    run = newest("sympson_hetter")
    assert (run.status, run.stopped_reason) == ("rejected", "audit")
    assert run.error is not None
    assert "sh_p_in_range" in run.error
    assert "1.3" in run.error
    assert run.result is not None
    check = next(c for c in run.result["checks"] if c["check"] == "sh_p_in_range")
    assert check["numbers"]["sh_p"] == 1.3
    assert in_force() == before


def propose(conn: postgres.Connection, change: dict[str, object] | None = None) -> runs.Run:
    """A running row with the proposal of the last calibration, altered."""
    last = runs.latest(conn, ALGEBRA, "sympson_hetter")
    assert last is not None
    result = runs.get(conn, last.id).result
    assert result is not None
    result = json.loads(json.dumps(result)) | {"published": None}
    result["proposal"] |= change or {}
    run = runs.create(
        conn, kind="sympson_hetter", exam_code=ALGEBRA, params={}, requested_by="test"
    )
    runs.claim(conn, run.id, orchestrator_run_id="test")
    runs.propose(conn, run.id, result, input_fingerprint=result["proposal"]["input_fingerprint"])
    return run


def test_publication_trusts_no_earlier_audit(calibrated: Exams):
    """A caller that skips every check still cannot publish what does not pass."""
    before = in_force()
    with postgres.connect("orchestration") as conn:
        run = propose(conn, {"sh_p": [1.3, *([1.0] * 59)]})
        outcome = publication.publish(conn, run.id)
    assert outcome.status == "rejected"
    assert [f.check for f in outcome.findings if not f.passed] == ["sh_p_in_range"]
    assert newest("sympson_hetter").status == "rejected"
    assert in_force() == before


def test_the_database_itself_refuses_what_is_no_probability(calibrated: Exams):
    with (
        postgres.connect("orchestration") as conn,
        pytest.raises(psycopg.errors.CheckViolation),
    ):
        conn.execute("UPDATE item_exposure_control SET sh_p = 1.3")


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("DELETE FROM question_publications WHERE question_id = %s", "pool_unchanged"),
        ("UPDATE item_calibration SET b = b + 0.5 WHERE question_id = %s", "pool_unchanged"),
    ],
)
def test_a_pool_that_changed_meanwhile_rejects_the_proposal(
    calibrated: Exams, change: str, check: str
):
    before = in_force()
    with postgres.connect("orchestration") as conn:
        run = propose(conn)
    with postgres.connect("owner") as conn:
        conn.execute(change, (int(calibrated.algebra.question_id[0]),))
    with postgres.connect("orchestration") as conn:
        outcome = publication.publish(conn, run.id)
    assert outcome.status == "rejected"
    assert check in [f.check for f in outcome.findings if not f.passed]
    assert in_force() == before


def test_an_item_without_a_proposal_rejects_it(calibrated: Exams):
    with postgres.connect("orchestration") as conn:
        run = propose(conn)
        kept = runs.get(conn, run.id).result
        assert kept is not None
        columns = {
            name: kept["proposal"][name][1:]
            for name in ("question_id", "version", "sh_p", "sh_p_before")
        }
        runs.note(conn, run.id, {"proposal": kept["proposal"] | columns})
        outcome = publication.publish(conn, run.id)
    assert [f.check for f in outcome.findings if not f.passed] == ["live_items_covered"]


def test_a_certificate_above_the_cap_rejects_the_proposal(calibrated: Exams):
    with postgres.connect("orchestration") as conn:
        run = propose(conn)
        kept = runs.get(conn, run.id).result
        assert kept is not None
        runs.note(conn, run.id, {"certificate": kept["certificate"] | {"max_over_upper": 0.02}})
        outcome = publication.publish(conn, run.id)
    failed = [f for f in outcome.findings if not f.passed]
    assert [f.check for f in failed] == ["exposure_bound"]
    assert failed[0].numbers["max_over_upper"] == 0.02


def test_a_canceled_run_publishes_nothing(calibrated: Exams):
    before = in_force()
    with postgres.connect("orchestration") as conn:
        run = propose(conn, {"sh_p": [0.5] * 60})
        runs.request_cancel(conn, run.id)
        assert publication.publish(conn, run.id).status == "canceled"
    assert in_force() == before


def test_a_finished_run_cannot_publish_again(calibrated: Exams):
    with postgres.connect("orchestration") as conn:
        last = runs.latest(conn, ALGEBRA, "sympson_hetter")
        assert last is not None
        with pytest.raises(ConflictError, match="is done"):
            publication.publish(conn, last.id)


def test_a_dry_run_stops_before_publishing(calibrated: Exams, calibrated_runner: Runner):
    before = in_force()
    ended = calibrated_runner.run(
        "calibrate_exam",
        partition=ALGEBRA,
        ops={"sympson_hetter_calibration": {"config": {"tau": 0.5, "dry_run": True}}},
    )
    assert ended.success, ended.error
    run = newest("sympson_hetter")
    assert (run.status, run.stopped_reason) == ("done", "dry_run")
    assert in_force() == before
    with postgres.connect("orchestration") as conn:
        assert runs.diff(conn, run.id)  # what it would have changed


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"tau": 0.1}, "none below 0.166667 can be met"),
        (
            {"test_len": 500},
            r"a test has 500 items, and \d+ have parameters: `qbank exam set",
        ),
    ],
    ids=["caps", "pool"],
)
def test_an_infeasible_target_is_a_result_not_a_fault(
    calibrated: Exams, calibrated_runner: Runner, asked: dict[str, float], why: str
):
    before = in_force()
    ended = calibrated_runner.run(
        "calibrate_exam",
        partition=ALGEBRA,
        ops={"sympson_hetter_calibration": {"config": asked}},
    )
    assert not ended.success
    assert ended.checks_failed == ("sympson_hetter_calibration.caps_feasible",)
    # none is left without a word, which Dagit would call a failed execution
    with instance() as opened:
        said = opened.all_logs(ended.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    assert len(said) == len(CHECKS)
    assert ended.warnings == ()
    run = newest("sympson_hetter")
    assert (run.status, run.stopped_reason) == ("rejected", "infeasible")
    assert run.error is not None
    assert re.search(why, run.error)
    assert in_force() == before


def test_pinned_items_stay_through_a_calibration(calibrated: Exams, calibrated_runner: Runner):
    question = int(calibrated.algebra.question_id[5])
    with postgres.connect("orchestration") as conn:
        exposure.set_manual(
            conn, ALGEBRA, exposure.Control(question, 1, 0.123), actor="admin", pinned=True
        )
    assert calibrated_runner.run("calibrate_exam", partition=ALGEBRA).success
    assert dict(in_force())[question] == 0.123
    run = newest("sympson_hetter")
    assert run.result is not None
    assert run.result["published"]["pinned"] == 1


def test_a_rollback_takes_the_exam_back_as_a_whole(calibrated: Exams, calibrated_runner: Runner):
    before = in_force()
    first = newest("sympson_hetter")
    assert calibrated_runner.run(
        "calibrate_exam",
        partition=ALGEBRA,
        ops={"sympson_hetter_calibration": {"config": {"tau": 0.5}}},
    ).success
    assert in_force() != before
    ended = calibrated_runner.run(
        "rollback_exposure",
        ops={"restore_exposure_control": {"config": {"to_run": str(first.id), "note": "why"}}},
    )
    assert ended.success, ended.error
    assert in_force() == before
    run = newest("rollback")
    assert run.status == "done"
    with postgres.connect("orchestration") as conn:
        entry = exposure.history(conn, ALGEBRA)[0]
        assert (entry.source, entry.run_id, entry.note) == ("rollback", run.id, "why")
        assert item_bank.load(conn, ALGEBRA).controlled.all()


@pytest.mark.slow
def test_a_duplicated_response_in_a_mart_stops_the_night(
    calibrated: Exams, calibrated_runner: Runner, today
):
    """dbt's tests stop the night before anything is calibrated, and the fit would refuse it too."""
    before = in_force()
    with postgres.connect("orchestration") as conn:
        columns = [
            row[0]
            for row in conn.execute(
                "SELECT column_name FROM information_schema.columns WHERE column_name NOT IN"
                " ('response_id', 'attempt_number', 'loaded_at') AND table_schema = 'analytics'"
                " AND table_name = 'fact_responses'"
            ).fetchall()
        ]
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        conn.execute(
            sql.SQL(
                "INSERT INTO analytics.fact_responses"
                " (response_id, attempt_number, loaded_at, {0})"
                # another number, for the same attempt twice is refused by the key
                " SELECT -1, attempt_number + 1000, clock_timestamp(), {0}"
                " FROM analytics.fact_responses"
                " WHERE exam_code = %s AND is_first_attempt ORDER BY response_id DESC LIMIT 1"
            ).format(names),
            (ALGEBRA,),
        )
    night = calibrated_runner.night(today)
    assert not night.success
    assert [run.job for run in night.ended] == ["rebuild_marts"]
    assert any("fact_responses" in name for name in night.ended[0].checks_failed)

    fit = calibrated_runner.run("calibrate_parameters", partition=ALGEBRA)
    assert not fit.success
    run = newest("irt")
    assert run.status == "failed"
    assert run.error is not None
    assert "twice" in run.error
    assert in_force() == before
