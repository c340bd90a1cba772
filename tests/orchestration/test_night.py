from __future__ import annotations

import numpy as np
import pytest

from qbank import postgres
from qbank.stores import exposure, item_bank, runs
from qbank_orchestration.engine import night as night_engine
from qbank_orchestration.running import Runner
from qbank_orchestration.tags import WEEKLY
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, Exams


def statuses() -> set[tuple[str, str, str]]:
    with postgres.connect("orchestration") as conn:
        return {(run.exam_code, run.kind, run.status) for run in runs.list(conn).runs}


FORGED = """INSERT INTO analytics.fact_responses
    SELECT (jsonb_populate_record(f, jsonb_build_object(
        'response_id', -1, 'quiz_id', 'none', 'user_id', 'nobody',
        'loaded_at', f.loaded_at - interval '1 day'))).*
    FROM analytics.fact_responses AS f LIMIT 1"""


@pytest.mark.slow
def test_a_row_too_many_of_an_earlier_build_fails_the_weekly_audit_not_a_night(
    exams: Exams, runner: Runner
):
    with postgres.connect("owner", autocommit=True) as owner:
        owner.execute(FORGED)
    night = runner.run("rebuild_marts")
    assert night.success, night.error
    week = runner.run("rebuild_marts", tags={WEEKLY: "true"})
    assert not week.success
    assert "fact_responses.fact_responses_are_no_more_than_the_source" in week.checks_failed
    assert "fact_responses.fact_responses_say_what_the_source_says" in week.checks_failed


@pytest.mark.slow
def test_a_night_calibrates_audits_publishes_and_leaves_nothing_due(
    exams: Exams, runner: Runner, today
):
    night = runner.night(today)
    assert night.success, [run.error for run in night.ended]
    assert statuses() == {
        (exam, kind, "done")
        for exam in (ALGEBRA, GEOMETRY)
        for kind in ("irt", "sympson_hetter", "reestimation")
    }
    with postgres.connect("orchestration") as conn:
        pool = item_bank.load(conn, ALGEBRA)
        calibration = runs.latest(conn, ALGEBRA, "sympson_hetter")
        history = exposure.history(conn, ALGEBRA, limit=1000)
    assert pool.calibrated.all()
    assert np.corrcoef(pool.b, exams.algebra.b)[0, 1] > 0.97
    assert np.corrcoef(pool.a, exams.algebra.a)[0, 1] > 0.7
    assert calibration is not None
    assert calibration.result is not None
    assert calibration.result["certificate"]["max_exposure_upper"] <= pool.exam.tau + 0.01
    assert calibration.result["published"]["changed"] == len(history) == 60
    with postgres.connect("analyst") as conn:
        health = conn.execute(
            "SELECT count(*) FROM analytics.item_health WHERE exam_code = %s AND sh_p IS NOT NULL",
            (ALGEBRA,),
        ).fetchone()
    assert health == (60,)

    with postgres.connect("orchestration") as conn:
        for due in night_engine.plan(conn, today):
            assert due.why == "", due
            assert "new responses" in due.waiting
