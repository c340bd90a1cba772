"""Whether those who read along are told what happens.

What never lives here: what is too late (``engine.relaying``).
"""

import dagster as dg

from qbank import relay
from qbank_orchestration.checks.freshness import DAILY
from qbank_orchestration.engine import relaying
from qbank_orchestration.metadata.tables import table
from qbank_orchestration.resources import Database


@dg.asset_check(
    asset=["analytics", "fact_responses"],
    automation_condition=DAILY,
    description="Each sink of the relay was told what happened, and took all of it.",
)
def events_are_relayed(database: Database) -> dg.AssetCheckResult:
    """Warns of sinks that are late, and of events that were set aside."""
    with database.connect() as conn:
        sinks = relay.standing(conn)
    wrong = relaying.found_wrong(sinks)
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
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(wrong) or ("all is told" if sinks else "nobody reads along"),
        metadata={"sinks": table(rows)} if rows else {},
    )
