"""Prometheus metrics of the API, summed over its processes.

What never lives here: what is worth counting in the marts (``dbt_qbank``).
"""

from __future__ import annotations

import os

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

REQUESTS = Histogram(
    "qbank_api_request_seconds",
    "Time to answer a request",
    ["method", "route", "status"],
    buckets=_SECONDS,
)
SERVED = Counter("qbank_api_items_served", "Items served", ["selector"])
HELD_BACK = Counter("qbank_api_items_held_back", "Items held back by exposure control")
FORCED = Counter("qbank_api_items_forced", "Items served although every item was held back")
CAPPED = Counter("qbank_api_items_capped", "Selections refused by the daily cap")
OVER_CAP = Counter("qbank_api_items_over_cap", "Items served over their cap, for want of others")
# not by right and wrong: whoever reads metrics could tell an answer's worth from the count
ANSWERS = Counter("qbank_api_answers", "Answers recorded")
CLIENT_LATENCY = Histogram(
    "qbank_api_client_latency_seconds",
    "Delay of the connection as clients say with an answer",
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
SUBMITTED = Counter("qbank_api_submitted", "Quizzes sealed because their time was over")
HARVESTING = Counter(
    "qbank_api_harvesting",
    "Quizzes made by people whose last day looks like harvesting of items",
    ["exam_code"],
)
BANK_LOADS = Histogram(
    "qbank_api_bank_load_seconds", "Time to load an exam's item bank, or what has changed of it"
)
BANK_FAILURES = Counter("qbank_api_bank_load_failures", "Loads of an item bank that failed")
BANK_BEHIND = Gauge(
    "qbank_api_bank_behind_seconds",
    "How long the cached bank has been outdated while its loads fail; 0 where they do not",
    ["exam_code"],
    multiprocess_mode="livemax",
)
BANK_ITEMS = Gauge(
    "qbank_api_bank_items",
    "Items in the cached bank",
    ["exam_code"],
    multiprocess_mode="mostrecent",
)


def exposition() -> bytes:
    """All metrics in Prometheus' text format, of all processes of this service."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # theirs
    return generate_latest(registry)
