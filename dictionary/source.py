"""The marts and their columns, as dbt's yml says them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
_PROJECT = ROOT / "dbt_qbank"
_BLOCK = re.compile(r"{% docs (\w+) %}(.*?){% enddocs %}", re.S)
_REFERENCE = re.compile(r"{{ doc\('(\w+)'\) }}")


@dataclass(frozen=True)
class Flag:
    """What a column that accuses an item asks of people.

    Attributes:
        column: of item_health, a boolean.
        label: what people call it.
        severity: how urgent it is: act today, look this week or note.
        what_to_do: one sentence or two.
    """

    column: str
    label: str
    severity: str
    what_to_do: str


@dataclass(frozen=True)
class Column:
    """A column of a mart.

    Attributes:
        data_type: in Postgres.
        nullable: a row may have none.
        description: one paragraph that needs no other to be understood.
        label: what people call it; None where its name does.
    """

    name: str
    data_type: str
    nullable: bool
    description: str
    label: str | None


@dataclass(frozen=True)
class Mart:
    """A table or view of the schema analytics, with its columns in their order."""

    name: str
    columns: Mapping[str, Column]


def marts() -> dict[str, Mart]:
    """Every mart, by name.

    Raises:
        ValueError: a column has no description.
    """
    blocks = dict(_BLOCK.findall((_PROJECT / "models" / "columns.md").read_text()))
    files = sorted((_PROJECT / "models" / "marts").glob("*/*.yml"))
    models = [
        model for file in files for model in yaml.safe_load(file.read_text()).get("models", [])
    ]
    return {model["name"]: _mart(model, blocks) for model in models}


def looker_measures() -> dict[str, str]:
    """What each measure of Looker is, by `view.measure`: the description of its metric."""
    files = sorted((_PROJECT / "models" / "marts").glob("*/_*_metrics.yml"))
    return {
        metric["config"]["meta"]["looker"]: " ".join(metric["description"].split())
        for file in files
        for metric in yaml.safe_load(file.read_text())["metrics"]
    }


def variables() -> dict[str, Any]:
    """The variables of the dbt project, with their defaults."""
    found: dict[str, Any] = yaml.safe_load((_PROJECT / "dbt_project.yml").read_text())["vars"]
    return found


def flags() -> list[Flag]:
    """The flags of items, the most urgent first."""
    return [Flag(**said) for said in variables()["item_flags"]]


def _mart(model: Mapping[str, Any], blocks: Mapping[str, str]) -> Mart:
    of_flags = flags() if model["name"] == "item_health" else []
    labels = {flag.column: flag.label for flag in of_flags}
    columns = {}
    for column in model["columns"]:
        text = _REFERENCE.sub(lambda found: blocks[found[1]], column.get("description", ""))
        if not text:
            raise ValueError(f"{model['name']}.{column['name']} has no description in dbt's yml")
        meta = column.get("config", {}).get("meta", {})
        columns[column["name"]] = Column(
            name=column["name"],
            data_type=column["data_type"],
            nullable={"type": "not_null"} not in column.get("constraints", []),
            description=" ".join(text.split()),
            label=labels.get(column["name"], meta.get("label")),
        )
    return Mart(model["name"], columns)
