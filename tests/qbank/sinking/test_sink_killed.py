"""`qbank sink clickhouse` killed while it inserts: nothing is missing, nothing is there twice."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import time
import uuid

import pytest
from confluent_kafka import Consumer, TopicPartition

from qbank.relay import RelaySettings
from qbank.relay.kafka import Kafka, options_of
from qbank.sinking import ClickHouse
from tests.qbank.relay.broker import serving
from tests.qbank.relay.test_webhooks import event

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]
pytest.importorskip("chdb", reason="its engine is 180 MB: uv sync --group clickhouse")
SINK = [sys.executable, "-c", "from qbank.cli import main; main()", "sink", "clickhouse"]
EVENTS, QUIZZES = 8_000, 40


def test_nothing_is_missing_and_nothing_double(settings, tmp_path, monkeypatch):
    folder, options = tmp_path / "clickhouse", tmp_path / "kafka.json"
    # a member that was killed is missed sooner
    options.write_text(json.dumps({"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}))
    with serving() as (servers, _process):
        monkeypatch.setenv("QBANK_RELAY_KAFKA_SERVERS", servers)
        monkeypatch.setenv("QBANK_RELAY_KAFKA_FILE", str(options))
        monkeypatch.setenv("QBANK_CLICKHOUSE_URL", f"chdb://{folder}")
        monkeypatch.setenv("QBANK_CLICKHOUSE_BATCH", "100")
        relay = RelaySettings.load()
        producer = Kafka(options_of(relay))
        assert not producer.deliver([uuid_event(n) for n in range(EVENTS)]).left
        for part in (1, 2, 3):
            sink = subprocess.Popen(SINK, stderr=subprocess.DEVNULL)
            wait_for(servers, part * EVENTS // 5)
            sink.kill()
            sink.wait()
        sink = subprocess.Popen(SINK, stderr=subprocess.DEVNULL)
        wait_for(servers, EVENTS)
        sink.send_signal(signal.SIGTERM)
        assert sink.wait(30) == 0
    found = ClickHouse(f"chdb://{folder}")
    ((once, distinct),) = found.rows("SELECT count(), uniqExact(event_id) FROM events_once")
    assert (once, distinct) == (EVENTS, EVENTS)
    assert found.rows("SELECT count() FROM event_rejects") == [(0,)]
    found.close()


def uuid_event(number: int):
    made = event(number, f"quiz-{number % QUIZZES}")
    return dataclasses.replace(made, id=str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))))


def wait_for(servers: str, offsets: int) -> None:
    """Until the group has committed so many."""
    asking = Consumer({"bootstrap.servers": servers, "group.id": "qbank-clickhouse"})
    parts = [TopicPartition("qbank.quiz", number) for number in range(4)]
    deadline = time.monotonic() + 60
    while sum(max(0, at.offset) for at in asking.committed(parts, timeout=10)) < offsets:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    asking.close()
