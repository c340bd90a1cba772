"""Brings what a consumer group has not had yet into ClickHouse, until it is told to stop.

What never lives here: ClickHouse's side.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, get_args

import structlog

from qbank.alerts.redaction import redact
from qbank.events.models import Aggregate
from qbank.relay.kafka import client, options_of
from qbank.relay.relaying import pause_after
from qbank.relay.settings import RelaySettings
from qbank.sinking.clickhouse import ClickHouse, Message, UnreachableError
from qbank.sinking.settings import ClickHouseSettings
from qbank.telemetry import TRACEPARENT, Tracing, came_of

_log = structlog.get_logger("qbank.sinking")


class Consuming:
    """One member of a consumer group; as many as there are partitions may run."""

    def __init__(
        self,
        clickhouse: ClickHouse,
        relay: RelaySettings,
        settings: ClickHouseSettings,
        tracing: Tracing | None = None,
    ) -> None:
        """Prepares; brokers are looked for in the background.

        Raises:
            SettingsError: no broker is set, or confluent-kafka is not installed.
        """
        self._clickhouse = clickhouse
        self._settings = settings
        self._tracing = tracing
        self._stop = threading.Event()
        self._consumer = _consumer(relay, settings.clickhouse_group)

    def stop(self) -> None:
        """Ends `run` when the batch at hand is in, or could not be brought in."""
        self._stop.set()

    def run(self) -> None:
        """Consumes until `stop`; a server that is away is tried again."""
        try:
            if self._until_taken(self._clickhouse.migrate) is not None:
                _log.info("consuming")
                while not self._stop.is_set():
                    self._batch()
        finally:
            # its partitions go to another member at once, from what was committed on
            self._consumer.close()
            self._clickhouse.close()

    def _batch(self) -> None:
        from confluent_kafka import KafkaException

        found = self._read()
        if not found:
            return
        began_ns = time.time_ns()
        messages = [Message(m.topic(), m.partition(), m.offset(), m.value() or b"") for m in found]
        taken = self._until_taken(lambda: self._clickhouse.take(messages))
        if taken is None:
            return
        if self._tracing is not None:
            _trace(self._tracing, found, began_ns)
        if taken[1]:
            _log.error("messages are no events: see event_rejects", messages=taken[1])
        try:
            # after the insert alone: what is not committed comes again, with the same ids
            self._consumer.commit(asynchronous=False)
        except KafkaException as error:
            _log.warning("offsets were not committed", error=redact(str(error)))

    def _read(self) -> Sequence[Any]:
        until = time.monotonic() + self._settings.clickhouse_wait_s
        found: list[Any] = []
        while len(found) < self._settings.clickhouse_batch and not self._stop.is_set():
            left = until - time.monotonic()
            if left <= 0:
                break
            room = self._settings.clickhouse_batch - len(found)
            for message in self._consumer.consume(min(room, 10_000), timeout=min(left, 0.2)):
                if message.error():
                    _log.warning("the brokers say", error=redact(message.error().str()))
                else:
                    found.append(message)
        return found

    def _until_taken(self, work: Any) -> Any:
        """What `work` answers; None where it is to stop before ClickHouse is back."""
        failures = 0
        while True:
            try:
                return work()
            except UnreachableError as error:
                failures += 1
                pause = pause_after(failures)
                _log.warning("ClickHouse is away", error=str(error), again_in_s=pause)
                if self._stop.wait(pause):
                    return None


def _trace(tracing: Tracing, messages: Sequence[Any], began_ns: int) -> None:
    """A span of each message that is part of a trace, which ends now."""
    for message in messages:
        value = dict(message.headers() or ()).get(TRACEPARENT)
        if not isinstance(value, bytes):
            continue
        told = {
            "messaging.operation.type": "process",
            "messaging.system": "kafka",
            "messaging.destination.name": message.topic(),
            "messaging.kafka.offset": message.offset(),
        }
        parent = came_of(value.decode(errors="replace"))
        tracing.span(f"process {message.topic()}", "consumer", parent, told, began_ns).end()


def _consumer(relay: RelaySettings, group: str) -> Any:
    options = {
        **options_of(relay),
        "group.id": group,
        "client.id": "qbank-sink",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
    }
    consumer = client("Consumer", options, _log)
    consumer.subscribe([f"{relay.relay_kafka_topic_prefix}{kind}" for kind in get_args(Aggregate)])
    return consumer
