"""The page of checks names each check, with its severity."""

from __future__ import annotations

from pathlib import Path

import pytest

from qbank_orchestration.definitions import defs

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations" / "checks.md"


def own_checks() -> list[tuple[str, str, bool]]:
    """Asset, name and whether it blocks, of every check that is not one of dbt's tests."""
    graph = defs.resolve_asset_graph()
    return sorted(
        (key.asset_key.path[-1], key.name, graph.get_check_spec(key).blocking)
        for key in graph.asset_check_keys
        if not (graph.get_check_spec(key).metadata or {}).get("dagster_dbt/unique_id")
    )


def test_the_assets_have_checks():
    assert len({name for _, name, _ in own_checks()}) > 15


@pytest.mark.parametrize(("asset", "name", "blocking"), own_checks())
def test_each_check_is_on_the_page(asset: str, name: str, blocking: bool):
    severity = "blocking" if blocking else "advice"
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{name}` |")]
    assert any(f"| {severity} |" in row for row in rows), f"{asset}.{name}: {rows}"


def test_the_names_of_dbts_tests_can_be_read_in_dagit():
    """Of a test without a name dbt makes one of all its arguments, and Dagit cuts it."""
    names = [key.name for key in defs.resolve_asset_graph().asset_check_keys]
    assert [name for name in names if len(name) > 45 or "__" in name] == []
