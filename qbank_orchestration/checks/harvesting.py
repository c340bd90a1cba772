"""Persons whose last day looks as if they collect an exam's items.

An error, so that it is told as an alert: a person should look before the next exam is given. What
never lives here: what looks like it (``qbank.stores.harvesting``).
"""

from collections.abc import Sequence
from dataclasses import asdict

import dagster as dg

from qbank.stores import harvesting
from qbank.stores.harvesting import Day
from qbank_orchestration.checks.freshness import DAILY
from qbank_orchestration.metadata.tables import table
from qbank_orchestration.resources import Database

SHOWN = 100
"""Persons in the table, those who were served most."""
_NAMED = 10


@dg.asset_check(
    asset=["analytics", "fact_sessions"],
    automation_condition=DAILY,
    description="Nobody's last day looks like harvesting of items.",
)
def nobody_harvests(database: Database) -> dg.AssetCheckResult:
    """Names the persons whose last day does, by exam, and why."""
    with database.connect() as conn:
        return judged(harvesting.of_everybody(conn))


def judged(days: Sequence[Day]) -> dg.AssetCheckResult:
    """The check's result, of everybody's days."""
    found = sorted((day for day in days if day.suspicion), key=lambda day: -day.items)
    named = [f"{day.exam_code}: {day.user_id}: {day.suspicion}" for day in found[:_NAMED]]
    if len(found) > _NAMED:
        named.append(f"and {len(found) - _NAMED} more")
    rows = [asdict(day) | {"why": day.suspicion} for day in found[:SHOWN]]
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(named) or f"none of {len(days)} persons' days does",
        metadata={
            "persons": len(days),
            "persons_suspected": len(found),
            **({"by_person": table(rows)} if rows else {}),
        },
    )
