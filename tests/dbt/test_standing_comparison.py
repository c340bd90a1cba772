"""Every incremental model is compared with a full computation: a sample nightly, all of it weekly.

Whatever is corrupted, removed or added by hand is named: the mart, the key, the columns.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.dbt.test_changes import CHANGES, Story
from tests.dbt.writing import Bank

EVERYTHING = "{test_window_days: 36500}"
# a column that is falsified, with what; what a copy of a row says to be one too many
TAMPERED = {
    "fact_responses": ("time_taken_ms", "7", {"response_id": 999, "user_id": "nobody"}),
    "fact_sessions": ("theta", "theta + 0.001", {"quiz_id": "no quiz"}),
    "exam_daily_activity": ("accuracy", "accuracy + 0.001", {"day": "2001-01-01"}),
    "exposure_daily_rates": ("served", "served + 1", {"day": "2001-01-01"}),
    "topic_mastery": ("mastery", "mastery + 0.001", {"topic_id": 999}),
    "user_ability": ("theta_se", "theta_se + 0.001", {"user_id": "nobody"}),
    "int_item_days": ("rest_sum", "rest_sum + 0.001", {"session_started_on": "2001-01-01"}),
    "int_item_ability_days": ("correct", "correct + 1", {"session_started_on": "2001-01-01"}),
    "int_item_option_days": ("responses", "responses + 1", {"session_started_on": "2001-01-01"}),
    "int_item_time_days": ("time_bins", "time_bins || 1", {"session_started_on": "2001-01-01"}),
    "int_item_time_months": ("time_bins", "time_bins || 1", {"month": "2001-01-01"}),
    "int_cohort_days": ("se_sum", "se_sum + 0.001", {"ended_on": "2001-01-01"}),
    "int_cohort_item_days": ("served", "served + 1", {"ended_on": "2001-01-01"}),
}
FACTS = {"fact_responses", "fact_sessions"}
READ_BY_OTHERS = FACTS | {"int_item_time_days"}


def test_every_incremental_model_is_compared(manifest):
    nodes = manifest.nodes.values()
    models = [node for node in nodes if node.resource_type == "model"]
    tests = [node for node in nodes if node.resource_type == "test"]
    compared = {
        manifest.nodes[node.attached_node].name
        for node in tests
        if "standing_comparison" in node.config.meta
    }
    incremental = {m.name for m in models if m.config.materialized == "incremental"}
    assert compared == incremental == set(TAMPERED)


@pytest.mark.slow
def test_what_is_wrong_is_named_with_mart_key_and_columns(dbt, owner):
    """Of each model one row is falsified, one removed, one added."""
    for tenant in ("one", "two", "three"):
        Story(Bank(owner, tenant))
    dbt.models()
    assert wrong(dbt) == wrong(dbt, EVERYTHING) == set()
    for names in (TAMPERED.keys() - READ_BY_OTHERS, READ_BY_OTHERS - FACTS, FACTS):
        keys = {name: tamper(owner, dbt, name) for name in names}
        dbt.said.clear()
        assert wrong(dbt, EVERYTHING) >= names
        for name, (falsified, removed, added) in keys.items():
            column = TAMPERED[name][0]
            said = sorted(line for line in dbt.said if line.startswith(f"{name}: "))
            assert len(said) == 3, said
            assert any(key_in(falsified, line) and f": {column} is " in line for line in said)
            assert any(key_in(removed, line) and line.endswith("is missing") for line in said)
            assert any(key_in(added, line) and line.endswith("behind it") for line in said)


@pytest.mark.slow
def test_a_nights_sample_sees_what_is_wrong_with_its_keys(dbt, owner):
    """On a small bank the sample holds nearly everything, so that every kind is met."""
    Story(Bank(owner, "one"))
    dbt.models()
    for kind in ("falsified", "removed", "added"):
        for name in TAMPERED:
            tamper(owner, dbt, name, kind)
        all_rows = "{compared_rows: 1000000, compared_keys: 1000}"
        assert wrong(dbt, all_rows) >= set(TAMPERED) - {"int_item_time_months"}, kind
        dbt.models(full_refresh=True)


@pytest.mark.slow
def test_what_changed_since_the_build_is_not_called_wrong(dbt, owner):
    stories = {change: Story(Bank(owner, change.__name__)) for change in CHANGES}
    dbt.models()
    for change, story in stories.items():
        change(story)
    question = stories[CHANGES[0]].questions[0]
    late = Bank(owner, "late")
    late.exam("late")
    quiz = late.quiz("late", "end_moved-u0", [question], at=datetime.now(UTC))
    late.answer(quiz, question)
    assert wrong(dbt, EVERYTHING) == set(), dbt.said
    dbt.models()
    assert wrong(dbt, EVERYTHING) == set(), dbt.said


def wrong(dbt: Any, variables: str = "{}") -> set[str]:
    """Models whose comparison warned."""
    found = dbt("test", "--select", "test_name:equals_a_full_build", "--vars", variables)
    assert set(found.values()) <= {"pass", "warn"}
    suffix = "_equals_a_full_build"
    return {name.removesuffix(suffix) for name, status in found.items() if status == "warn"}


def tamper(
    owner: psycopg.Connection[Any], dbt: Any, name: str, kind: str | None = None
) -> list[dict[str, Any]]:
    """Falsifies, removes and adds a row (or one of these); gives the keys of the rows."""
    column, value, moved = TAMPERED[name]
    schema = "analytics_staging" if name.startswith("int_") else "analytics"
    names = {
        "relation": sql.Identifier(schema, name),
        "column": sql.Identifier(column),
        "value": sql.SQL(value),
        "moved": sql.Literal(psycopg.types.json.Jsonb(moved)),
        "grain": sql.SQL(", ").join(map(sql.Identifier, dbt.grain(name))),
    }
    statements = {
        "falsified": "UPDATE {relation} SET {column} = {value} WHERE ctid = ",
        "removed": "DELETE FROM {relation} WHERE ctid = ",
        "added": "INSERT INTO {relation} SELECT (jsonb_populate_record(source, {moved})).*"
        " FROM {relation} AS source WHERE ctid = ",
    }
    of_row = "(SELECT ctid FROM {relation} ORDER BY {grain} LIMIT 1 OFFSET %s) RETURNING {grain}"
    keys = []
    for place, statement in enumerate([statements[kind]] if kind else statements.values()):
        query = sql.SQL(statement + of_row).format(**names)
        row = owner.execute(query, (place,)).fetchone()
        assert row, (name, statement)
        keys.append(dict(zip(dbt.grain(name), row, strict=True)))
    return keys


def key_in(key: dict[str, Any], line: str) -> bool:
    return f": {', '.join(f'{column} {value}' for column, value in key.items())}: " in line
