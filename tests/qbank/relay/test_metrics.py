"""What Prometheus is answered of the relay."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from qbank.errors import SettingsError
from qbank.postgres import connect
from qbank.relay import Relay, metrics
from tests.e2e.processes import free_port
from tests.qbank.relay.events import Memory, write


def _connection():
    return connect("orchestration", autocommit=True)


def _scraped(port):
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics").raise_for_status()
    return {
        (sample.name, sample.labels["sink"]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@pytest.fixture
def port(settings):
    port = free_port()
    end = metrics.serve("127.0.0.1", port, _connection)
    yield port
    end()


def test_a_scrape_tells_how_far_each_sink_is(port):
    assert _scraped(port) == {}
    sink = Memory()
    sink.refuses = {("quiz", 1)}
    with connect("owner") as conn:
        write(conn, "quiz", 0, 1, 2)
    Relay(sink, _connection).run_once()
    with connect("owner") as conn:
        write(conn, "quiz", 3, 4)
    found = _scraped(port)
    late = found.pop(("qbank_relay_oldest_seconds", "memory"))
    assert 0 < late < 60
    assert found == {
        ("qbank_relay_behind_events", "memory"): 2,
        ("qbank_relay_dead_letters", "memory"): 1,
        ("qbank_relay_delivered_events_total", "memory"): 2,
    }
    Relay(sink, _connection).run_once()
    found = _scraped(port)
    assert found["qbank_relay_behind_events", "memory"] == 0
    assert found["qbank_relay_oldest_seconds", "memory"] == 0


def test_a_port_that_is_taken_is_named(port):
    with pytest.raises(SettingsError, match=f"QBANK_RELAY_METRICS_PORT is {port}.*free port"):
        metrics.serve("127.0.0.1", port, _connection)
