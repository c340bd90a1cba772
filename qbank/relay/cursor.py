"""How far a sink is, and who leads it: ``event_relays``; what is passed over is set aside by name.

The advisory lock only keeps two from doing the same work. What is right does not rest on it, for
behind a transaction pooler it says nothing: whoever leads takes a new epoch, and the newest epoch
alone moves the cursor. Two that send at once send the same events, each in order and from a place
up to which all were taken, so that whoever drops what it had already has none out of order.

What never lives here: sending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from qbank.relay.event import Event

SILENT_S = 60.0
"""After so long without a word whoever leads has died, even if its lock is still held."""
WAITS_S = 30.0

# a database that was restored under this connection may have the epoch, and never the position
_MINE = "sink = %(sink)s AND epoch = %(epoch)s AND position = %(position)s"
_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('qbank.relay:' || %s, 0))"


@dataclass(frozen=True)
class Cursor:
    """What whoever leads holds.

    Attributes:
        sink: its name.
        position: every event up to it was taken or set aside.
        epoch: of this lead.
    """

    sink: str
    position: int
    epoch: int


class DeposedError(Exception):
    """Another process leads this sink now, or the database is another one than it was."""


def lead(conn: Connection[Any], sink: str, holder: str, *, lock_counts: bool) -> Cursor | None:
    """Takes the lead, unless another one has it.

    Args:
        conn: a session of one's own, in autocommit; the lead ends with it.
        sink: what is led.
        holder: who asks, for people.
        lock_counts: whether the session's lock is enough; else the other one has to be silent.
    """
    conn.execute("INSERT INTO event_relays (sink) VALUES (%s) ON CONFLICT DO NOTHING", (sink,))
    row = conn.execute(_LOCK, (sink,)).fetchone()
    sql = """UPDATE event_relays SET epoch = epoch + 1, holder = %(holder)s,
            heard_at = clock_timestamp(), waits_until = NULL
        WHERE sink = %(sink)s
            AND (%(free)s OR heard_at < clock_timestamp() - make_interval(secs => %(silent)s))
        RETURNING sink, position, epoch"""
    free = bool(row and row[0]) and lock_counts
    values = {"sink": sink, "holder": holder, "free": free, "silent": SILENT_S}
    with conn.cursor(row_factory=class_row(Cursor)) as cursor:
        return cursor.execute(sql, values).fetchone()


def move(
    conn: Connection[Any],
    cursor: Cursor,
    taken: Sequence[Event],
    refused: Sequence[tuple[Event, str]] = (),
) -> Cursor:
    """Moves past events that were all taken or refused; the refused are set aside with it.

    Raises:
        DeposedError: another one leads.
    """
    sql = f"""UPDATE event_relays SET position = %(to)s, problem = '', waits_until = NULL,
            delivered = delivered + %(delivered)s, heard_at = clock_timestamp(),
            delivered_at = CASE WHEN %(delivered)s > 0 THEN clock_timestamp() ELSE delivered_at END
        WHERE {_MINE}"""  # noqa: S608
    position = taken[-1].position
    values = {"to": position, "delivered": len(taken) - len(refused)} | _whose(cursor)
    with conn.transaction():
        _held(conn, sql, values)
        for event, reason in refused:
            _set_aside(conn, cursor.sink, event, reason)
    return Cursor(cursor.sink, position, cursor.epoch)


def say(conn: Connection[Any], cursor: Cursor, problem: str = "", *, waits: bool = False) -> None:
    """Shows that whoever leads is alive, what stands in its way, and whether to wake it.

    Raises:
        DeposedError: another one leads.
    """
    sql = f"""UPDATE event_relays SET heard_at = clock_timestamp(), problem = %(problem)s,
            waits_until = CASE WHEN %(waits)s THEN
                clock_timestamp() + make_interval(secs => %(waits_s)s) END
        WHERE {_MINE}"""  # noqa: S608
    _held(conn, sql, {"problem": problem, "waits": waits, "waits_s": WAITS_S} | _whose(cursor))


def leave(conn: Connection[Any], cursor: Cursor) -> None:
    """Ends in good order: nobody is to be woken."""
    sql = f"UPDATE event_relays SET waits_until = NULL WHERE {_MINE}"  # noqa: S608
    conn.execute(sql, _whose(cursor))


def _whose(cursor: Cursor) -> dict[str, Any]:
    return {"sink": cursor.sink, "epoch": cursor.epoch, "position": cursor.position}


def _held(conn: Connection[Any], sql: str, values: dict[str, Any]) -> None:
    if conn.execute(sql, values).rowcount == 0:
        raise DeposedError(values["sink"])


def _set_aside(conn: Connection[Any], sink: str, event: Event, reason: str) -> None:
    sql = """INSERT INTO event_dead_letters (sink, position, occurred_at, event_id, type, reason)
        VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (sink, position) DO UPDATE
        SET reason = excluded.reason, set_aside_at = excluded.set_aside_at, replayed_at = NULL"""
    conn.execute(sql, (sink, event.position, event.occurred_at, event.id, event.type, reason))
