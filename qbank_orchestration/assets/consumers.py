"""Those who read, as external assets, so that lineage ends at them: dashboards, the delivery API.

dbt's exposures say who reads what; nothing is declared twice. What never lives here: what they
show.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from qbank_orchestration.dbt import Translator

GROUP = "consumers"


def build(manifest: Path) -> list[dg.AssetSpec]:
    """An external asset for each exposure of a manifest."""
    read = json.loads(manifest.read_text())
    nodes = {**read["nodes"], **read["sources"]}
    return [_spec(exposure, nodes) for exposure in read["exposures"].values()]


def _spec(exposure: Mapping[str, Any], nodes: Mapping[str, Any]) -> dg.AssetSpec:
    # _exposures_looker.yml holds what Looker shows
    tool = Path(exposure["path"]).stem.removeprefix("_exposures_")
    return dg.AssetSpec(
        [GROUP, exposure["name"]],
        deps=sorted(set(_read_by(exposure, nodes))),
        description=f"{exposure['label']}. {exposure['description']}",
        group_name=GROUP,
        owners=["team:analytics"],
        kinds={tool, exposure["type"]},
        metadata={"label": exposure["label"], "maturity": exposure["maturity"]},
    )


def _read_by(exposure: Mapping[str, Any], nodes: Mapping[str, Any]) -> Iterator[dg.AssetKey]:
    translator = Translator()
    for name in exposure["depends_on"]["nodes"]:
        yield translator.get_asset_key(nodes[name])
