"""Spans of events that are part of a trace, from the first try to when a sink took them.

What never lives here: traces of which no event came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qbank.relay.event import Event
from qbank.relay.sinks import Refused
from qbank.telemetry import Tracing, came_of, traceparent

if TYPE_CHECKING:
    from opentelemetry.trace import Span


class Spans:
    """Of what is sent to one sink.

    Args:
        tracing: where they go.
        sink: its name.
    """

    def __init__(self, tracing: Tracing, sink: str) -> None:
        self._tracing = tracing
        self._sink = sink
        self._open: dict[int, Span] = {}

    def begin(self, batch: Sequence[Event]) -> tuple[Event, ...]:
        """The events as they are sent: those of a trace name the span that sends them."""
        return tuple(self._begun(event) if event.traceparent else event for event in batch)

    def refused(self, entry: Refused) -> None:
        """Notes that a sink would not take one."""
        from opentelemetry.trace import StatusCode

        if span := self._open.get(entry.event.position):
            span.set_status(StatusCode.ERROR, entry.reason)

    def end(self) -> None:
        """Ends them all."""
        for span in self._open.values():
            span.end()
        self._open.clear()

    def _begun(self, event: Event) -> Event:
        assert event.traceparent is not None  # noqa: S101
        span = self._tracing.span(
            f"send {event.aggregatetype}",
            "producer",
            came_of(event.traceparent),
            {
                "messaging.operation.type": "send",
                "messaging.system": self._sink,
                "messaging.destination.name": event.aggregatetype,
                "messaging.message.id": event.id,
                "cloudevents.event_type": event.type,
            },
        )
        self._open[event.position] = span
        return replace(event, sent_by=traceparent(span))
