"""A trace goes on from a caller through API, outbox, relay and Kafka to the sink."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from confluent_kafka import Producer
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from delivery_api.app import create_app
from qbank.errors import SettingsError
from qbank.postgres import connect
from qbank.relay import Relay, RelaySettings
from qbank.relay.kafka import Kafka, options_of
from qbank.sinking import ClickHouseSettings, Consuming
from qbank.telemetry import Tracing
from tests.delivery_api.conftest import World
from tests.delivery_api.test_events import begin
from tests.delivery_api.test_quizzes import answer
from tests.delivery_api.test_submission import following
from tests.qbank.events.documents import held_to_the_contract
from tests.qbank.relay.broker import read_all, servers_of
from tests.qbank.sinking.test_consuming import run_until

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Kept:
    """Stands where ClickHouse does."""

    def __init__(self) -> None:
        self.messages = 0

    def migrate(self) -> list[str]:
        return []

    def take(self, messages: Sequence[Any]) -> tuple[int, int]:
        self.messages += len(messages)
        return len(messages), 0

    def close(self) -> None:
        pass


@contextmanager
def _collecting() -> Iterator[tuple[str, list[Any]]]:
    """A collector of OTLP over HTTP: its address, and spans with the service that sent each."""
    found: list[Any] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces"
            for of_service in ExportTraceServiceRequest.FromString(body).resource_spans:
                (service,) = [
                    each.value.string_value
                    for each in of_service.resource.attributes
                    if each.key == "service.name"
                ]
                found.extend(
                    (service, span) for scope in of_service.scope_spans for span in scope.spans
                )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", found
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    with _collecting() as (url, found):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        yield found


def _app(world: World, *, telemetry: bool) -> TestClient:
    asked = {"events": True, "telemetry": telemetry}
    return TestClient(create_app(settings=world.settings.model_copy(update=asked)))


def _payloads(world: World, quiz: str) -> list[dict[str, Any]]:
    sql = "SELECT payload FROM event_outbox WHERE aggregateid = %s ORDER BY position"
    with world.connect() as conn:
        return [row[0] for row in conn.execute(sql, (quiz,)).fetchall()]


def test_a_trace_goes_on_to_the_sink(world, as_user, collected):
    student = as_user("traced", "student")
    caller = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    with _app(world, telemetry=True) as client:
        quiz = begin(client, student | caller)
        question = following(client, student, quiz)  # without a trace of the caller's: one begins
        answer(client, student | caller, quiz, question)
        client.get("/health", headers=caller)
    on = world.settings.model_copy(update={"telemetry": True})
    cluster = Producer({"test.mock.num.brokers": 1})
    relay = RelaySettings(
        relay_kafka_servers=servers_of(cluster), relay_kafka_topic_prefix="traced."
    )
    sink = Kafka(options_of(relay), topic_prefix=relay.relay_kafka_topic_prefix)

    def connection() -> Any:
        return connect("orchestration", settings=world.settings, autocommit=True)

    tracing = Tracing.configured("qbank-relay", on)
    Relay(sink, connection, tracing=tracing).run_once()
    sink.close()
    tracing.close()
    messages = read_all(relay.relay_kafka_servers, "traced.quiz")
    kept, tracing = Kept(), Tracing.configured("qbank-sink", on)
    settings = ClickHouseSettings(clickhouse_wait_s=0.1, clickhouse_group="traced")
    run_until(Consuming(kept, relay, settings, tracing), lambda: kept.messages >= len(messages))
    tracing.close()

    spans = {span.span_id.hex(): (service, span) for service, span in collected}
    mine = [(service, span) for service, span in collected if span.trace_id.hex() == TRACE]
    requests = {span.name: span for service, span in mine if service == "qbank-api"}
    assert set(requests) == {"POST /v1/quizzes", "POST /v1/quizzes/{quiz_id}/answers"}
    assert {span.parent_span_id.hex() for span in requests.values()} == {CALLER}
    told = {a.key: a.value for a in requests["POST /v1/quizzes"].attributes}
    assert told["http.response.status_code"].int_value == 201
    assert "traced" not in str(requests["POST /v1/quizzes"])  # who asked stays in the house
    # sink ← relay ← request, of the events of both steps
    hops = [span for service, span in mine if service == "qbank-sink"]
    assert len(hops) == 2
    for last in hops:
        service, sent = spans[last.parent_span_id.hex()]
        assert (service, sent.name) == ("qbank-relay", "send quiz")
        assert last.name == "process traced.quiz"
        assert sent.start_time_unix_nano <= last.end_time_unix_nano
        assert spans[sent.parent_span_id.hex()][1] in requests.values()
    # what the caller did not trace is a trace of its own
    assert {span.trace_id for _, span in collected if span.name == "send quiz"} - {
        bytes.fromhex(TRACE)
    }

    documents = [json.loads(m.value()) for m in messages if m.key() == quiz.encode()]
    assert {d["type"] for d in documents} >= {"quiz_started", "answer_submitted"}
    for document in documents:
        held_to_the_contract(document)
        assert spans[document["traceparent"].split("-")[2]][0] == "qbank-api"


@pytest.mark.parametrize(("telemetry", "flags"), [(False, "01"), (True, "00")])
def test_where_nothing_is_recorded_nothing_is_carried_on(
    world, as_user, collected, telemetry, flags
):
    student = as_user(f"untraced {flags}", "student")
    with _app(world, telemetry=telemetry) as client:
        quiz = begin(client, student | {"traceparent": f"00-{TRACE}-{CALLER}-{flags}"})
    (started,) = _payloads(world, quiz)
    assert started["quiz_id"] == quiz
    assert "traceparent" not in started
    assert collected == []


def test_callers_are_not_followed_where_propagators_say_so():
    code = """
from opentelemetry import trace
from qbank.telemetry import asked
found = asked({"traceparent": "00-%s-%s-01"})
print(trace.get_current_span(found).get_span_context().is_valid)
""" % (TRACE, CALLER)  # noqa: UP031

    def said(**environment: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": "", "PYTHONPATH": ":".join(sys.path), **environment},
        ).stdout.strip()

    assert said() == "True"
    assert said(OTEL_PROPAGATORS="none") == "False"


def test_a_collector_that_is_away_is_in_nobodys_way(world, as_user, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with _app(world, telemetry=True) as client:
        quiz = begin(client, as_user("patient", "student"))
    assert [event["quiz_id"] for event in _payloads(world, quiz)] == [quiz]


def test_without_its_packages_it_says_what_to_install(settings, monkeypatch):
    on = settings.model_copy(update={"telemetry": True})
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(SettingsError, match=r"QBANK_TELEMETRY needs pip install 'qbank\[tel"):
        Tracing.configured("qbank-api", on)
