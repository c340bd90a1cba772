"""Alert rules and dashboard: PromQL, over metrics that the programs expose and no others."""

from __future__ import annotations

import json
import re
from typing import Any

import promql_parser
import pytest
from prometheus_client import CollectorRegistry

from delivery_api import metrics as api
from qbank.relay.metrics import SinkMetrics
from tests.deploy import helm

RULES = [
    rule
    for group in helm.everything()["PrometheusRule qbank"]["spec"]["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads(helm.everything()["ConfigMap qbank-dashboard"]["data"]["qbank.json"])
EXPRESSIONS = [
    *((rule["alert"], rule["expr"]) for rule in RULES),
    *((p["title"], t["expr"]) for p in DASHBOARD["panels"] for t in p["targets"]),
]
_SUFFIXES = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_count", "_sum"),
    "gauge": ("",),
}


def exposed() -> dict[str, set[str]]:
    """Names that Prometheus keeps, with their labels."""
    CollectorRegistry().register(SinkMetrics(_none))  # as `qbank relay` does
    found = {f.name: (f.type, {"sink"}) for f in SinkMetrics(_none).describe()}
    for metric in vars(api).values():
        if hasattr(metric, "_labelnames"):
            found[metric._name] = (metric._type, set(metric._labelnames))
    return {
        f"{name}{suffix}": labels | ({"le"} if suffix == "_bucket" else set())
        for name, (kind, labels) in found.items()
        for suffix in _SUFFIXES[kind]
    }


def _none() -> Any:
    raise AssertionError("no database is asked for names")


@pytest.mark.parametrize(("told", "expression"), EXPRESSIONS)
def test_an_expression_is_of_metrics_that_are_exposed(told: str, expression: str) -> None:
    names = exposed()
    assert len(names) > 20
    promql_parser.parse(expression)
    used = set(re.findall(r"\bqbank_\w+", expression))
    assert used
    assert used <= names.keys(), used - names.keys()
    labels = set(re.findall(r"\{(\w+)[=~!]", expression))
    for inside in re.findall(r"\bby \(([\w, ]+)\)", expression):
        labels |= set(inside.split(", "))
    assert labels <= set().union(*(names[name] for name in used)), labels


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_what_happened_and_how_bad_it_is(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description"}
    grouped = re.search(r"\bby \((\w+)\)", rule["expr"])
    for label in re.findall(r"\$labels\.(\w+)", str(rule["annotations"])):
        assert grouped
        assert grouped[1] == label


def test_rules_of_the_relay_come_with_it() -> None:
    groups = helm.rendered({"monitoring": {"enabled": True}})["PrometheusRule qbank"]["spec"]
    assert [group["name"] for group in groups["groups"]] == ["qbank-api"]


def test_the_dashboard_is_in_grafana_s_form() -> None:
    assert DASHBOARD["uid"] == "qbank"
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    places = {tuple(panel["gridPos"][side] for side in "xy") for panel in DASHBOARD["panels"]}
    assert len(places) == len(ids)
    (source,) = DASHBOARD["templating"]["list"]
    used = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]}
    assert used == {f"${{{source['name']}}}"}
