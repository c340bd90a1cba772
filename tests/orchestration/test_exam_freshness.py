"""Checks of all exams name every exam that is not fine, and run when nothing is built."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from qbank import postgres
from qbank_orchestration.checks import freshness
from qbank_orchestration.checks.by_exam import by_exam
from qbank_orchestration.definitions import defs
from qbank_orchestration.resources import Database
from qbank_orchestration.sensors import daily
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, Exams


def judged(check: dg.AssetChecksDefinition) -> dg.AssetCheckResult:
    result = check(database=Database())
    assert isinstance(result, dg.AssetCheckResult)
    return result


def rows(result: dg.AssetCheckResult) -> dict[str, dict]:
    return {r.data["exam_code"]: r.data for r in result.metadata["by_exam"].value.records}


def test_every_silent_exam_is_named(exams: Exams):
    with postgres.connect("owner") as conn:
        conn.execute(
            "UPDATE analytics.fact_sessions SET source_changed_at = now() - interval '8 days'"
        )
    result = judged(freshness.exams_are_answered)
    assert not result.passed
    assert result.severity is dg.AssetCheckSeverity.WARN
    assert f"{ALGEBRA}: the newest response is 8.0 days old" in result.description
    assert f"{GEOMETRY}: the newest response is 8.0 days old" in result.description
    assert result.metadata["exams_not_fine"].value == 2


def test_a_fresh_exam_hides_no_silent_one(exams: Exams):
    with postgres.connect("owner") as conn:
        conn.execute(
            "UPDATE analytics.fact_sessions SET source_changed_at = now() - CASE exam_code"
            " WHEN 'algebra' THEN interval '8 days' ELSE interval '0' END"
        )
    result = judged(freshness.exams_are_answered)
    assert not result.passed
    assert GEOMETRY not in result.description
    found = rows(result)
    assert {exam: row["fine"] for exam, row in found.items()} == {ALGEBRA: False, GEOMETRY: True}
    assert found[ALGEBRA]["days"] == pytest.approx(8, abs=0.1)
    assert found[ALGEBRA]["allowed_days"] == 7


def test_exams_without_a_calibration_and_odd_days_are_named(exams: Exams):
    result = judged(freshness.exams_are_calibrated)
    assert result.description == (
        f"{ALGEBRA}: the calibration is missing; {GEOMETRY}: the calibration is missing"
    )
    with postgres.connect("owner") as conn:
        conn.execute(
            "UPDATE analytics.fact_sessions SET started_on = (now() AT TIME ZONE 'UTC')::date - 1"
            " WHERE exam_code = 'geometry' AND started_on > now() - interval '12 days'"
        )
    volume = judged(freshness.volume_is_as_usual)
    assert not volume.passed
    assert GEOMETRY in volume.description
    assert ALGEBRA not in volume.description
    assert rows(volume)[GEOMETRY]["last"] == 600


def test_without_an_exam_nothing_is_stale(settings):
    assert by_exam([]).passed
    assert by_exam([]).metadata["exams"].value == 0


def test_they_run_once_a_day_although_nothing_was_built():
    keys = {key for check in daily.CHECKS for key in check.check_keys}
    with dg.DagsterInstance.ephemeral() as instance:
        cursor, asked = None, []
        morning = datetime(2026, 3, 2, 8, 58, tzinfo=UTC)
        for minutes in (0, 1, 3, 4, 60, 24 * 60 + 3):
            found = dg.evaluate_automation_conditions(
                defs,
                instance,
                asset_selection=dg.AssetSelection.checks(*daily.CHECKS),
                evaluation_time=morning + timedelta(minutes=minutes),
                cursor=cursor,
            )
            cursor = found.cursor
            asked.append(found.total_requested)
    assert asked == [0, 0, len(keys), 0, 0, len(keys)]
