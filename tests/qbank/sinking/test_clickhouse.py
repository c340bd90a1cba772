"""ClickHouse's own engine, inside this process: its schema, and each event once."""

from __future__ import annotations

import base64
import dataclasses
import json
import threading
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from qbank.relay import Event
from qbank.sinking import ClickHouse, ClickHouseSettings, UnreachableError
from qbank.sinking.clickhouse import Message

pytestmark = pytest.mark.alone
pytest.importorskip("chdb", reason="its engine is 180 MB: uv sync --group clickhouse")
MOMENT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def of(number: int) -> Event:
    payload = f'{{"quiz_id": "{2**60}", "position": {number}, "is_correct": null}}'
    identity = str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
    return Event(number, identity, "a/b", "quiz", "q/1", "answer_submitted", MOMENT, payload)


def message(number: int, value: bytes | None = None) -> Message:
    sent = of(number).document().encode() if value is None else value
    return Message("qbank.quiz", 0, number, sent)


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


def test_one_id_is_one_row_whatever_its_time(clickhouse):
    """An alarm that is raised again; a step that is taken again after the database went back."""
    at = [datetime(2026, 3, 31, 23, 59, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)]
    for moment in at:
        again = dataclasses.replace(of(7000), occurred_at=moment)
        clickhouse.take([message(7000, again.document().encode())])
    rows = clickhouse.rows("SELECT toString(event_id), occurred_at FROM events_once")
    assert [row[1].replace(tzinfo=UTC) for row in rows if row[0] == of(7000).id] == at[1:]


def poison():
    """Messages that anybody who may write to the topics can write."""
    good = json.loads(of(1).document())
    for change in (
        {"id": 7},
        {"id": None},
        {"subject": 5},
        {"source": ["/qbank/t"]},
        {"type": {}},
        {"type": "\ud800"},
        {"data": []},
        {"data": {"x": "\udfff"}},
        {"data": {"x": float("nan")}},
        {"time": "0001-01-01T00:00:00+14:00"},
        {"time": "9999-12-31T23:59:59-14:00"},
        {"time": "2026-03-01T12:00:00"},
        {"time": 1},
    ):
        yield json.dumps(good | change).encode()
    yield from (b"{", b"[]", b"{}", b"", b"\xff", b"null", b"[" * 100_000)


def test_what_is_no_event_is_set_aside_and_the_rest_is_kept(clickhouse):
    wrong = list(poison())
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


def test_a_password_of_any_letters_goes_beside_the_address():
    seen: list[str] = []

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.headers["Authorization"].removeprefix("Basic "))
            self.send_error(403)

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://me@127.0.0.1:{server.server_port}/qbank"
        settings = ClickHouseSettings(
            clickhouse_url=SecretStr(url), clickhouse_password=SecretStr("p/ä@:ss")
        )
        with pytest.raises(UnreachableError):
            ClickHouse.configured(settings).migrate()
        server.shutdown()
    assert base64.b64decode(seen[0]).decode() == "me:p/ä@:ss"
