"""Reads the outbox in order, and never past an event that is still to be committed.

Positions are given before commit: a reader that goes by the highest one it sees loses those that
commit later. Here the highest is looked up first, and then those transactions are waited for that
have the outbox open for writing, as ``CREATE INDEX CONCURRENTLY`` waits for writers: every position
up to it was given under that lock. Others, however long they take, hold nothing up.

A cut by transaction id (below the snapshot's xmin) loses none either, but breaks the order within a
quiz: a later step can hold a lower transaction id, for it had one before it waited for the earlier
step to end, and be below the cut alone.

What never lives here: cursors, and what becomes of events.
"""

from __future__ import annotations

import threading
from typing import Any

from psycopg import Connection

from qbank.relay.event import Event

CHANNEL = "qbank_events"
_PAUSE_S = 0.01

_HIGHEST = "SELECT max(position) FROM event_outbox WHERE position > %s"
_WRITERS = """SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = 'event_outbox'::regclass
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND mode = 'RowExclusiveLock' AND granted"""
_PAGE = """SELECT position, id::text, tenant_id, aggregatetype, aggregateid, type, occurred_at,
        (payload - 'traceparent')::text, payload ->> 'traceparent'
    FROM event_outbox WHERE position > %s AND position <= %s ORDER BY position LIMIT %s"""


def settled(conn: Connection[Any], after: int, stop: threading.Event) -> int | None:
    """The position up to which nothing more can come; None where there is nothing new.

    Args:
        conn: in autocommit, for each statement has to see what is committed by then.
        after: the cursor.
        stop: ends the wait for writers, with None.
    """
    highest: int | None = conn.execute(_HIGHEST, (after,)).fetchone()[0]  # type: ignore[index]
    if highest is None:
        return None
    writers = _writers(conn)
    while writers:
        if stop.wait(_PAUSE_S):
            return None
        writers &= _writers(conn)
    return highest


def page(conn: Connection[Any], after: int, up_to: int, limit: int) -> tuple[Event, ...]:
    """The next events in order."""
    rows = conn.execute(_PAGE, (after, up_to, limit)).fetchall()
    return tuple(Event(*row) for row in rows)


def any_after(conn: Connection[Any], position: int) -> bool:
    """Whether anything was committed after a position."""
    row = conn.execute("SELECT EXISTS (SELECT FROM event_outbox WHERE position > %s)", (position,))
    return bool(row.fetchone()[0])  # type: ignore[index]


def at(conn: Connection[Any], positions: list[int]) -> tuple[Event, ...]:
    """Events by their positions, in order; those that the outbox keeps no longer are left out."""
    sql = _PAGE.partition("WHERE")[0] + "WHERE position = ANY(%s) ORDER BY position"
    return tuple(Event(*row) for row in conn.execute(sql, (positions,)).fetchall())


def _writers(conn: Connection[Any]) -> set[str]:
    return {row[0] for row in conn.execute(_WRITERS).fetchall()}
