"""What Dagit shows of a mart: its rows, where its columns come from, and what is wrong with it."""

from __future__ import annotations

import re

import dagster as dg
import pytest

from qbank import postgres
from qbank_orchestration.definitions import defs
from qbank_orchestration.instance import instance
from qbank_orchestration.metadata import marts
from qbank_orchestration.running import Runner
from qbank_orchestration.tags import WEEKLY
from tests.orchestration.conftest import ALGEBRA, Exams

FACT = dg.AssetKey(["analytics", "fact_responses"])


def test_a_mart_has_its_columns_with_their_meaning():
    columns = defs.resolve_asset_graph().get(FACT).metadata["dagster/column_schema"].columns
    described = {column.name: (column.type, column.description) for column in columns}
    assert described["attempt_number"][0] == "integer"
    assert all(description for _, description in described.values())


@pytest.mark.slow
def test_a_build_shows_rows_lineage_and_what_is_wrong(
    exams: Exams, runner: Runner, monkeypatch: pytest.MonkeyPatch
):
    with postgres.connect("owner", autocommit=True) as owner:
        rows = _one(owner, "SELECT count(*) FROM analytics.fact_responses")
        activity = _one(owner, "SELECT count(*) FROM analytics.exam_daily_activity")
    monkeypatch.setattr(marts, "COUNTED_ROWS", activity)
    night = runner.run("rebuild_marts")
    assert night.success, night.error
    seen = materialization("fact_responses")
    assert "dagster/row_count" not in seen
    assert seen["rows, estimated"].value == pytest.approx(rows, rel=0.1)
    assert seen["rows written"].value == 0
    assert materialization("exam_daily_activity")["dagster/row_count"].value == activity
    deps = seen["dagster/column_lineage"].value.deps_by_column
    assert deps["topic_id"] == [staged("stg_question_versions", "topic_id")]
    assert staged("stg_user_responses", "is_correct") in deps["is_correct"]
    assert {dep.asset_key.path[-1] for dep in deps["exam_code"]} == {"stg_quiz_sessions"}
    sources = materialization("stg_quiz_sessions", "analytics_staging")
    deps = sources["dagster/column_lineage"].value.deps_by_column
    assert deps["quiz_id"] == [dg.TableColumnDep(dg.AssetKey(["raw", "quiz_sessions"]), "id")]

    with postgres.connect("owner", autocommit=True) as owner:
        owner.execute(
            "UPDATE analytics.exam_daily_activity SET accuracy = 2 WHERE (exam_code, day) ="
            " (SELECT exam_code, min(day) FROM analytics.exam_daily_activity"
            " WHERE exam_code = %s GROUP BY exam_code)",
            (ALGEBRA,),
        )
    week = runner.run("rebuild_marts", tags={WEEKLY: "true"})
    assert week.success, week.error  # a wrong row is told, and stops no night
    assert materialization("fact_responses")["dagster/row_count"].value == rows
    name = "exam_daily_activity_equals_a_full_build"
    assert f"exam_daily_activity.{name}" in week.checks_failed
    found = evaluation(week.run_id, name)
    assert found.severity == dg.AssetCheckSeverity.ERROR
    named = rf"exam_daily_activity: exam_code {ALGEBRA}, day \S+: accuracy is 2, not 0\.\d+"
    assert re.fullmatch(named, found.description)
    assert found.description in found.metadata["differences"].value


def materialization(name: str, schema: str = "analytics") -> dict[str, dg.MetadataValue]:
    with instance() as opened:
        event = opened.get_latest_materialization_event(dg.AssetKey([schema, name]))
    assert event
    assert event.asset_materialization
    return dict(event.asset_materialization.metadata)


def evaluation(run_id: str, check: str) -> dg.AssetCheckEvaluation:
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    with instance() as opened:
        records = opened.get_records_for_run(run_id, of_type=kind).records
    events = [record.event_log_entry.dagster_event.event_specific_data for record in records]
    return next(event for event in events if event.check_name == check)


def staged(name: str, column: str) -> dg.TableColumnDep:
    return dg.TableColumnDep(dg.AssetKey(["analytics_staging", name]), column)


def _one(conn: postgres.Connection, query: str) -> int | str:
    row = conn.execute(query).fetchone()
    return row[0] if row else 0
