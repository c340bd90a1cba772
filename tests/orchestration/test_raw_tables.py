"""The raw tables as Dagit shows them, and a night that begins for whatever changed in them."""

from __future__ import annotations

import dagster as dg
import pytest

from qbank import postgres
from qbank.stores import source_tables
from qbank_orchestration.instance import instance
from qbank_orchestration.resources import Database
from qbank_orchestration.running import Runner
from qbank_orchestration.schedules import observed_versions
from tests.orchestration.conftest import ALGEBRA, Exams

NAMES = {table.name for table in source_tables.TABLES}
CHANGES = {
    "topics": "UPDATE topics SET name = name || '!' WHERE id = (SELECT max(id) FROM topics)",
    "exams": "UPDATE exams SET irt_model = '3pl' WHERE exam_code = 'algebra'",
    "exam_blueprints": "INSERT INTO exam_blueprints (exam_code, topic_id, target_weight)"
    " SELECT 'algebra', max(id), 1 FROM topics",
    "question_publications": "DELETE FROM question_publications WHERE question_id ="
    " (SELECT max(question_id) FROM question_publications)",
    "cohort_assignments": "INSERT INTO cohort_assignments (user_id, cohort_key, cohort_value)"
    " VALUES ('u', 'k', 'v')",
    "user_responses": "UPDATE user_responses SET is_correct = NOT is_correct WHERE id = 1",
    "quiz_sessions": "UPDATE quiz_sessions SET num_questions = num_questions + 1 WHERE id ="
    " (SELECT max(id) FROM quiz_sessions)",
}
REMOVALS = {
    "exam_blueprints": "DELETE FROM exam_blueprints",
    "cohort_assignments": "DELETE FROM cohort_assignments",
    "user_responses": "DELETE FROM user_responses WHERE id = 2",
}


@pytest.mark.slow
def test_a_night_observes_every_raw_table_and_what_it_saw_tells_what_changed(
    exams: Exams, runner: Runner
):
    built = runner.run("rebuild_marts")
    assert built.success, built.error
    with instance() as opened:
        for name in NAMES:
            key = dg.AssetKey(["raw", name])
            seen = opened.fetch_observations(key, limit=1).records
            assert seen, f"{name} was never observed"
        versions = observed_versions(opened, built.run_id)
        again = observed_versions(opened, runner.run("rebuild_marts").run_id)
    assert versions.keys() == NAMES
    assert versions == again


@pytest.mark.parametrize("changes", [CHANGES, REMOVALS], ids=["changes", "removals"])
def test_every_change_of_a_source_moves_its_version_and_nothing_else_does(exams: Exams, changes):
    _do(CHANGES["exam_blueprints"], CHANGES["cohort_assignments"])
    for name, statement in changes.items():
        if statement in (CHANGES["exam_blueprints"], CHANGES["cohort_assignments"]):
            _do(REMOVALS[name])
        before = _versions()
        _do("ANALYZE")
        assert _versions() == before
        _do(statement)
        assert source_tables.changed(before, _versions()) == (name,)


def _versions() -> dict[str, str]:
    with Database().connect() as conn:
        return source_tables.versions(conn)


def _do(*statements: str) -> None:
    with postgres.connect("owner") as conn:
        for statement in statements:
            conn.execute(statement)
        assert conn.execute("SELECT 1 FROM exams WHERE exam_code = %s", (ALGEBRA,)).fetchone()
