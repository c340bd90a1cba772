"""Kafka: keys, order and every event, over the real protocol."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import threading
import time

import pytest
import structlog
from confluent_kafka import Producer

from qbank.errors import SettingsError
from qbank.relay import RelaySettings, configured_sinks
from qbank.relay import kafka as kafka_module
from qbank.relay.kafka import Kafka
from tests.qbank.relay.broker import read_all, servers_of, serving
from tests.qbank.relay.events import step
from tests.qbank.relay.test_webhooks import event


@pytest.fixture(scope="module")
def cluster():
    # whoever has it keeps it up
    return Producer({"test.mock.num.brokers": 3})


def test_a_quiz_is_one_partition_in_its_order(cluster):
    servers = servers_of(cluster)
    sink = Kafka({"bootstrap.servers": servers}, topic_prefix="order.")
    batch = [event(n, f"quiz-{n % 10}") for n in range(500)]
    assert sink.deliver(batch) == kafka_module.Delivery()
    sink.close()
    messages = read_all(servers, "order.quiz")
    assert len(messages) == 500
    assert len({m.partition() for m in messages}) > 1
    by_key: dict[bytes, list] = {}
    for message in messages:
        by_key.setdefault(message.key(), []).append(message)
        assert message.headers() == [("content-type", b"application/cloudevents+json")]
        assert json.loads(message.value())["type"] == "answer_submitted"
    for key, of_quiz in by_key.items():
        assert len({m.partition() for m in of_quiz}) == 1
        numbers = [step(m.value())[1] for m in of_quiz]
        assert numbers == [n for n in range(500) if f"quiz-{n % 10}" == key.decode()]


def test_an_event_too_large_is_refused_and_the_rest_goes_on(cluster):
    options = {"bootstrap.servers": servers_of(cluster), "message.max.bytes": 2000}
    sink = Kafka(options, topic_prefix="large.")
    large = event(1, "q" * 3000)
    delivery = sink.deliver([event(0), large, event(2)])
    assert [entry.event for entry in delivery.refused] == [large]
    assert "too large" in delivery.refused[0].reason.lower()
    assert delivery.left == ()
    assert len(read_all(servers_of(cluster), "large.quiz")) == 2
    sink.close()


def test_brokers_that_hang_get_it_when_they_are_back_once_and_in_order(monkeypatch):
    monkeypatch.setattr(kafka_module, "PATIENCE_S", 1.0)
    with serving() as (servers, process):
        sink = Kafka({"bootstrap.servers": servers}, topic_prefix="hang.")
        assert not sink.deliver([event(0)]).left
        os.kill(process, signal.SIGSTOP)
        batch = [event(n) for n in range(1, 50)]
        delivery = sink.deliver(batch)
        assert delivery.left == tuple(batch)
        assert delivery.reason
        os.kill(process, signal.SIGCONT)
        deadline = time.monotonic() + 30
        while delivery.left:
            assert time.monotonic() < deadline
            delivery = sink.deliver(delivery.left)
        sink.close()
        numbers = [step(m.value())[1] for m in read_all(servers, "hang.quiz")]
        assert numbers == list(range(50))


def test_a_position_that_comes_again_is_another_event(monkeypatch):
    """As after a database was restored, with events under way that it does not have any more."""
    with serving() as (servers, process):
        sink = Kafka({"bootstrap.servers": servers}, topic_prefix="again.")
        assert not sink.deliver([event(0)]).left
        monkeypatch.setattr(kafka_module, "PATIENCE_S", 0.5)
        os.kill(process, signal.SIGSTOP)
        assert sink.deliver([event(1)]).left
        restored = dataclasses.replace(event(1, "other"), id="id-other")
        left = sink.deliver([restored]).left
        os.kill(process, signal.SIGCONT)
        deadline = time.monotonic() + 30
        while left:
            assert time.monotonic() < deadline
            left = sink.deliver(left).left
        sink.close()
        found = {step(m.value()) for m in read_all(servers, "again.quiz")}
        assert ("other", 1) in found


def test_where_no_broker_is_it_lets_go_at_once(monkeypatch):
    monkeypatch.setattr(kafka_module, "PATIENCE_S", 0.5)
    with structlog.testing.capture_logs() as said:
        sink = Kafka({"bootstrap.servers": "127.0.0.1:9"})
        delivery = sink.deliver([event(0)])
    # librdkafka's lines are those of the log's format
    assert "127.0.0.1:9" in said[0]["event"]
    assert len(delivery.left) == 1
    assert "127.0.0.1:9" in delivery.reason
    closing = threading.Thread(target=sink.close)
    closing.start()
    closing.join(5)
    assert not closing.is_alive()


def test_a_file_of_options_adds_and_takes_no_guarantee_away(tmp_path, monkeypatch):
    file = tmp_path / "kafka.json"
    monkeypatch.setenv("QBANK_RELAY_KAFKA_SERVERS", "127.0.0.1:9")
    monkeypatch.setenv("QBANK_RELAY_KAFKA_FILE", str(file))
    for text, said in (
        ('{"acks": 1}', "may not set acks: leave it out"),
        ('{"bootstrap.servers": "x:1"}', "may not set bootstrap.servers: leave it out"),
        ('{"sasl.mechanismus": "PLAIN"}', "No such configuration property"),
        ("[1]", "is no JSON object"),
        ("", "cannot be read"),
    ):
        file.write_text(text)
        with pytest.raises(SettingsError, match=said):
            configured_sinks(RelaySettings.load())
    file.write_text('{"security.protocol": "plaintext"}')
    (sink,) = configured_sinks(RelaySettings.load())
    sink.close()
