"""Offsets are committed after the insert alone: what was not kept comes again."""

from __future__ import annotations

import threading
import time

import pytest
import structlog
from confluent_kafka import Consumer, Producer, TopicPartition

from qbank.errors import SettingsError
from qbank.relay import RelaySettings
from qbank.relay.kafka import Kafka, options_of
from qbank.relay.relaying import LONGEST_PAUSE_S
from qbank.sinking import ClickHouseSettings, Consuming, UnreachableError
from qbank.sinking import consuming as consuming_module
from tests.qbank.relay.broker import servers_of
from tests.qbank.relay.events import step
from tests.qbank.relay.test_webhooks import event


class Kept:
    """Stands where ClickHouse does."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int]] = []
        self.away = 0
        self.dies = False

    def migrate(self):
        return []

    def take(self, messages):
        if self.away:
            self.away -= 1
            raise UnreachableError("gone fishing")
        self.steps += [step(message.value) for message in messages]
        if self.dies:
            raise RuntimeError("killed between the insert and the commit")
        return len(messages), 0

    def close(self):
        pass


@pytest.fixture(scope="module")
def cluster():
    return Producer({"test.mock.num.brokers": 1})


@pytest.fixture
def consuming(cluster, request):
    relay = RelaySettings(
        relay_kafka_servers=servers_of(cluster), relay_kafka_topic_prefix=f"{request.node.name}."
    )
    producer = Kafka(options_of(relay), topic_prefix=relay.relay_kafka_topic_prefix)
    assert not producer.deliver([event(n) for n in range(20)]).left
    settings = ClickHouseSettings(clickhouse_wait_s=0.1, clickhouse_group=request.node.name)
    return lambda kept: Consuming(kept, relay, settings)


@pytest.fixture
def committed(cluster, request):
    """Asked of the brokers: they alone say where the group's next member begins."""

    def offsets() -> int:
        group = Consumer({"bootstrap.servers": servers_of(cluster), "group.id": request.node.name})
        topic = f"{request.node.name}.quiz"
        found = group.committed([TopicPartition(topic, n) for n in range(4)], timeout=10)
        group.close()
        return sum(max(0, at.offset) for at in found)

    return offsets


def run_until(consuming, condition):
    thread = threading.Thread(target=consuming.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    consuming.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert condition()


def test_a_server_that_is_away_gets_all_once_it_is_back(consuming, committed, monkeypatch):
    monkeypatch.setattr(consuming_module, "pause_after", lambda _failures: 0.02)
    kept = Kept()
    kept.away = 3
    with structlog.testing.capture_logs() as said:
        run_until(consuming(kept), lambda: len(kept.steps) >= 20)
    assert kept.steps == [("q", n) for n in range(20)]
    assert [entry["event"] for entry in said].count("ClickHouse is away") == 3
    assert committed() == 20


def test_what_was_inserted_before_a_kill_is_not_committed_and_so_comes_again(consuming, committed):
    kept = Kept()
    kept.dies = True
    with pytest.raises(RuntimeError, match="killed between"):
        consuming(kept).run()
    assert kept.steps
    assert committed() == 0


def test_it_stops_though_the_server_stays_away(consuming):
    kept = Kept()
    kept.away = 10**6
    began = time.monotonic()
    reader = consuming(kept)
    run_until(reader, lambda: kept.away < 10**6 or time.monotonic() - began > 10)
    assert kept.steps == []


def test_a_wrong_option_names_the_file(tmp_path):
    file = tmp_path / "kafka.json"
    file.write_text('{"sasl.mechanismus": "PLAIN"}')
    relay = RelaySettings(relay_kafka_servers="127.0.0.1:9", relay_kafka_file=file)
    with pytest.raises(SettingsError, match="QBANK_RELAY_KAFKA_FILE: No such configuration"):
        Consuming(Kept(), relay, ClickHouseSettings())


def test_a_server_may_be_away_for_as_long_as_it_takes(consuming, monkeypatch):
    kept = Kept()
    kept.away = 1100
    sink = consuming(kept)
    pauses = []
    monkeypatch.setattr(sink._stop, "wait", lambda pause: pauses.append(pause))
    assert sink._until_taken(lambda: kept.take([])) == (0, 0)
    assert len(pauses) == 1100
    assert max(pauses) <= LONGEST_PAUSE_S
