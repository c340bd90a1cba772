"""ClickHouse against the outbox: what is missing is named, and nothing else is."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from qbank.postgres import connect
from qbank.relay import Event
from qbank.sinking import ClickHouse, compare
from qbank.sinking.clickhouse import Message
from qbank_orchestration.checks.relaying import events_are_in_clickhouse
from qbank_orchestration.resources import Database

pytestmark = pytest.mark.alone
pytest.importorskip("chdb", reason="its engine is 180 MB: uv sync --group clickhouse")
NOW = datetime.now(UTC)
_ADD = """INSERT INTO event_outbox
        (occurred_at, id, tenant_id, aggregatetype, aggregateid, type, payload)
    SELECT %(newest)s - n * interval '7 minutes', gen_random_uuid(), 't', 'quiz', 'q',
        CASE WHEN n %% 3 = 0 THEN 'quiz_started' ELSE 'answer_submitted' END, '{}'
    FROM generate_series(0, %(events)s - 1) AS n
    RETURNING position, id::text, tenant_id, aggregatetype, aggregateid, type, occurred_at, '{}'"""


@pytest.fixture
def clickhouse(tmp_path, monkeypatch):
    url = f"chdb://{tmp_path}"
    monkeypatch.setenv("QBANK_CLICKHOUSE_URL", url)
    found = ClickHouse(url)
    found.migrate()
    yield found
    found.close()


@pytest.fixture
def outbox(settings):
    """Four hundred events of the last two days, told to the brokers; oldest first."""
    with connect("owner") as conn:
        rows = conn.execute(_ADD, {"newest": NOW - timedelta(hours=1), "events": 400}).fetchall()
        conn.execute(
            "INSERT INTO event_relays (sink, position) SELECT 'kafka', max(position)"
            " FROM event_outbox"
        )
    return sorted((Event(*row) for row in rows), key=lambda event: event.occurred_at)


def messages(events: list[Event]) -> list[Message]:
    return [Message("t", 0, each.position, each.document().encode()) for each in events]


def compared(clickhouse: ClickHouse):
    with connect("orchestration") as conn:
        return compare(conn, clickhouse, days=5, now=NOW)


def test_all_that_is_there_is_found_however_often_it_came(clickhouse, outbox, command):
    clickhouse.take(messages(outbox))
    clickhouse.take(messages(outbox[:100]))
    found = compared(clickhouse)
    assert (found.events, found.missing, found.double, found.wrong) == (400, 0, 0, "")
    clickhouse.close()
    assert command("sink", "compare", "--days", "5").code == 0
    result = events_are_in_clickhouse(database=Database())
    assert result.passed
    assert "are there, once" in result.description


def test_what_is_missing_is_named(clickhouse, outbox, command):
    lost = [outbox[7], outbox[200], outbox[399]]
    clickhouse.take(messages([event for event in outbox if event not in lost]))
    found = compared(clickhouse)
    assert (found.missing, sorted(found.named)) == (3, sorted(event.id for event in lost))
    clickhouse.close()
    said = command("sink", "compare", "--days", "5")
    assert said.code == 1
    assert lost[1].id in said.err
    result = events_are_in_clickhouse(database=Database())
    assert not result.passed
    assert lost[2].id in result.description


def test_one_in_place_of_another_is_seen(clickhouse, outbox):
    """As many events as there should be, and not the same."""
    other = dataclasses.replace(outbox[10], id="00000000-0000-4000-8000-000000000001")
    clickhouse.take(messages([*outbox[:10], other, *outbox[11:]]))
    assert compared(clickhouse).named == (outbox[10].id,)


def test_what_was_not_told_or_was_refused_is_not_missed(clickhouse, outbox):
    refused, untold = outbox[5], max(outbox, key=lambda event: event.position)
    with connect("owner") as conn:
        conn.execute("UPDATE event_relays SET position = position - 1")
        conn.execute(
            "INSERT INTO event_dead_letters (sink, position, occurred_at, event_id, type, reason)"
            " VALUES ('kafka', %s, %s, %s, 'x', 'no')",
            (refused.position, refused.occurred_at, refused.id),
        )
        conn.execute(_ADD, {"newest": NOW, "events": 1})  # may be on its way
    clickhouse.take(messages([event for event in outbox if event not in (refused, untold)]))
    found = compared(clickhouse)
    assert (found.events, found.wrong) == (398, "")


def test_a_server_that_is_away_fails_the_check_without_its_password(settings, monkeypatch):
    monkeypatch.setenv("QBANK_CLICKHOUSE_URL", "http://me:hush-hush@127.0.0.1:9/default")
    with connect("owner") as conn:
        conn.execute(_ADD, {"newest": NOW - timedelta(hours=1), "events": 1})
    result = events_are_in_clickhouse(database=Database())
    assert not result.passed
    assert "hush" not in result.description
    monkeypatch.delenv("QBANK_CLICKHOUSE_URL")
    assert events_are_in_clickhouse(database=Database()).description == "no ClickHouse is set"
