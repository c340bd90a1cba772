"""A key that is changed after the exam: the next night refits that exam, and no other."""

from __future__ import annotations

import pytest

from qbank import postgres
from qbank.importing.rescoring import rescore
from qbank.importing.undoing import undo
from qbank_orchestration.engine import night
from tests.orchestration.conftest import ALGEBRA, GEOMETRY

ITEM = "algebra7"


def _due(today):
    with postgres.connect("orchestration") as conn:
        due = {due.exam_code: due.parameters for due in night.plan(conn, today)}
    assert due[GEOMETRY] is None
    return due[ALGEBRA]


def _rows(query, *values):
    with postgres.connect("owner") as conn:
        return conn.execute(query, values).fetchall()


@pytest.mark.slow
def test_the_night_after_a_rescore_refits_what_it_touched(calibrated_runner, today, tmp_path):
    fed = """SELECT count(*) FILTER (WHERE i.question_id = q.id), count(*) > 1000
        FROM analytics.irt_responses AS i, questions AS q
        WHERE q.external_ref = %s AND i.exam_code = %s"""
    slope = """SELECT c.a FROM item_calibration AS c JOIN questions AS q ON q.id = c.question_id
        WHERE c.exam_code = %s AND q.external_ref = %s"""
    key = tmp_path / "key.csv"
    assert _due(today) is None
    before = _rows(slope, ALGEBRA, "algebra8")

    key.write_text(f"item,key\n{ITEM},B\n")
    done = rescore(ALGEBRA, key, why="misprint")
    assert done.items[0].changed == done.items[0].answers > 200
    assert _due(today) is None, "the marts do not have it yet"
    assert calibrated_runner.run("rebuild_marts").success
    assert _due(today).startswith(f"import {done.batch} changed scores")
    assert calibrated_runner.run("nightly", partition=ALGEBRA).success
    assert _due(today) is None
    assert _rows(slope, ALGEBRA, "algebra8") != before

    undo(done.batch)
    key.write_text(f"item,key\n{ITEM},void\n")
    void = rescore(ALGEBRA, key)
    assert calibrated_runner.run("rebuild_marts").success
    assert _due(today).startswith(f"import {void.batch} changed scores")
    assert _rows(fed, ITEM, ALGEBRA) == [(0, True)]
