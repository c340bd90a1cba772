"""Whether those who read along are told what happens.

An error, so that it is told as an alert: what is not told in time is not told at all. What never
lives here: what is too late (``qbank.relay``).
"""

import dagster as dg

from qbank import relay
from qbank_orchestration.checks.freshness import DAILY
from qbank_orchestration.metadata.tables import table
from qbank_orchestration.resources import Database


@dg.asset_check(
    asset=["analytics", "fact_responses"],
    automation_condition=DAILY,
    description="Each sink of the relay was told what happened, and took all of it.",
)
def events_are_relayed(database: Database) -> dg.AssetCheckResult:
    """Names sinks that are late, events that were set aside, and those that nobody reads."""
    with database.connect() as conn:
        sinks, wrong = relay.standing(conn), relay.wrong(conn)
    rows = [
        {
            "sink": sink.sink,
            "behind": sink.behind,
            "oldest_s": sink.oldest_s,
            "dead_letters": sink.dead_letters,
            "delivered": sink.delivered,
            "problem": sink.problem,
        }
        for sink in sinks
    ]
    return dg.AssetCheckResult(
        passed=not wrong,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(wrong) or ("all is told" if sinks else "nobody reads along"),
        metadata={"sinks": table(rows)} if rows else {},
    )
