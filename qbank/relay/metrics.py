"""How far each sink is, for Prometheus: asked of the database when it is scraped.

What never lives here: what is told to people (``standing``), and the API's metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from psycopg import Connection

from qbank.errors import SettingsError
from qbank.relay.standing import standing

_GAUGES: Final = {
    "behind_events": "Events that were committed and that the sink was not told yet",
    "oldest_seconds": "Seconds since the oldest of them happened; 0 where there is none",
    "dead_letters": "Events that were set aside and not sent again",
}


class SinkMetrics(Collector):
    """What a scrape is answered, of all sinks that were ever relayed to.

    Args:
        connect: opens a connection, one for each scrape.
    """

    def __init__(self, connect: Callable[[], Connection[Any]]) -> None:
        self._connect = connect

    def describe(self) -> Iterator[Metric]:
        """The metrics without values: the registry asks for their names, and no database."""
        yield from self._families()

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        with self._connect() as conn:
            found = standing(conn)
        behind, oldest, dead, delivered = families = self._families()
        for sink in found:
            behind.add_metric([sink.sink], sink.behind)
            oldest.add_metric([sink.sink], sink.oldest_s or 0.0)
            dead.add_metric([sink.sink], sink.dead_letters)
            delivered.add_metric([sink.sink], sink.delivered)
        yield from families

    def _families(self) -> tuple[Any, ...]:
        gauges = (
            GaugeMetricFamily(f"qbank_relay_{name}", told, labels=["sink"])
            for name, told in _GAUGES.items()
        )
        events = CounterMetricFamily(
            "qbank_relay_delivered_events", "Events that the sink took", labels=["sink"]
        )
        return *gauges, events


def serve(host: str, port: int, connect: Callable[[], Connection[Any]]) -> Callable[[], None]:
    """Answers scrapes of ``http://host:port/metrics`` in a thread; returns what ends that.

    Raises:
        SettingsError: the port cannot be listened on.
    """
    registry = CollectorRegistry()
    registry.register(SinkMetrics(connect))
    try:
        server, _thread = start_http_server(port, host, registry)
    except OSError as error:
        raise SettingsError(
            f"QBANK_RELAY_METRICS_PORT is {port}, and {host}:{port} cannot be listened on"
            f" ({error.strerror}): name a free port"
        ) from error
    return server.shutdown
