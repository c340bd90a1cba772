"""Spans of what the relay sends: of events that are part of a trace, and of no others."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from qbank.postgres import connect
from qbank.relay import Relay, relaying
from qbank.telemetry import Tracing
from tests.qbank.relay.events import Memory, write

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def spans():
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return Tracing(provider)


# as the API writes it
TRACED = """UPDATE event_outbox
    SET payload = payload || jsonb_build_object('traceparent', %s::text)
    WHERE payload ->> 'position' <> %s"""


def _connection():
    return connect("orchestration", autocommit=True)


class Watching(Memory):
    """Notes what each message would say of its span."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[dict[str, str]] = []

    def deliver(self, batch):
        self.said.append([event.trace_headers for event in batch])
        return super().deliver(batch)


def test_an_event_has_one_span_however_often_it_is_sent(settings, tracing, spans, monkeypatch):
    monkeypatch.setattr(relaying, "pause_after", lambda _failures: 0.01)
    with connect("owner") as conn:
        write(conn, "quiz", 0, 1, 2)
        conn.execute(TRACED, (PARENT, "0"))
    sink = Watching()
    sink.away = 2
    sink.refuses = {("quiz", 2)}
    Relay(sink, _connection, tracing=tracing).run_once()
    assert sink.taken == [("quiz", 0), ("quiz", 1)]
    taken, refused = spans.get_finished_spans()
    assert (taken.status.status_code, refused.status.status_code) == (
        StatusCode.UNSET, StatusCode.ERROR,
    )  # fmt: skip
    assert refused.status.description == "not this one"
    assert f"{taken.parent.span_id:016x}" == PARENT.split("-")[2]
    headers = {f"{span.context.span_id:016x}" for span in (taken, refused)}
    assert sink.said[0][0] == {}
    for tried in sink.said:
        named = {said["traceparent"].split("-")[2] for said in tried if said}
        assert named <= headers
    assert len(sink.said) == 3


def test_a_relay_that_traces_nothing_hands_the_trace_on(settings):
    with connect("owner") as conn:
        write(conn, "quiz", 0)
        conn.execute(TRACED, (PARENT, "none"))
    sink = Watching()
    Relay(sink, _connection).run_once()
    assert sink.said == [[{"traceparent": PARENT}]]
