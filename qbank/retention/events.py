"""Days of the event outbox: made ahead, and dropped when they were kept long enough.

What never lives here: writing events (the statements of the steps), and delivering them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from qbank import relay
from qbank.postgres import connect
from qbank.retention.settings import Removed, RetentionSettings
from qbank.settings import Settings

DAYS_AHEAD: Final = 7
"""Where no job ran for longer, events go to a partition of their own until one does."""


def old_events(
    now: datetime, keep: RetentionSettings, settings: Settings, *, dry_run: bool
) -> Removed:
    """Drops days that are past keeping, delivered or not, and makes those to come.

    Whoever was not told by then is not told at all, and the answer says so. A `dry_run` only
    counts.
    """
    before = (now.astimezone(UTC) - timedelta(days=keep.keep_events_days)).date()
    with connect("orchestration", settings=settings) as conn:
        old = """SELECT count(*) FROM event_outbox
            WHERE occurred_at < %s::date::timestamp AT TIME ZONE 'UTC'"""
        row = conn.execute(old, (before,)).fetchone()
        lost = relay.untold(conn, before)
        if not dry_run:
            conn.execute("SELECT make_event_days(%s), drop_event_days(%s)", (DAYS_AHEAD, before))
            relay.drop_dead_letters(conn, before)
    told = ", ".join(f"{sink} was not told {count} of them" for sink, count in lost.items())
    return Removed(
        "events of the outbox",
        int(row[0]) if row else 0,
        problem=told and f"events before {before} are past QBANK_KEEP_EVENTS_DAYS, and {told}",
    )
