"""Freshness and volume, exam by exam; Dagster's own policies judge an asset as a whole.

An exam falls silent in a night without new rows, in which nothing is built: these checks run by
the clock as well.
"""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from qbank.postgres import Connection
from qbank.settings import get_settings
from qbank.stores import ages
from qbank_orchestration.checks.by_exam import by_exam
from qbank_orchestration.engine import freshness
from qbank_orchestration.resources import Database

# six hours after the default night; whatever the night's time zone, a day is a day
DAILY: dg.AutomationCondition[Any] = dg.AutomationCondition.cron_tick_passed(
    "0 9 * * *", get_settings().nightly_timezone
)


@dg.asset_check(
    asset=["analytics", "fact_responses"],
    automation_condition=DAILY,
    description="Each exam was answered in the last seven days.",
)
def exams_are_answered(database: Database) -> dg.AssetCheckResult:
    """Warns of exams that fell silent: an import or a delivery may be broken."""
    with database.connect() as conn:
        return by_exam(freshness.data(_aged(conn), datetime.now(UTC)))


@dg.asset_check(
    asset=["analytics", "fact_sessions"],
    automation_condition=DAILY,
    description="Each exam's last full day had as many sessions as its days usually have.",
)
def volume_is_as_usual(database: Database) -> dg.AssetCheckResult:
    """Warns of days that are far busier or quieter than the exam's own."""
    with database.connect() as conn:
        counts = ages.sessions_by_day(conn, days=29)
    return by_exam([freshness.volume(exam, days) for exam, days in sorted(counts.items())])


@dg.asset_check(
    asset="item_exposure_control",
    automation_condition=DAILY,
    description="Each answered exam that asks for exposure control was calibrated in 14 days.",
)
def exams_are_calibrated(database: Database) -> dg.AssetCheckResult:
    """Warns of exams whose calibration keeps failing or was never done."""
    with database.connect() as conn:
        return by_exam(freshness.calibration(_aged(conn), datetime.now(UTC)))


def _aged(conn: Connection) -> list[freshness.Aged]:
    return [freshness.Aged(*row) for row in ages.of_exams(conn)]


CHECKS = [exams_are_answered, volume_is_as_usual, exams_are_calibrated]
