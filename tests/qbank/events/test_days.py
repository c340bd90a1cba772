"""Days of the outbox: one partition each, made ahead, dropped whole; and who may write where."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from psycopg.errors import InsufficientPrivilege

from qbank.postgres import connect
from qbank.retention import RetentionSettings, old_events

_ADD = """INSERT INTO event_outbox (occurred_at, id, tenant_id, aggregatetype, aggregateid, type,
        payload)
    VALUES (%s, event_id(%s), %s, 'quiz', 'q', 'quiz_started', '{}')"""
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
DAY = timedelta(days=1)


def partitions() -> list[str]:
    with connect() as conn:
        return [
            row[0]
            for row in conn.execute(
                """SELECT relname FROM pg_class WHERE relkind = 'r'
                AND relnamespace = 'event_days'::regnamespace ORDER BY 1"""
            )
        ]


def of_days(first: date, count: int) -> list[str]:
    return [f"outbox_{first + step * DAY:%Y%m%d}" for step in range(count)]


def add(*moments: datetime) -> None:
    with connect() as conn:
        for moment in moments:
            conn.execute(_ADD, (moment, str(moment), "demo"))


def kept() -> list[tuple[str, str]]:
    with connect() as conn:
        return conn.execute(
            """SELECT tableoid::regclass::text, occurred_at::date::text FROM event_outbox
            ORDER BY occurred_at"""
        ).fetchall()


def test_days_are_made_ahead_and_dropped_with_what_is_in_them(settings):
    today = NOON.date()
    assert partitions() == [*of_days(today, 8), "rest"]
    with connect() as conn:  # as one that was made then
        conn.execute(
            """CREATE TABLE event_days.outbox_20200101 PARTITION OF event_outbox
            FOR VALUES FROM ('2020-01-01 00:00Z') TO ('2020-01-02 00:00Z')"""
        )
    add(datetime(2020, 1, 1, tzinfo=UTC), NOON, NOON + DAY, NOON + 30 * DAY)
    places = [f"event_days.{name}" for name in (*of_days(today, 2), "rest")]
    assert [place for place, _ in kept()] == ["event_days.outbox_20200101", *places]
    keep = RetentionSettings(keep_events_days=1)
    assert old_events(NOON, keep, settings, dry_run=True).count == 1
    assert len(kept()) == 4
    assert old_events(NOON, keep, settings, dry_run=False).count == 1
    assert [place for place, _ in kept()] == places
    assert partitions() == [*of_days(today, 8), "rest"]


def test_it_is_said_where_somebody_was_not_told(settings):
    """A bound is a bound, but nobody is to find out by himself."""
    keep = RetentionSettings(keep_events_days=1)
    add(NOON - 3 * DAY, NOON - 2 * DAY, NOON)
    dry = old_events(NOON, keep, settings, dry_run=True)
    assert (dry.count, dry.problem) == (2, "")  # nobody ever read along
    with connect() as conn:
        conn.execute(
            """INSERT INTO event_relays (sink, position)
            SELECT s, min(position) + n FROM event_outbox, (VALUES ('a', -1), ('b', 0), ('c', 1))
                AS v (s, n) GROUP BY s, n"""
        )
    said = "and a was not told 2 of them, b was not told 1 of them"
    for dry_run in (True, False):
        answer = old_events(NOON, keep, settings, dry_run=dry_run)
        assert answer.problem.endswith(said), answer.problem
        assert f"before {NOON.date() - DAY} are past QBANK_KEEP_EVENTS_DAYS" in answer.problem
    assert old_events(NOON, keep, settings, dry_run=False).problem == ""
    assert [day for _, day in kept()] == [str(NOON.date())]


def test_without_a_partition_an_event_is_kept_and_no_day_is_lost(settings):
    with connect() as conn:
        conn.execute(f"DROP TABLE event_days.{of_days(NOON.date(), 1)[0]}")
    add(NOON, NOON - 3 * DAY)
    assert {place for place, _ in kept()} == {"event_days.rest"}
    with connect("orchestration") as conn:
        # a day with rows in the rest stays there
        assert conn.execute("SELECT make_event_days(8)").fetchone() == (1,)
        assert conn.execute("SELECT drop_event_days(%s)", (NOON.date(),)).fetchone() == (0,)
        conn.commit()
        # today is never dropped
        conn.execute("SELECT drop_event_days(%s)", (NOON.date() + 9 * DAY,))
    assert kept() == [("event_days.rest", str(NOON.date()))]


def test_the_apis_role_adds_events_of_its_tenant_and_reads_none(settings):
    with connect("delivery", autocommit=True) as conn:
        conn.execute("SELECT set_config('qbank.tenant_id', 'demo', false)")
        conn.execute(_ADD, (NOON, "one", "demo"))
        for refused in (
            lambda: conn.execute(_ADD, (NOON, "two", "other")),
            lambda: conn.execute("SELECT FROM event_outbox"),
            lambda: conn.execute("DELETE FROM event_outbox"),
            lambda: conn.execute("TABLE event_days.rest"),
            lambda: conn.execute("SELECT make_event_days(1)"),
        ):
            with pytest.raises(InsufficientPrivilege):
                refused()
    with connect("orchestration") as conn:
        rows = conn.execute("SELECT tenant_id, id FROM event_outbox").fetchall()
        with pytest.raises(InsufficientPrivilege):
            conn.execute("DELETE FROM event_outbox")
    # sha256 of the name, with the version and the variant of RFC 9562
    digits = list(hashlib.sha256(b"one").hexdigest()[:32])
    digits[12] = digits[16] = "8"
    assert rows == [("demo", uuid.UUID("".join(digits)))]
