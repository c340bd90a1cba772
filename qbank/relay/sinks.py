"""What a sink is, and which ones the settings name.

What never lives here: cursors, and when a sink is tried again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from qbank.relay.event import Event
from qbank.relay.settings import RelaySettings


@dataclass(frozen=True)
class Refused:
    """An event that a sink will not take, however often it is sent.

    Attributes:
        event: which.
        reason: what was said, without secrets.
    """

    event: Event
    reason: str


@dataclass(frozen=True)
class Delivery:
    """What became of a batch; what is not named here was taken, and that was confirmed.

    Attributes:
        left: not taken, to be sent again, in their order.
        refused: never to be sent again by themselves.
        reason: why some are left, without secrets; empty where only the time was up.
    """

    left: tuple[Event, ...] = ()
    refused: tuple[Refused, ...] = ()
    reason: str = ""


class Sink(Protocol):
    """Who reads along."""

    @property
    def name(self) -> str:
        """Short name, as in ``event_relays`` and in logs."""
        ...

    def deliver(self, batch: Sequence[Event]) -> Delivery:
        """Sends events, those of an aggregate in their order; returns within half a minute.

        What was left of a batch comes again first, before anything later. Nothing is raised for a
        sink that is away.
        """
        ...

    def close(self) -> None:
        """Lets go of connections, without waiting for a sink that is away."""
        ...


def configured_sinks(settings: RelaySettings) -> tuple[Sink, ...]:
    """The sinks that the settings name; none by default.

    Raises:
        SettingsError: their extra is not installed, or a file of options cannot be used.
    """
    sinks: list[Sink] = []
    if settings.relay_kafka_servers:
        from qbank.relay.kafka import Kafka

        sinks.append(Kafka.of(settings))
    if settings.relay_webhook_url and settings.relay_webhook_secret:
        from qbank.relay.webhooks import Webhook

        sinks.append(Webhook.of(settings))
    return tuple(sinks)
