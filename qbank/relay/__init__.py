"""The relay: what happened, out of Postgres to those who read along, each event at least once.

It reads the outbox (``event_outbox``) in order, gives batches to a sink (Kafka, a signed webhook)
and moves the sink's cursor when they were taken. Killed at any moment it sends some again, with the
same id, and none is lost. What never lives here: what an event says, who writes it, and Dagster.
"""

from qbank.relay.event import Event
from qbank.relay.relaying import Relay
from qbank.relay.settings import RelaySettings
from qbank.relay.sinks import Delivery, Refused, Sink, configured_sinks
from qbank.relay.standing import (
    DeadLetter,
    Standing,
    dead_letters,
    drop_dead_letters,
    forget,
    replay,
    standing,
    untold,
    wrong,
)

__all__ = [
    "DeadLetter",
    "Delivery",
    "Event",
    "Refused",
    "Relay",
    "RelaySettings",
    "Sink",
    "Standing",
    "configured_sinks",
    "dead_letters",
    "drop_dead_letters",
    "forget",
    "replay",
    "standing",
    "untold",
    "wrong",
]
