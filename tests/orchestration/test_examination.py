"""Fairness and fit of items, night by night: planted DIF is found, told, and kept out of use."""

from __future__ import annotations

from datetime import date

import dagster as dg
import numpy as np
import pytest

from qbank import postgres
from qbank.stores import item_examinations, item_parameters, runs
from qbank_orchestration.engine import examination, night
from qbank_orchestration.engine.finding import Finding
from qbank_orchestration.instance import instance
from qbank_orchestration.running import Runner
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, Exams

# every second person is of the other language, and most of those miss the item
OTHER = "mod(hashtext(user_id || 'language'), 2) = 0"
MISSED = "mod(abs(hashtext(response_id::text || 'missed')), 10) < 7"


def middling(exams: Exams) -> int:
    """An item that about half get right, and that is not everybody's."""
    distance = np.abs(exams.algebra.b)
    distance[:4] = np.inf
    return int(exams.algebra.question_id[np.argmin(distance)])


def know_people() -> None:
    with postgres.connect("owner") as conn:
        conn.execute(
            f"""INSERT INTO people (tenant_id, user_id, attributes)
            SELECT DISTINCT 't', user_id, jsonb_build_object('language',
                CASE WHEN {OTHER} THEN 'other' ELSE 'english' END, 'school', user_id)
            FROM quiz_sessions"""  # noqa: S608
        )


def plant_dif(question: int) -> None:
    with postgres.connect("owner") as conn:
        conn.execute(
            f"""UPDATE analytics.fact_responses SET is_correct = is_correct AND NOT {MISSED}
            WHERE exam_code = %s AND question_id = %s AND {OTHER}""",  # noqa: S608
            (ALGEBRA, question),
        )


def rows(sql: str) -> list[tuple[object, ...]]:
    with postgres.connect("orchestration") as conn:
        return conn.execute(sql, (ALGEBRA,)).fetchall()


CLASS_C = """SELECT question_id, attribute, focal, reference, delta < -1.5, q_value < 0.01,
    n_focal >= 100 AND n_reference >= 100 FROM item_fairness
    WHERE exam_code = %s AND ets_class = 'C'"""


def due(day: date) -> str | None:
    with postgres.connect("orchestration") as conn:
        (found,) = night.plan(conn, day, exam_codes=[ALGEBRA])
    return found.examination


def check(name: str, asset: str) -> dg.AssetCheckEvaluation:
    with instance() as opened:
        (found,) = opened.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey(asset), name), limit=1
        )
    assert found.event is not None
    assert found.event.dagster_event is not None
    return found.event.dagster_event.asset_check_evaluation_data


def test_an_item_in_use_that_a_group_misses_is_found_and_stays(
    calibrated: Exams, calibrated_runner: Runner, today: date
):
    assert due(today) is None
    know_people()
    assert due(today) == "attributes of people changed"
    question = middling(calibrated)
    plant_dif(question)
    ended = calibrated_runner.run("examine_exam", partition=ALGEBRA)
    assert ended.success, ended.error
    assert rows(CLASS_C) == [(question, "language", "other", "english", True, True, True)]
    told = check("no_large_dif", "item_fairness")
    assert not told.passed
    assert told.severity is dg.AssetCheckSeverity.WARN
    assert "harder for language other than for english of equal ability" in (told.description or "")
    assert check("figures_are_numbers", "item_fairness").passed
    # what has a group for each person is no grouping, and is said
    ((attributes,),) = rows(
        "SELECT summary -> 'attributes' FROM item_examinations WHERE exam_code = %s"
    )
    assert attributes["school"]["skipped"] == "0 groups have 100 persons, 2 are needed"
    assert {g["value"] for g in attributes["language"]["groups"]} == {"english", "other"}
    with postgres.connect("orchestration") as conn:
        used = {r.question_id for r in item_parameters.in_force(conn, ALGEBRA, "2pl")}
    assert question in used
    assert due(today) is None

    # the same again is the same, to the last digit
    figures = "SELECT * FROM item_fairness WHERE exam_code = %s ORDER BY 1, 3, 4, 5, 6"
    before = [row[:-1] for row in rows(figures)]
    assert calibrated_runner.run("examine_exam", partition=ALGEBRA).success
    assert [row[:-1] for row in rows(figures)] == before


def test_a_new_item_that_a_group_misses_does_not_come_into_use(
    exams: Exams, runner: Runner, today: date
):
    know_people()
    question = middling(exams)
    plant_dif(question)
    ended = runner.run("calibrate_parameters", partition=ALGEBRA)
    assert ended.success, ended.error
    assert "irt_calibration.estimates_fit_for_use" in ended.warnings
    with postgres.connect("orchestration") as conn:
        run = runs.latest(conn, ALGEBRA, "irt")
        used = {r.question_id for r in item_parameters.in_force(conn, ALGEBRA, "2pl")}
    assert run is not None
    assert run.result is not None
    (held,) = run.result["summary"]["held_back"]
    assert (held["question_id"], held["reason"]) == (question, "large_dif")
    assert held["seen"].startswith("harder for language other than for english of equal ability")
    assert used == set(exams.algebra.question_id.tolist()) - {question}

    def parameters() -> str | None:
        with postgres.connect("orchestration") as conn:
            (found,) = night.plan(conn, today, exam_codes=[ALGEBRA])
        return found.parameters

    assert parameters() is None
    with postgres.connect("owner") as conn:  # as the undo of who brought them does
        conn.execute("DELETE FROM people")
    assert parameters() == (
        "attributes of people changed by which the last calibration held items back"
    )


def test_a_night_examines_what_it_fitted(calibrated: Exams):
    """Without attributes of people, fit alone."""
    ((examined, fitted),) = rows(
        """SELECT (SELECT count(*) FROM item_fit AS f WHERE f.exam_code = e.exam_code),
            (SELECT count(*) FROM item_calibration AS c WHERE c.exam_code = e.exam_code)
        FROM item_examinations AS e WHERE exam_code = %s"""
    )
    assert examined == fitted == 60
    assert rows("SELECT count(*) FROM item_fairness WHERE exam_code = %s") == [(0,)]
    ((worst,),) = rows("SELECT max(rmsd) FROM item_fit WHERE exam_code = %s")
    assert 0 < worst < 0.1


def test_what_its_audit_rejects_leaves_the_examination_before(
    calibrated: Exams, calibrated_runner: Runner, monkeypatch: pytest.MonkeyPatch
):
    when = "SELECT examined_at FROM item_examinations WHERE exam_code = %s"
    before = rows(when)
    wrong = Finding(
        "figures_are_numbers", "infit of question 1 v1 is nan", passed=False, blocking=True
    )
    monkeypatch.setattr(examination, "audit", lambda *_: (wrong,))
    calibrated_runner.run("examine_exam", partition=ALGEBRA)
    assert rows(when) == before
    assert not check("figures_are_numbers", "item_fairness").passed
    with instance() as opened:
        (seen,) = opened.fetch_observations(dg.AssetKey("item_fit"), limit=1).records
    assert seen.asset_observation is not None
    assert "infit of question 1 v1 is nan" in (seen.asset_observation.description or "")


def test_one_exam_is_examined_and_the_other_left(calibrated: Exams, calibrated_runner: Runner):
    sql = "SELECT exam_code, examined_at FROM item_examinations ORDER BY 1"
    with postgres.connect("orchestration") as conn:
        before = dict(conn.execute(sql).fetchall())
        assert item_examinations.newest(conn) == max(before.values())
    assert calibrated_runner.run("examine_exam", partition=ALGEBRA).success
    with postgres.connect("orchestration") as conn:
        after = dict(conn.execute(sql).fetchall())
    assert after[ALGEBRA] > before[ALGEBRA]
    assert after[GEOMETRY] == before[GEOMETRY]
