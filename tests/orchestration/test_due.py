"""What a night finds due, and what it costs to find nothing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from qbank import postgres
from qbank.requests import Reestimation
from qbank.stores import exposure, item_bank, item_parameters, runs, served
from qbank_orchestration.engine import night, reestimated_day
from qbank_orchestration.engine.exposure import NothingToCalibrate
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, Exams
from tests.orchestration.test_population import publish_truth


def plan(day: date, **options: Any) -> dict[str, night.Due]:
    with postgres.connect("orchestration") as conn:
        return {due.exam_code: due for due in night.plan(conn, day, **options)}


def do(statement: str, *values: Any) -> None:
    with postgres.connect("owner") as conn:
        conn.execute(statement, values)


def end(kind: runs.Kind, status: runs.Status, *, result: dict[str, Any], **params: Any) -> None:
    """Writes a run that ended, as its asset would have."""
    with postgres.connect("orchestration") as conn:
        run = runs.create(
            conn, kind=kind, exam_code=ALGEBRA, params=params, requested_by=night.REQUESTER
        )
        runs.finish(conn, run.id, status, result=result)


ANSWERED = """INSERT INTO analytics.fact_responses
    SELECT (jsonb_populate_record(f, jsonb_build_object(
        'response_id', -f.response_id * 1000 - e.n, 'exam_code', e.code, 'quiz_id', e.code,
        'user_id', f.user_id || e.code))).*
    FROM analytics.fact_responses AS f,
        (SELECT n, 'tiny-' || n AS code FROM generate_series(1, %s) AS n) AS e
    WHERE f.response_id IN (
        SELECT response_id FROM analytics.fact_responses WHERE is_first_attempt LIMIT 5)"""


class Counting(psycopg.Cursor[Any]):
    """Counts the statements that are sent."""

    sent = 0

    def execute(self, *arguments: Any, **options: Any) -> Any:
        Counting.sent += 1
        return super().execute(*arguments, **options)


def statements(day: date) -> int:
    """How many a plan takes."""
    with postgres.connect("orchestration") as conn:
        conn.cursor_factory = Counting
        Counting.sent = 0
        night.plan(conn, day)
        return Counting.sent


def test_a_night_of_tiny_exams_is_empty_and_asks_no_more_of_the_database(exams: Exams, today):
    two = statements(today)
    do(
        "INSERT INTO exams (exam_code, tenant_id, title)"
        " SELECT 'tiny-' || n, 't', 'tiny' FROM generate_series(1, 200) AS n"
    )
    do(ANSWERED, 200)
    due = plan(today)
    tiny = [exam for code, exam in due.items() if code.startswith("tiny-")]
    assert len(tiny) == 200
    assert {exam.why for exam in tiny} == {""}
    assert (
        "1 first attempts at an item at most, and 2pl needs 200 (min_responses)" in tiny[0].waiting
    )
    assert due[ALGEBRA].parameters is not None
    assert statements(today) == two


def test_what_an_empty_run_saw_is_not_looked_at_again_until_there_is_more(exams: Exams, today):
    have = int(plan(today)[ALGEBRA].parameters.split()[0])
    settings = {"model": "2pl"}
    end("irt", "empty", result={"summary": {"responses": have, "settings": settings}})
    assert plan(today)[ALGEBRA].parameters is None
    assert "0 new responses since the last calibration" in plan(today)[ALGEBRA].waiting
    end("irt", "empty", result={"summary": {"responses": have // 2, "settings": settings}})
    assert f"{have - have // 2} new responses" in plan(today)[ALGEBRA].parameters
    assert plan(today, exam_codes=[GEOMETRY]).keys() == {GEOMETRY}


def test_answers_that_went_are_counted_as_those_that_came(exams: Exams, today):
    have = int(plan(today)[ALGEBRA].parameters.split()[0])
    settings = {"model": "2pl"}
    end("irt", "empty", result={"summary": {"responses": have + 35, "settings": settings}})
    assert plan(today)[ALGEBRA].parameters is None
    assert "35 responses fewer than at the last calibration" in plan(today)[ALGEBRA].waiting
    end("irt", "empty", result={"summary": {"responses": 2 * have, "settings": settings}})
    assert f"{have} responses fewer" in plan(today)[ALGEBRA].parameters


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("irt_model = '3pl'", "made with model 2pl, not 3pl"),
        ("policy = '{\"min_responses\": 5}'", "made with min_responses unset, not 5"),
        ('policy = \'{"unanswered": "wrong"}\'', "made with unanswered unset, not wrong"),
    ],
)
def test_an_exam_that_is_to_be_fitted_otherwise_is_due(calibrated: Exams, today, change, told):
    assert plan(today)[ALGEBRA].calibration == ""
    do(f"UPDATE exams SET {change} WHERE exam_code = 'algebra'")  # noqa: S608
    due = plan(today)
    assert told in due[ALGEBRA].parameters
    assert due[ALGEBRA].exposure == "new parameters"
    assert due[GEOMETRY].calibration == ""


@pytest.mark.slow
def test_a_pool_is_looked_at_item_by_item_only_where_something_moved(calibrated: Exams, today):
    untouched = statements(today)
    assert untouched == 3
    with postgres.connect("owner") as conn:
        control = exposure.in_force(conn, ALGEBRA)[0]
        conn.execute(
            "UPDATE item_exposure_control SET sh_p = 0.5, updated_by = 'me' WHERE question_id = %s",
            (control.question_id,),
        )
        # the bank is another one for delivery; the pool is the same for the calibration
        version = item_bank.bank_version(conn, ALGEBRA)
    assert statements(today) == untouched
    for change, due in (
        ("UPDATE questions SET is_deleted = true WHERE id = %s", True),
        ("UPDATE questions SET is_deleted = false WHERE id = %s", False),
        ("UPDATE question_versions SET state = 'retired' WHERE question_id = %s", True),
    ):
        do(change, control.question_id)
        assert bool(plan(today)[ALGEBRA].exposure) is due, change
        assert plan(today)[GEOMETRY].exposure is None
    with postgres.connect("orchestration") as conn:
        sql = "SELECT count(*) FROM bank_changes WHERE exam_code = %s AND version > %s"
        assert conn.execute(sql, (ALGEBRA, version)).fetchone() == (3,)
    do("UPDATE exams SET tau = 0.35 WHERE exam_code = 'geometry'")
    assert plan(today)[GEOMETRY].exposure == "the live pool or its parameters changed"


@pytest.mark.slow
def test_a_day_is_re_estimated_for_controlled_sessions_that_no_day_saw(calibrated: Exams, today):
    yesterday = today - timedelta(days=1)
    do("UPDATE analytics.fact_sessions SET selector = 'fixed' WHERE exam_code = 'geometry'")
    due = plan(today)
    assert due[ALGEBRA].reestimation == f"controlled sessions up to {yesterday}"
    assert due[GEOMETRY].reestimation is None
    # two quiet weeks later they lie before the window, and today's calibration after them
    assert plan(today + timedelta(days=14))[ALGEBRA].reestimation is None
    end("reestimation", "done", result={}, day=today.isoformat())
    assert plan(today)[ALGEBRA].reestimation is None
    assert plan(today + timedelta(days=1))[ALGEBRA].reestimation is None


def test_a_policy_that_is_wrong_is_said_by_its_own_run_and_stops_no_other(exams: Exams, today):
    do(
        "UPDATE exams SET policy = %s WHERE exam_code = 'algebra'",
        Jsonb({"min_responses": "many", "reestimation": {"days": 0}}),
    )
    due = plan(today)
    assert due[ALGEBRA].parameters is not None
    assert "days is 0" in due[ALGEBRA].reestimation
    assert due[GEOMETRY].parameters is not None


def test_what_came_into_force_or_went_since_the_examination_is_examined(exams: Exams, today: date):
    """Whoever published the parameters: a request, an import, a night whose examination failed."""
    publish_truth(exams.algebra)
    do("UPDATE exams SET policy = '{\"min_new_responses\": 1000000000}'")
    seen = {"summary": {"responses": 18_000}}
    end("irt", "done", result=seen)

    def examination() -> str | None:
        due = plan(today, exam_codes=[ALGEBRA])[ALGEBRA]
        assert due.parameters is None
        return due.examination

    assert examination() == "fairness and fit were never examined"
    do(
        "INSERT INTO item_examinations (exam_code, responses, persons, input_fingerprint, summary,"
        " examined_at) VALUES (%s, 18000, 600, 'f', '{}', clock_timestamp())",
        ALGEBRA,
    )
    assert examination() is None
    do("UPDATE item_calibration SET fitted_at = clock_timestamp() WHERE exam_code = %s", ALGEBRA)
    assert examination() == "parameters came into force since the last examination"
    do("UPDATE item_examinations SET examined_at = clock_timestamp()")
    assert examination() is None

    def rests_on_now() -> None:
        do(
            "UPDATE item_examinations SET examined_at = clock_timestamp(), people_version ="
            " (SELECT version FROM people_versions)"
        )
        assert examination() is None

    # attributes, also where the change began before the examination, and where nothing is left
    with postgres.connect("owner") as importing:
        importing.execute("INSERT INTO people (tenant_id, user_id) VALUES ('t', 'ann')")
        do("UPDATE item_examinations SET examined_at = clock_timestamp()")
        assert examination() is None
    assert examination() == "attributes of people changed"
    rests_on_now()
    do("DELETE FROM people")
    assert examination() == "attributes of people changed"
    rests_on_now()
    do("INSERT INTO people (tenant_id, user_id) VALUES ('another', 'ann')")
    assert examination() is None

    do("DELETE FROM analytics.fact_responses WHERE exam_code = %s", ALGEBRA)
    assert examination() == "no responses are left"
    do("UPDATE item_examinations SET responses = 0")
    assert examination() is None


def test_items_held_back_by_attributes_that_are_gone_are_fitted_anew(exams: Exams, today: date):
    publish_truth(exams.algebra)
    do("UPDATE exams SET policy = '{\"min_new_responses\": 1000000000}'")
    do("INSERT INTO people (tenant_id, user_id) VALUES ('t', 'ann')")

    def fitted(version: int, *reasons: str) -> str | None:
        held = [{"question_id": 1, "reason": reason} for reason in reasons]
        seen = {"responses": 18_000, "people_version": version, "held_back": held}
        end("irt", "done", result={"summary": seen})
        return plan(today, exam_codes=[ALGEBRA])[ALGEBRA].parameters

    assert fitted(1, "wrong_key", "large_dif") is None
    do("DELETE FROM people")
    told = plan(today, exam_codes=[ALGEBRA])[ALGEBRA].parameters
    assert told == "attributes of people changed by which the last calibration held items back"
    assert fitted(1, "wrong_key") is None
    assert fitted(1) is None
    assert fitted(2, "large_dif") is None


def test_sittings_by_another_selector_are_not_waited_for(exams: Exams, today: date):
    """Two arms beside each other: only the one that sh_p was found for is re-estimated."""
    publish_truth(exams.algebra)
    assert plan(today, exam_codes=[ALGEBRA])[ALGEBRA].reestimation is not None
    do("UPDATE analytics.fact_sessions SET selector = 'progressive' WHERE exam_code = %s", ALGEBRA)
    assert plan(today, exam_codes=[ALGEBRA])[ALGEBRA].reestimation is None
    with postgres.connect("orchestration") as conn:
        window = {"first": today - timedelta(days=7), "last": today - timedelta(days=1)}
        counts = [
            served.window(conn, ALGEBRA, selector=selector, **window)
            for selector in ("sympson_hetter", "progressive")
        ]
        exam = item_bank.exam(conn, ALGEBRA)
        day = Reestimation.resolve(exam, {}, day=today)
        found = reestimated_day.propose(conn, day)
    assert [int(c.sessions.sum()) for c in counts] == [0, 420]
    assert [int(c.served.sum()) for c in counts] == [0, 4200]
    assert isinstance(found, NothingToCalibrate)
    assert "no controlled session" in found.reason
    # the same sittings count once a calibration for their selector is in force
    end("sympson_hetter", "done", result={"summary": {}}, selector="progressive")
    do("UPDATE calibration_runs SET finished_at = now() - interval '30 days'")
    with postgres.connect("orchestration") as conn:
        found = reestimated_day.propose(conn, day)
    assert not isinstance(found, NothingToCalibrate)
    assert found.summary["sessions"] == 420
    assert plan(today, exam_codes=[ALGEBRA])[ALGEBRA].reestimation is not None


def test_an_item_with_parameters_of_another_model_is_in_use(exams: Exams):
    publish_truth(exams.algebra)
    do("UPDATE item_calibration SET model = '1pl', a = 1 WHERE exam_code = %s", ALGEBRA)
    with postgres.connect("orchestration") as conn:
        assert item_parameters.in_force(conn, ALGEBRA, "2pl") == ()
        in_use = item_parameters.in_use(conn, ALGEBRA)
    assert in_use == {(question, 1) for question in exams.algebra.question_id.tolist()}
