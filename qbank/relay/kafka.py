"""Kafka: an idempotent producer, all replicas, one topic a kind of aggregate, its id the key.

Events are CloudEvents in structured mode: value and content type are those of the webhook, and
nothing is lost where headers are dropped on the way. What never lives here: when it is tried again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import structlog

from qbank.alerts.redaction import redact
from qbank.errors import SettingsError
from qbank.events.models import CONTENT_TYPE
from qbank.relay.event import Event
from qbank.relay.settings import RelaySettings
from qbank.relay.sinks import Delivery, Refused

PATIENCE_S = 10.0
# what keeps every event, once and in order; a file of options may not take it away
_FIXED: Mapping[str, Any] = {
    "acks": "all",
    "enable.idempotence": True,
    # the producer itself never gives one up: what came after it would be there before it
    "message.timeout.ms": 0,
}
_TUNED: Mapping[str, Any] = {
    "client.id": "qbank-relay",
    "linger.ms": 5,
    "compression.type": "lz4",
    # as Kafka's own clients place a key
    "partitioner": "murmur2_random",
}
_log = structlog.get_logger("qbank.relay.kafka")  # librdkafka's lines, too


class Kafka:
    """Topics of one cluster."""

    name = "kafka"

    def __init__(self, options: Mapping[str, Any], *, topic_prefix: str = "qbank.") -> None:
        """Prepares; brokers are looked for in the background.

        Args:
            options: librdkafka's, ``bootstrap.servers`` among them.
            topic_prefix: what stands before the kind of the aggregate.

        Raises:
            SettingsError: confluent-kafka is not installed, or an option cannot be used.
        """
        fixed = sorted(set(options) & _FIXED.keys())
        if fixed:
            raise SettingsError(f"QBANK_RELAY_KAFKA_FILE may not set {fixed[0]}: leave it out")
        self._options = {**_TUNED, **options, **_FIXED}
        self._prefix = topic_prefix
        # handed to the producer and not answered; what it said of the others
        self._under_way: set[tuple[int, str]] = set()
        self._answers: dict[tuple[int, str], Any] = {}
        self._problem = ""
        self._producer = self._made()

    @classmethod
    def of(cls, settings: RelaySettings) -> Kafka:
        """The one that the settings name."""
        return cls(options_of(settings), topic_prefix=settings.relay_kafka_topic_prefix)

    def deliver(self, batch: Sequence[Event]) -> Delivery:
        """Hands events to the producer and waits until the brokers have them."""
        until = time.monotonic() + PATIENCE_S
        for event in batch:
            if event.key not in self._under_way and not self._hand_over(event, until):
                break  # there is no room: nothing later may go before it
        self._producer.flush(max(0.1, until - time.monotonic()))
        return self._judged(batch)

    def close(self) -> None:
        """Drops what no broker took: the cursor is before it."""
        self._producer.purge()
        self._producer.flush(1.0)

    def _made(self) -> Any:
        return client("Producer", {**self._options, "error_cb": self._note}, _log)

    def _note(self, error: Any) -> None:
        self._problem = redact(error.str())

    def _hand_over(self, event: Event, until: float) -> bool:
        """Whether the producer had room for it in time; what it would not take is answered."""
        from confluent_kafka import KafkaException

        while True:
            self._under_way.add(event.key)
            try:
                self._producer.produce(
                    f"{self._prefix}{event.aggregatetype}",
                    key=event.aggregateid,
                    value=event.document().encode(),
                    headers={"content-type": CONTENT_TYPE, **event.trace_headers},
                    timestamp=int(event.occurred_at.timestamp() * 1000),
                    on_delivery=self._answered(event.key),
                )
            except BufferError:
                self._under_way.discard(event.key)
                self._producer.poll(0.1)
                if time.monotonic() > until:
                    return False
            except KafkaException as error:
                self._under_way.discard(event.key)
                self._answers[event.key] = error.args[0]
                return True
            else:
                return True

    def _answered(self, key: tuple[int, str]) -> Any:
        def note(error: Any, _message: Any) -> None:
            self._under_way.discard(key)
            self._answers[key] = error

        return note

    def _judged(self, batch: Sequence[Event]) -> Delivery:
        from confluent_kafka import KafkaError

        of_the_event = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD)
        left: list[Event] = []
        refused: list[Refused] = []
        reason, fatal = "", False
        for event in batch:
            if event.key not in self._answers:
                left.append(event)
                reason = reason or self._problem or f"no broker answered in {PATIENCE_S:.0f} s"
                continue
            error = self._answers.pop(event.key)
            if error is None:
                continue
            if error.code() in of_the_event:
                refused.append(Refused(event, redact(error.str())))
            else:
                left.append(event)
                reason = redact(error.str())
                fatal = fatal or error.fatal()
        if fatal:
            self._begin_anew()
        if not left:
            self._problem = ""
        return Delivery(tuple(left), tuple(refused), reason)

    def _begin_anew(self) -> None:
        """A producer that failed for good takes nothing more; what it had under way is left."""
        self._producer.purge()
        self._producer.flush(1.0)
        self._under_way.clear()
        self._answers.clear()
        self._producer = self._made()


def client(kind: Literal["Producer", "Consumer"], options: Mapping[str, Any], log: Any) -> Any:
    """A client of confluent-kafka; brokers are looked for in the background.

    Raises:
        SettingsError: it is not installed, or an option cannot be used.
    """
    try:
        import confluent_kafka
    except ModuleNotFoundError as error:
        raise SettingsError(
            "QBANK_RELAY_KAFKA_SERVERS needs pip install 'qbank[events]'"
        ) from error
    try:
        return getattr(confluent_kafka, kind)(dict(options), logger=log)
    except confluent_kafka.KafkaException as error:
        raise SettingsError(
            f"QBANK_RELAY_KAFKA_FILE: {redact(str(error.args[0].str()))}"
        ) from error


def options_of(settings: RelaySettings) -> dict[str, Any]:
    """How the brokers are reached, for whoever writes or reads.

    Raises:
        SettingsError: the file of options cannot be read, or names the brokers itself.
    """
    options, servers = _read(settings.relay_kafka_file), "bootstrap.servers"
    if servers in options:
        raise SettingsError(f"QBANK_RELAY_KAFKA_FILE may not set {servers}: leave it out")
    return options | {servers: settings.relay_kafka_servers}


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        options = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(f"QBANK_RELAY_KAFKA_FILE {path} cannot be read: {error}") from error
    if not isinstance(options, dict):
        raise SettingsError(f"QBANK_RELAY_KAFKA_FILE {path} is no JSON object of options")
    return options
