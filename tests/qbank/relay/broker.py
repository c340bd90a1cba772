"""A broker of the real protocol over TCP: librdkafka's mock cluster, in this process or its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, Producer, TopicPartition

_SERVE = """
import sys
from confluent_kafka import Producer
from tests.qbank.relay.broker import servers_of
cluster = Producer({"test.mock.num.brokers": 3})
print(servers_of(cluster), flush=True)
sys.stdin.read()
"""


def servers_of(cluster: Producer) -> str:
    brokers = cluster.list_topics(timeout=10).brokers.values()
    return ",".join(f"{broker.host}:{broker.port}" for broker in brokers)


@contextmanager
def serving() -> Iterator[tuple[str, int]]:
    """Brokers in a process of their own: their addresses, and the process that can be stopped."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.kill()
        process.communicate()


def read_all(servers: str, topic: str, partitions: int = 4) -> list:
    """Every message of a topic, each partition in its order."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "test", "fetch.wait.max.ms": 20})
    found = []
    for number in range(partitions):
        at = TopicPartition(topic, number, 0)
        end = consumer.get_watermark_offsets(at, timeout=10)[1]
        if end <= 0:
            continue
        consumer.assign([at])
        deadline = time.monotonic() + 30
        while not (found and found[-1].partition() == number and found[-1].offset() == end - 1):
            assert time.monotonic() < deadline, "the broker gives less than it has"
            found += [m for m in consumer.consume(5000, timeout=0.2) if not m.error()]
    consumer.close()
    return found
