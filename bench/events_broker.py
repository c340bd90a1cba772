"""A broker of the real protocol and a reader of all it gets, in a process of their own.

It is librdkafka's mock cluster, which keeps a few megabytes of a partition: the reader runs beside
it. It may be stopped and continued, and not killed, for it forgets what it had. What never lives
here: who writes to it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

TOPIC, PARTITIONS = "qbank.quiz", 4


class Reader:
    """Counts what comes, by quiz and step.

    Attributes:
        messages: all of them.
        seen: of each quiz, how often each step came.
        disordered: first times of a step before which an earlier step had not come.
        late_s: seconds from the event to its coming, first times alone.
    """

    def __init__(self) -> None:
        self.messages = 0
        self.seen: dict[str, dict[int, int]] = {}
        self.disordered = 0
        self.late_s: list[float] = []

    def take(self, document: bytes) -> None:
        """Counts one message."""
        self.messages += 1
        data = json.loads(document)["data"]
        steps = self.seen.setdefault(data["quiz_id"], {})
        step = data["position"]
        if step not in steps:
            self.disordered += step != len(steps)
            self.late_s.append(time.time() - data["at"])
        steps[step] = steps.get(step, 0) + 1

    def summary(self) -> dict[str, Any]:
        """What came, as JSON can have it."""
        late = sorted(self.late_s)
        return {
            "messages": self.messages,
            "events": sum(map(len, self.seen.values())),
            "disordered": self.disordered,
            "p95_s": late[int(0.95 * (len(late) - 1))] if late else None,
        }


def main() -> None:
    """Says the brokers' addresses, then a summary for each line of input."""
    cluster = Producer({"test.mock.num.brokers": 3})
    brokers = cluster.list_topics(timeout=10).brokers.values()
    servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    cluster.list_topics(TOPIC, timeout=10)  # which makes it
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "bench"})
    consumer.assign([TopicPartition(TOPIC, number, 0) for number in range(PARTITIONS)])
    reader = Reader()
    lock = threading.Lock()

    def read() -> None:
        while True:
            found = consumer.consume(2000, timeout=0.1)
            with lock:
                for message in found:
                    if not message.error():
                        reader.take(message.value() or b"")

    threading.Thread(target=read, daemon=True).start()
    print(servers, flush=True)
    for _ in sys.stdin:
        with lock:
            print(json.dumps(reader.summary()), flush=True)


if __name__ == "__main__":
    main()
