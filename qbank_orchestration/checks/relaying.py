"""Whether those who read along, and gradebooks, are told what happens.

Errors, so that they are told as alerts: what is not told in time is not told at all. What never
lives here: what is too late (``qbank.relay``), and what is missing (``qbank.sinking``).
"""

import dagster as dg

from qbank import relay
from qbank.errors import QbankError
from qbank.stores import lti_scores
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


@dg.asset_check(
    asset=["analytics", "fact_responses"],
    automation_condition=DAILY,
    description="Each learning platform took the scores of those whom it launched.",
)
def scores_are_passed_back(database: Database) -> dg.AssetCheckResult:
    """Tells of scores that were given up in the last 30 days, and not sent again since."""
    with database.connect() as conn:
        wrong = lti_scores.wrong(conn)
    return dg.AssetCheckResult(
        passed=not wrong,
        severity=dg.AssetCheckSeverity.ERROR,
        description=wrong or "no score was given up",
    )


@dg.asset_check(
    asset=["analytics", "fact_responses"],
    automation_condition=DAILY,
    description="ClickHouse, where one is set, has each event that the brokers were told, once.",
)
def events_are_in_clickhouse(database: Database) -> dg.AssetCheckResult:
    """Names events of yesterday and today that are missing, or there twice."""
    from qbank.sinking import ClickHouse, ClickHouseSettings, compare

    clickhouse = ClickHouse.configured(ClickHouseSettings.load())
    if clickhouse is None:
        return dg.AssetCheckResult(passed=True, description="no ClickHouse is set")
    try:
        with database.connect() as conn:
            found = compare(conn, clickhouse, days=1)
    except QbankError as error:
        return dg.AssetCheckResult(
            passed=False, severity=dg.AssetCheckSeverity.ERROR, description=str(error)
        )
    finally:
        clickhouse.close()
    return dg.AssetCheckResult(
        passed=not found.wrong,
        severity=dg.AssetCheckSeverity.ERROR,
        description=found.wrong or f"all of {found.events} events are there, once",
        metadata={
            "events": found.events,
            "missing": found.missing,
            "double": found.double,
            "since": found.first.isoformat(),
        },
    )
