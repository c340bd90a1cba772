"""Two runs beside each other. What never lives here: a single run (``run_view``)."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qbank_console import layout, session
from qbank_console.api import runs
from qbank_console.charts import exposure as charts
from qbank_console.views.admin import run_view

_MEASURES = {
    "max_exposure": ("Highest exposure", "{:.1%}"),
    "max_exposure_upper": ("Upper bound of it", "{:.1%}"),
    "overlap": ("Test overlap", "{:.1%}"),
    "unused": ("Pool unused", "{:.1%}"),
    "rmse": ("RMSE of θ̂ (logits)", "{:.4f}"),
    "bias": ("Bias of θ̂ (logits)", "{:+.4f}"),
}


def compare(newer: dict[str, Any], older: dict[str, Any]) -> None:
    """What was asked for, what came of it, and sh_p item by item."""
    st.divider()
    newer, older = sorted((newer, older), key=lambda run: run["created_at"], reverse=True)
    layout.section("Comparison", f"{_name(older)} against {_name(newer)}.")
    st.table(_rows(older, newer), hide_index=True, border="horizontal")
    if older["exam_code"] != newer["exam_code"]:
        st.info("The runs are of two exams: their items cannot be compared.")
        return
    pairs = _pairs(older, newer)
    if pairs.empty:
        st.info("The runs have no item in common whose sh_p they set.")
        return
    layout.section("sh_p by item", f"What each run set. Items that both have: {len(pairs):,}.")
    layout.chart(
        charts.before_and_after(pairs, "sh_p of the older run", "sh_p of the newer run"),
        "sh_p that the older and the newer run set, item by item",
    )


def _name(run: dict[str, Any]) -> str:
    kind = run_view.KINDS.get(run["kind"], run["kind"])
    return f"{kind}, {run_view.moment(run['created_at'])}"


def _rows(older: dict[str, Any], newer: dict[str, Any]) -> pd.DataFrame:
    rows = [
        {"What": label, "Older": older[key] or "–", "Newer": newer[key] or "–"}
        for key, label in (("status", "Status"), ("requested_by", "Asked for by"))
    ]
    names = sorted(set(older["params"]) | set(newer["params"]))
    rows += [
        {
            "What": name,
            "Older": _text(older["params"].get(name)),
            "Newer": _text(newer["params"].get(name)),
        }
        for name in names
    ]
    rows += [
        {"What": label, "Older": _measure(older, key, form), "Newer": _measure(newer, key, form)}
        for key, (label, form) in _MEASURES.items()
    ]
    return pd.DataFrame(rows)


def _text(value: Any) -> str:
    return "–" if value is None else str(value)


def _measure(run: dict[str, Any], key: str, form: str) -> str:
    value = ((run["result"] or {}).get("certificate") or {}).get(key)
    return "–" if value is None else form.format(value)


def _pairs(older: dict[str, Any], newer: dict[str, Any]) -> pd.DataFrame:
    tables = [
        runs.difference_table(runs.difference(session.api(), run["id"]))[
            ["qid", "ver", "sh_p_after"]
        ]
        for run in (older, newer)
    ]
    both = tables[0].merge(tables[1], on=["qid", "ver"], suffixes=("_older", "_newer"))
    return pd.DataFrame(
        {
            "item": "question " + both["qid"].astype(str) + " v" + both["ver"].astype(str),
            "before": both["sh_p_after_older"].fillna(1.0),
            "after": both["sh_p_after_newer"].fillna(1.0),
            "delta": both["sh_p_after_newer"].fillna(1.0) - both["sh_p_after_older"].fillna(1.0),
        }
    )
