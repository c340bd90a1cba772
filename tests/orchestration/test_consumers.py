"""Lineage in Dagit ends at those who read."""

from __future__ import annotations

import ast
from pathlib import Path

import dagster as dg
import pytest
import yaml

from qbank_orchestration.definitions import defs

ROOT = Path(__file__).resolve().parents[2]
EXPOSURES = ROOT / "dbt_qbank/models/marts"


def key(*path: str) -> dg.AssetKey:
    return dg.AssetKey([*path])


def exposures() -> list[str]:
    files = EXPOSURES.glob("_exposures_*.yml")
    return sorted(
        e["name"] for file in files for e in yaml.safe_load(file.read_text())["exposures"]
    )


@pytest.mark.parametrize("name", exposures())
def test_each_exposure_is_an_asset_that_nothing_makes(name: str):
    node = defs.resolve_asset_graph().get(key("consumers", name))
    assert node.is_external
    assert node.parent_keys
    assert not node.child_keys


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("looker_qbank_item_health", key("analytics", "item_health")),
        ("metabase_qbank_topic_mastery", key("analytics", "user_ability")),
        ("delivery_api", key("item_parameters")),
        ("delivery_api", key("item_exposure_control")),
        ("delivery_api", key("raw", "question_publications")),
    ],
)
def test_what_a_consumer_reads_leads_to_it(name: str, read: dg.AssetKey):
    assert read in defs.resolve_asset_graph().get(key("consumers", name)).parent_keys


def test_the_api_declares_the_marts_that_its_routers_read():
    read = {
        ast.literal_eval(keyword.value)
        for file in (ROOT / "delivery_api").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef)
        for keyword in node.keywords
        if keyword.arg == "mart"
    }
    assert read
    parents = defs.resolve_asset_graph().get(key("consumers", "delivery_api")).parent_keys
    assert {k.path[-1] for k in parents if k.path[0] == "analytics"} == read
