"""The check names whose day looks like harvesting, and its alert names nobody."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from qbank import postgres
from qbank.stores import harvesting
from qbank_orchestration.alerting.runs import alert_of
from qbank_orchestration.checks.harvesting import judged, nobody_harvests
from qbank_orchestration.resources import Database
from qbank_orchestration.tags import KIND
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, Exams

LOOKED_AT = harvesting.LOOKED_AT


def look(exam: str, user: str, items: list[int], answers: int, *, seconds: float = 20.0) -> None:
    """A person who is served each item in a quiz of its own, an hour ago, and answers some."""
    with postgres.connect("owner") as conn:
        for k, item in enumerate(items):
            quiz = f"{exam}-{user}-{k}"
            conn.execute(
                """INSERT INTO quiz_sessions (id, user_id, tenant_id, mode, adaptive, exam_code,
                    selector, num_questions, started_at, expires_at)
                VALUES (%s, %s, 't', 'tutor', true, %s, 'vanilla', 5, now() - interval '1 hour',
                    now() + interval '1 hour')""",
                (quiz, user, exam),
            )
            conn.execute(
                """INSERT INTO quiz_items (quiz_id, question_id, version, position, served_at,
                    selector) VALUES (%s, %s, 1, 1, now() - interval '1 hour', 'vanilla')""",
                (quiz, item),
            )
            if k < answers:
                conn.execute(
                    """INSERT INTO user_responses (quiz_id, user_id, question_id, version,
                        option_label, is_correct, created_at)
                    VALUES (%s, %s, %s, 1, 'A', true,
                        now() - interval '1 hour' + make_interval(secs => %s))""",
                    (quiz, user, item, seconds),
                )


@pytest.fixture
def days(exams: Exams) -> None:
    """Of one exam a collector, a reader and a bot; of the other nobody who looks like it."""
    items = [int(item) for item in exams.algebra.question_id]
    look(ALGEBRA, "collector", items[:LOOKED_AT], 5)
    look(ALGEBRA, "reader", items[:LOOKED_AT], LOOKED_AT)
    look(ALGEBRA, "bot", items[:LOOKED_AT], LOOKED_AT, seconds=0.5)
    look(GEOMETRY, "looker", [int(i) for i in exams.geometry.question_id][: LOOKED_AT - 1], 0)


def checked() -> dg.AssetCheckResult:
    result = nobody_harvests(database=Database())
    assert isinstance(result, dg.AssetCheckResult)
    return result


def suspected(result: dg.AssetCheckResult) -> dict[str, Any]:
    if "by_person" not in result.metadata:
        return {}
    return {r.data["user_id"]: r.data for r in result.metadata["by_person"].value.records}


def test_who_collects_items_is_named_with_why(days):
    result = checked()
    assert not result.passed
    assert (
        f"{ALGEBRA}: collector: 50 items were looked at in a day, and 5 ans" in result.description
    )
    assert f"{ALGEBRA}: bot: 50 answers in a day took 0.5 s at the median" in result.description
    found = suspected(result)
    assert found.keys() == {"collector", "bot"}
    assert (found["collector"]["items"], found["collector"]["live"]) == (LOOKED_AT, 60)
    assert result.metadata["persons_suspected"].value == 2
    assert result.metadata["persons"].value >= 4


def test_what_was_seen_counts_in_void_sittings_and_not_in_imports_or_yesterday(days):
    with postgres.connect("owner") as conn:
        conn.execute("UPDATE quiz_sessions SET voided_at = now() WHERE user_id = 'collector'")
        conn.execute(
            """UPDATE quiz_items SET served_at = served_at - interval '1 day'
            WHERE quiz_id LIKE 'algebra-bot-%'"""
        )
    assert suspected(checked()).keys() == {"collector"}
    with postgres.connect("owner") as conn:
        row = conn.execute(
            """INSERT INTO import_batches (exam_code, source_name, source_sha256, imported_by,
                rows_read, rows_inserted, rows_known, rows_rejected)
            VALUES ('algebra', 'f', repeat('0', 64), 't', 0, 0, 0, 0) RETURNING id"""
        ).fetchone()
        conn.execute(
            "UPDATE quiz_items SET import_batch_id = %s WHERE quiz_id LIKE 'algebra-c%%'", row
        )
    assert checked().passed


def test_where_nobody_does_it_says_of_how_many(exams):
    result = checked()
    assert result.passed
    assert "days does" in result.description


def test_many_are_named_in_a_table_and_counted(exams):
    many = [
        harvesting.Day(
            items=100 + k, live=100, answers=90, median_s=9.0, exam_code="x", user_id=f"u{k}"
        )
        for k in range(150)
    ]
    result = judged(many)
    assert result.description.startswith("x: u149: ")
    assert result.description.endswith("; and 140 more")
    assert len(suspected(result)) == 100


def test_a_run_tells_it_as_an_alert_without_a_name(days):
    job = dg.define_asset_job("daily", selection=dg.AssetSelection.checks(nobody_harvests))
    defs = dg.Definitions(
        asset_checks=[nobody_harvests], jobs=[job], resources={"database": Database()}
    )
    with dg.DagsterInstance.ephemeral() as instance:
        ended = defs.resolve_job_def("daily").execute_in_process(
            instance=instance, tags={KIND: "marts"}
        )
        assert ended.success
        run = instance.get_run_by_id(ended.run_id)
        alert = alert_of(instance, run, "http://d")
    assert alert is not None
    assert dict(alert.facts)["failed checks"] == "analytics/fact_sessions: nobody_harvests"
    assert "collector" not in repr(alert)
