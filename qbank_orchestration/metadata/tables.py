"""Tables for Dagit. What never lives here: numbers that the result does not hold."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from qbank.stores.item_examinations import Fairness
from qbank_orchestration.engine.item_gates import REASONS
from qbank_orchestration.engine.proposal import ExposureProposal


def table(rows: Sequence[Mapping[str, Any]]) -> dg.MetadataValue:
    """Rows that have the same columns, at least one of them; text where a column mixes types."""
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    kinds = {name: _kind(values) for name, values in columns.items()}
    schema = dg.TableSchema([dg.TableColumn(name, kind) for name, kind in kinds.items()])
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows], schema)


def _kind(values: Sequence[Any]) -> str:
    kinds = {type(value) for value in values if value is not None}
    return {frozenset({int}): "int", frozenset({float}): "float", frozenset({bool}): "bool"}.get(
        frozenset(kinds), "float" if kinds == {int, float} else "string"
    )


def most_exposed(proposal: ExposureProposal, rates: list[float], top: int = 10) -> dg.MetadataValue:
    """The items with the highest exposure rates and their sh_p."""
    rows = zip(rates, proposal.question_id, proposal.version, proposal.sh_p, strict=True)
    records = [
        dg.TableRecord({"question_id": q, "version": v, "exposure": round(rate, 4), "sh_p": k})
        for rate, q, v, k in heapq.nlargest(top, rows)
    ]
    return dg.MetadataValue.table(
        records,
        dg.TableSchema(
            columns=[
                dg.TableColumn("question_id", "int"),
                dg.TableColumn("version", "int"),
                dg.TableColumn("exposure", "float"),
                dg.TableColumn("sh_p", "float"),
            ]
        ),
    )


def largest_dif(rows: Sequence[Fairness], top: int = 10) -> dg.MetadataValue:
    """The items that differ most between groups of equal ability."""
    if not rows:
        return dg.MetadataValue.text("no item has answers enough of two groups")
    return table(
        [
            {
                "question_id": row.question_id,
                "version": row.version,
                "attribute": row.attribute,
                "focal": row.focal,
                "reference": row.reference,
                "n_focal": row.n_focal,
                "n_reference": row.n_reference,
                "delta": round(row.delta, 2),
                "se_delta": round(row.se_delta, 2),
                "ets_class": row.ets_class,
                "q_value": float(f"{row.q_value:.3g}"),
                "power": round(row.power, 2),
            }
            for row in heapq.nlargest(top, rows, key=lambda row: abs(row.delta) / row.se_delta)
        ]
    )


def tried_out(items: Sequence[Mapping[str, Any]]) -> dg.MetadataValue:
    """New items with their provisional estimates, and what becomes of each."""
    if not items:
        return dg.MetadataValue.text("none")
    return table(
        [
            {
                name: round(v, 3) if isinstance(v, float) else "" if v is None else v
                for name, v in item.items()
            }
            for item in items
        ]
    )


def held_back(items: Sequence[Mapping[str, Any]]) -> dg.MetadataValue:
    """Items that do not come into use, each with what was seen and what a person does."""
    if not items:
        return dg.MetadataValue.text("none")
    return table(
        [
            {
                # proposals of before it was told have none
                "external_ref": item.get("external_ref") or "",
                **{name: value for name, value in item.items() if name != "external_ref"},
                "p_value": round(item["p_value"], 4),
                "z": round(item["z"], 2),
                "means": REASONS[item["reason"]].means,
                "remedy": REASONS[item["reason"]].remedy,
            }
            for item in items
        ]
    )
