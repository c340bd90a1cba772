"""The metrics that dbt declares, and their SQL over a mart as MetricFlow would write it.

What never lives here: what a metric means (the yml beside the mart).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MARTS = Path(__file__).resolve().parents[2] / "dbt_qbank" / "models" / "marts"
_AGGREGATES = {
    "average": "avg({expr})",
    "count": "count({expr})",
    "count_distinct": "count(distinct {expr})",
    "max": "max({expr})",
    "median": "percentile_cont(0.5) within group (order by {expr})",
    "percentile": "percentile_cont({share}) within group (order by {expr})",
    "sum": "sum({expr})",
}


@dataclass(frozen=True)
class Metric:
    """A metric of one mart.

    Attributes:
        mart: the mart that its measures stand on.
        sql: the aggregate over the mart.
        shown: tool and what shows it there, as ``{"looker": "item_health.flagged_share"}``.
    """

    name: str
    mart: str
    sql: str
    shown: dict[str, str]


def metrics() -> dict[str, Metric]:
    """Every metric, by name."""
    documents = [
        yaml.safe_load(file.read_text()) for file in sorted(MARTS.glob("*/_*_metrics.yml"))
    ]
    measures = {
        measure["name"]: (model["name"], measure)
        for document in documents
        for model in document["semantic_models"]
        for measure in model["measures"]
    }
    declared = {m["name"]: m for document in documents for m in document["metrics"]}
    return {
        name: Metric(
            name,
            _mart(declared, measures, name),
            _sql(declared, measures, name),
            m["config"]["meta"],
        )
        for name, m in declared.items()
    }


def _parts(metric: dict[str, Any]) -> dict[str, str]:
    """The metrics that a metric is made of, by the names that it gives them."""
    given = metric["type_params"]
    if metric["type"] == "ratio":
        return {"numerator": given["numerator"], "denominator": given["denominator"]}
    return {part["alias"]: part["name"] for part in given.get("metrics", [])}


def _mart(declared: dict[str, Any], measures: dict[str, Any], name: str) -> str:
    metric = declared[name]
    if metric["type"] == "simple":
        return str(measures[metric["type_params"]["measure"]][0])
    (mart,) = {_mart(declared, measures, part) for part in _parts(metric).values()}
    return mart


def _sql(declared: dict[str, Any], measures: dict[str, Any], name: str) -> str:
    metric = declared[name]
    if metric["type"] == "simple":
        measure = measures[metric["type_params"]["measure"]][1]
        share = measure.get("agg_params", {}).get("percentile")
        return _AGGREGATES[measure["agg"]].format(expr=measure["expr"], share=share)
    parts = {alias: _sql(declared, measures, part) for alias, part in _parts(metric).items()}
    if metric["type"] == "ratio":
        return "1.0 * {numerator} / nullif({denominator}, 0)".format(**parts)
    return re.sub(
        r"\b[a-z_]+\b", lambda word: parts.get(word[0], word[0]), metric["type_params"]["expr"]
    )
