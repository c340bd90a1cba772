"""ClickHouse's own engine, inside this process: its schema, and each event once."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from qbank.relay import Event
from qbank.sinking import ClickHouse, UnreachableError
from qbank.sinking.clickhouse import Message

pytestmark = pytest.mark.alone
pytest.importorskip("chdb", reason="its engine is 180 MB: uv sync --group clickhouse")
MOMENT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def message(number: int, value: bytes | None = None) -> Message:
    payload = f'{{"quiz_id": "{2**60}", "position": {number}, "is_correct": null}}'
    identity = str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
    event = Event(number, identity, "a/b", "quiz", "q/1", "answer_submitted", MOMENT, payload)
    return Message("qbank.quiz", 0, number, value or event.document().encode())


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory):
    found = ClickHouse(f"chdb://{tmp_path_factory.mktemp('clickhouse')}")
    assert found.migrate() == ["0001_events", "0002_last_minutes"]
    yield found
    found.close()


def test_what_comes_twice_is_there_once(clickhouse):
    assert clickhouse.migrate() == []
    assert clickhouse.take([message(n) for n in range(100)]) == (100, 0)
    assert clickhouse.take([message(n) for n in range(50, 150)]) == (100, 0)
    assert clickhouse.rows("SELECT count() FROM events_once")[0][0] == 150
    assert clickhouse.rows("SELECT count() FROM events")[0][0] >= 150
    assert clickhouse.rows("SELECT DISTINCT tenant_id FROM events_once") == [("a/b",)]
    ((identity, kind, key, moment, data),) = clickhouse.rows(
        """SELECT toString(event_id), aggregatetype, aggregateid, toString(occurred_at), data
        FROM events_once ORDER BY JSONExtractInt(data, 'position') LIMIT 1"""
    )
    assert identity == str(uuid.uuid5(uuid.NAMESPACE_OID, "0"))
    assert (kind, key, moment) == ("quiz", "q/1", "2026-03-01 12:00:00.123")
    assert data == f'{{"quiz_id":"{2**60}","position":0,"is_correct":null}}'


def test_what_is_no_event_is_set_aside_and_the_rest_is_kept(clickhouse):
    wrong = [b"{", b"[]", b"{}", b'{"id": "x", "subject": "quiz/1", "source": "/qbank/t"}', b"\xff"]
    messages = [message(1000 + n, value) for n, value in enumerate(wrong)]
    assert clickhouse.take([*messages, message(1)]) == (1, len(wrong))
    rows = clickhouse.rows("SELECT message_offset, reason FROM event_rejects FINAL ORDER BY 1")
    assert [row[0] for row in rows] == [1000 + n for n in range(len(wrong))]
    assert all(row[1] for row in rows)


def test_minutes_are_counted_as_they_pass(clickhouse):
    clickhouse.rows("SELECT * FROM events_last_minutes")


def test_a_server_that_is_away_is_told_without_its_password():
    with pytest.raises(UnreachableError) as said:
        ClickHouse("http://me:hush-hush@127.0.0.1:9/default").migrate()
    assert "hush" not in str(said.value)
