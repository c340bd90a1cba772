"""What people and checks are told of the relay: how far each sink is, and what was set aside.

What never lives here: moving a cursor (``cursor``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from qbank.relay import outbox
from qbank.relay.sinks import Delivery, Refused, Sink


@dataclass(frozen=True)
class Standing:
    """How far a sink is.

    Attributes:
        sink: its name.
        behind: events that were committed and that it was not told yet.
        oldest_s: seconds since the oldest of them happened; None where there is none.
        dead_letters: events that were set aside and not sent again, and that are still there: what
            was erased with its person is missed by nobody.
        delivered: events that it took.
        delivered_at: when it took one last.
        heard_at: when whoever leads gave a sign of life last; None where nobody ever led.
        holder: who that is.
        problem: why it does not get on, or an empty string.
    """

    sink: str
    behind: int
    oldest_s: float | None
    dead_letters: int
    delivered: int
    delivered_at: datetime | None
    heard_at: datetime | None
    holder: str
    problem: str


@dataclass(frozen=True)
class DeadLetter:
    """An event that a sink would not take.

    Attributes:
        sink: who would not.
        event_id: the event's id.
        type: what had happened.
        occurred_at: when.
        reason: what was said.
        set_aside_at: when it was set aside.
        kept: whether the outbox still has the event, so that it can be sent again.
    """

    sink: str
    event_id: UUID
    type: str
    occurred_at: datetime
    reason: str
    set_aside_at: datetime
    kept: bool


_OPEN = "d.replayed_at IS NULL AND (%(sink)s::text IS NULL OR d.sink = %(sink)s)"
_OF_EVENT = "FROM event_outbox AS o WHERE o.occurred_at = d.occurred_at AND o.position = d.position"


def standing(conn: Connection[Any]) -> tuple[Standing, ...]:
    """How far each sink is that ever had a relay, by name."""
    sql = f"""SELECT r.sink, undelivered.behind,
            extract(epoch FROM clock_timestamp() - undelivered.oldest)::float8 AS oldest_s,
            (SELECT count(*) FROM event_dead_letters AS d
                WHERE d.sink = r.sink AND d.replayed_at IS NULL
                    AND EXISTS (SELECT {_OF_EVENT})) AS dead_letters,
            r.delivered, r.delivered_at, nullif(r.heard_at, '-infinity') AS heard_at, r.holder,
            r.problem
        FROM event_relays AS r
        CROSS JOIN LATERAL (SELECT count(*) AS behind, min(o.occurred_at) AS oldest
            FROM event_outbox AS o WHERE o.position > r.position) AS undelivered
        ORDER BY r.sink"""  # noqa: S608
    with conn.cursor(row_factory=class_row(Standing)) as cursor:
        return tuple(cursor.execute(sql).fetchall())


LATE_S: Final = 15 * 60.0


def wrong(conn: Connection[Any]) -> list[str]:
    """What a person should look at, a sentence each: who is late and why, and who refused what."""
    said = [problem for sink in standing(conn) for problem in _wrong_with(sink)]
    unread = _unread_s(conn)
    if unread is not None and unread > LATE_S:
        said.append(
            f"events are written since {unread / 60:.0f} minutes and nobody reads along: run qbank"
            " relay, or take QBANK_EVENTS away"
        )
    return said


def _wrong_with(sink: Standing) -> list[str]:
    said = []
    if sink.oldest_s is not None and sink.oldest_s > LATE_S:
        said.append(
            f"{sink.sink} is {sink.behind} events and {sink.oldest_s / 60:.0f} minutes behind: "
            + (sink.problem or "is qbank relay running?")
        )
    if sink.dead_letters:
        said.append(
            f"{sink.sink} would not take {sink.dead_letters} events: qbank relay dead-letters"
        )
    return said


def _unread_s(conn: Connection[Any]) -> float | None:
    """The age of the oldest event where no relay ever ran, and no Debezium either."""
    sql = """SELECT extract(epoch FROM clock_timestamp() - min(occurred_at))::float8
        FROM event_outbox
        WHERE NOT EXISTS (SELECT FROM event_relays) AND NOT EXISTS (
            SELECT FROM pg_replication_slots
            WHERE slot_type = 'logical' AND database = current_database())"""
    row = conn.execute(sql).fetchone()
    return row[0] if row else None


def untold(conn: Connection[Any], before: date) -> dict[str, int]:
    """How many events of before a day (UTC) each sink was not told or would not take, if any."""
    sql = """SELECT r.sink, undelivered.events + refused.events
        FROM event_relays AS r
        CROSS JOIN LATERAL (SELECT count(*) AS events FROM event_outbox AS o
            WHERE o.position > r.position
                AND o.occurred_at < %(before)s::date::timestamp AT TIME ZONE 'UTC') AS undelivered
        CROSS JOIN LATERAL (SELECT count(*) AS events FROM event_dead_letters AS d
            WHERE d.sink = r.sink AND d.replayed_at IS NULL
                AND d.occurred_at < %(before)s::date::timestamp AT TIME ZONE 'UTC') AS refused
        WHERE undelivered.events + refused.events > 0 ORDER BY r.sink"""
    return dict(conn.execute(sql, {"before": before}).fetchall())


def drop_dead_letters(conn: Connection[Any], before: date) -> None:
    """Takes those away whose events the outbox has no longer: they cannot be sent again."""
    conn.execute(
        """DELETE FROM event_dead_letters
        WHERE occurred_at < %s::date::timestamp AT TIME ZONE 'UTC'""",
        (before,),
    )


def dead_letters(conn: Connection[Any], sink: str | None = None) -> tuple[DeadLetter, ...]:
    """What was set aside and not sent again, oldest first."""
    sql = f"""SELECT d.sink, d.event_id, d.type, d.occurred_at, d.reason, d.set_aside_at,
            EXISTS (SELECT {_OF_EVENT}) AS kept
        FROM event_dead_letters AS d WHERE {_OPEN} ORDER BY d.sink, d.position"""  # noqa: S608
    with conn.cursor(row_factory=class_row(DeadLetter)) as cursor:
        return tuple(cursor.execute(sql, {"sink": sink}).fetchall())


def forget(conn: Connection[Any], sink: str) -> bool:
    """Takes a sink away that is to be told nothing any more; False where it was not known."""
    conn.execute("DELETE FROM event_dead_letters WHERE sink = %s", (sink,))
    return conn.execute("DELETE FROM event_relays WHERE sink = %s", (sink,)).rowcount == 1


def replay(
    conn: Connection[Any], sink: Sink, event_ids: Sequence[str] = ()
) -> tuple[int, Delivery]:
    """Sends a sink again what it would not take, and notes what it takes now.

    Args:
        conn: in autocommit.
        sink: who would not.
        event_ids: which; all where empty.

    Returns:
        How many it took, and what became of the others.
    """
    sql = f"""SELECT d.position FROM event_dead_letters AS d
        WHERE {_OPEN} AND (%(ids)s::uuid[] = '{{}}' OR d.event_id = ANY(%(ids)s::uuid[]))
        ORDER BY d.position"""  # noqa: S608
    rows = conn.execute(sql, {"sink": sink.name, "ids": list(event_ids)}).fetchall()
    events = outbox.at(conn, [row[0] for row in rows])
    refused: list[Refused] = []
    left, reason = events, ""
    while left and not reason:  # a sink has so long for a call: without a reason, it was over
        delivery = sink.deliver(left)
        left, reason = delivery.left, delivery.reason
        refused += delivery.refused
    remain = {event.position for event in left} | {entry.event.position for entry in refused}
    taken = [event.position for event in events if event.position not in remain]
    conn.execute(
        """UPDATE event_dead_letters SET replayed_at = clock_timestamp()
        WHERE sink = %s AND position = ANY(%s)""",
        (sink.name, taken),
    )
    return len(taken), Delivery(left, tuple(refused), reason)
