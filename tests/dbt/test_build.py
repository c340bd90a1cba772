"""The project as a whole: one build of everything, and what is promised of every mart."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import ModelNode
from dbt.node_types import NodeType

from qbank.postgres import connect
from tests.dbt.random_school import School
from tests.dbt.writing import days_ago

CONTRACT = Path(__file__).resolve().parents[2] / "docs" / "analytics" / "marts.md"
NUMBERS = ("integer", "bigint", "double precision", "jsonb")
KEYS = re.compile(r"(^|_)id$|^version$")


@pytest.fixture(scope="module")
def marts(manifest: Manifest) -> dict[str, ModelNode]:
    return {
        node.name: node
        for node in manifest.nodes.values()
        if node.resource_type == NodeType.Model and node.fqn[1] == "marts"
    }


@pytest.mark.slow
def test_first_build_passes_every_test(dbt, bank, manifest, marts, settings):
    school = School(bank, np.random.default_rng(3))
    school.found()
    school.live(30, 10, quizzes=40)
    school.publish_revision()
    school.live(10, 1, quizzes=30)
    by_status = defaultdict(set)
    for name, status in dbt("build", "--vars", f"{{as_of: '{days_ago(0)}'}}").items():
        by_status[status].add(name)
    assert by_status.keys() <= {"success", "pass", "warn", "no-op"}
    # a few dozen answers at random correlate as they like
    assert by_status["warn"] <= {"item_health_correlations_are_positive"}
    assert {unit.name for unit in manifest.unit_tests.values()} <= by_status["pass"]
    assert marts.keys() <= by_status["success"]
    with connect("analyst", settings=settings) as analyst:
        empty = {
            mart
            for mart in marts
            if not analyst.execute(f"SELECT 1 FROM analytics.{mart} LIMIT 1").fetchone()  # noqa: S608
        }
    # nothing was calibrated, and so nothing examined
    assert empty == {"calibration_run_summary", "item_examinations", "item_fairness", "item_fit"}
    with connect("owner", settings=settings) as owner:
        found = owner.execute("""
            SELECT c.relname FROM pg_class AS c
            WHERE c.relnamespace IN ('analytics'::regnamespace, 'analytics_staging'::regnamespace)
                AND c.relkind = 'r' AND NOT EXISTS (
                    SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisunique
                )
        """).fetchall()
    tested = {
        test.attached_node.split(".")[-1]
        for test in manifest.nodes.values()
        if test.resource_type == NodeType.Test and test.name.endswith("_grain_is_unique")
    }
    assert {name for (name,) in found} <= tested, "tables without a key, and without a test of it"


def test_every_mart_is_under_contract_described_and_unit_tested(manifest, marts):
    assert marts.keys() - {unit.model for unit in manifest.unit_tests.values()} == set()
    for mart in marts.values():
        assert mart.contract.enforced, mart.name
        assert "One row per" in mart.description, f"{mart.name} does not say its grain"
        assert "tenant_id" in mart.columns, mart.name
        undescribed = [c.name for c in mart.columns.values() if not c.description]
        assert not undescribed, (mart.name, undescribed)


def test_written_contract_defines_every_number_of_every_mart(marts):
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^#|\Z)", CONTRACT.read_text(), re.M | re.S))
    assert sections.keys() == marts.keys()
    for name, mart in marts.items():
        assert "One row per" in sections[name], name
        written = set(re.findall(r"`(\w+)`", sections[name]))
        numbers = {
            column.name
            for column in mart.columns.values()
            if column.data_type in NUMBERS and not KEYS.search(column.name)
        }
        missing = {
            number
            for number in numbers - written
            # an interval goes with its number, sample sizes with their means
            if re.sub(r"_(lower|upper|sessions)$", "", number) not in written
        }
        assert not missing, (name, missing)
