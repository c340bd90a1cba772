"""Whether ClickHouse has each event of the outbox, once.

Days and types are compared by how many events they have and by a sum over their ids; where these
part, the ids themselves are looked up. What never lives here: mending it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from qbank.relay.kafka import Kafka
from qbank.relay.standing import LATE_S
from qbank.sinking.clickhouse import ClickHouse

NAMED: Final = 20
"""Ids that are named of what is wrong, at most."""
_AT_ONCE = 10_000

# What the brokers were told: not what is on its way still, or was refused and stands as a dead
# letter. An id may come at two times; the last of them counts, as in ClickHouse.
_TOLD: Final = """
FROM (
    SELECT o.id, o.type, max(o.occurred_at) AS occurred_at
    FROM event_outbox AS o
    WHERE o.occurred_at >= %(first)s AND o.occurred_at < %(last)s
        AND o.position <= coalesce(
            (SELECT r.position FROM event_relays AS r WHERE r.sink = %(sink)s), o.position)
        AND NOT EXISTS (
            SELECT FROM event_dead_letters AS d
            WHERE d.sink = %(sink)s AND d.replayed_at IS NULL
                AND (d.position, d.occurred_at) = (o.position, o.occurred_at))
    GROUP BY o.id, o.type
) AS told
"""
_DAY = "(occurred_at AT TIME ZONE 'UTC')::date"
_GROUPS = f"""SELECT {_DAY}, type, count(*),
        bit_xor(('x' || left(replace(id::text, '-', ''), 16))::bit(64)::bigint)
    {_TOLD} GROUP BY 1, 2 ORDER BY 1, 2"""
_IDS = f"SELECT id::text {_TOLD} WHERE {_DAY} = %(day)s AND type = %(type)s"
_THERE = """SELECT toDate(occurred_at), type, count(),
        groupBitXor(reinterpretAsInt64(reverse(substring(UUIDToNum(event_id), 1, 8)))),
        count() - uniqExact(event_id)
    FROM events_once
    WHERE occurred_at >= {first:DateTime64(3, 'UTC')} AND occurred_at < {last:DateTime64(3, 'UTC')}
    GROUP BY 1, 2"""
_FOUND = """SELECT toString(event_id) FROM events
    WHERE type = {type:String} AND event_id IN {ids:Array(UUID)}"""


@dataclass(frozen=True)
class Compared:
    """What a comparison found.

    Attributes:
        first, last: the time that was looked at, from the one and before the other.
        events: ids of that time that the brokers were told.
        missing: how many of them are not in ClickHouse.
        named: the first of these.
        double: rows of `events_once` beyond one for an id.
    """

    first: datetime
    last: datetime
    events: int
    missing: int
    named: tuple[str, ...]
    double: int

    @property
    def wrong(self) -> str:
        """What a person should look at; "" where nothing is."""
        said = []
        if self.missing:
            more = ", …" if self.missing > len(self.named) else ""
            said.append(
                f"{self.missing} of {self.events} events since {self.first:%Y-%m-%d} are not in"
                f" ClickHouse: {', '.join(self.named)}{more}"
            )
        if self.double:
            said.append(f"events_once has {self.double} rows more than ids")
        return "; ".join(said)


def compare(
    conn: Connection[Any], clickhouse: ClickHouse, *, days: int, now: datetime | None = None
) -> Compared:
    """Compares the last days of the outbox with ClickHouse.

    What happened in the last quarter of an hour may be on its way, and is left for the next time.

    Args:
        conn: as the orchestration role.
        clickhouse: what is looked at.
        days: from the beginning of the day that many days ago (UTC).
        now: the moment that it is; the clock's where it is left out.

    Raises:
        UnreachableError: ClickHouse is away or refuses.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    first = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
    window = {"first": first, "last": now - timedelta(seconds=LATE_S)}
    asked = {**window, "sink": Kafka.name}
    told = conn.execute(_GROUPS, asked).fetchall()
    there = {(day, kind): rest for day, kind, *rest in clickhouse.rows(_THERE, window)}
    missing = 0
    named: list[str] = []
    for day, kind, count, digest in told:
        if there.get((day, kind), [0, 0])[:2] == [count, digest]:
            continue
        for ids in _ids(conn, {**asked, "day": day, "type": kind}):
            rows = clickhouse.rows(_FOUND, {"type": kind, "ids": ids})
            lost = sorted({*ids} - {row[0] for row in rows})
            missing += len(lost)
            named += lost[: NAMED - len(named)]
    return Compared(
        **window,
        events=sum(count for _, _, count, _ in told),
        missing=missing,
        named=tuple(named),
        double=sum(rest[2] for rest in there.values()),
    )


def _ids(conn: Connection[Any], values: dict[str, Any]) -> Iterator[Sequence[str]]:
    with conn.transaction(), conn.cursor("ids_of_events") as cursor:
        cursor.execute(_IDS, values)
        while rows := cursor.fetchmany(_AT_ONCE):
            yield [row[0] for row in rows]
