"""What earlier calibrations estimated for an item. What never lives here: what is in force."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from qbank.intervals import Z_95
from qbank_console.api import runs
from qbank_console.api.client import Api, Json

MOST_FITS = 12


def fits_of_item(api: Api, exam: str, question: int, version: int) -> pd.DataFrame:
    """The latest published fits of an item, oldest first.

    Returns:
        at, by, parameter (a, b or c), estimate, se, lower, upper: one row per fit and parameter.
    """
    done = runs.listing(api, 1, 200, exam_code=exam, status="done")["items"]
    latest = [run for run in done if run["kind"] == "irt"][:MOST_FITS]
    rows = [
        {"at": pd.Timestamp(run["finished_at"]), "by": run["requested_by"]} | fit
        for run in reversed(latest)
        for fit in _estimates(_parameters(api, run["id"]), question, version)
    ]
    columns = ["at", "by", "parameter", "estimate", "se"]
    found = pd.DataFrame(rows, columns=columns).astype({"estimate": float, "se": float})
    return found.assign(
        lower=found["estimate"] - Z_95 * found["se"].fillna(0),
        upper=found["estimate"] + Z_95 * found["se"].fillna(0),
    )


@st.cache_data(max_entries=100, show_spinner="Reading earlier calibrations …")
def _parameters(_api: Api, run_id: str) -> Json:
    """The columns of parameters that a run proposed; a run that has ended never changes."""
    result = runs.run(_api, run_id)["result"] or {}
    return dict((result.get("proposal") or {}).get("parameters") or {})


def _estimates(columns: Json, question: int, version: int) -> list[Json]:
    keys = list(zip(columns.get("question_id", ()), columns.get("version", ()), strict=True))
    if (question, version) not in keys:
        return []
    row = keys.index((question, version))
    return [
        {"parameter": name, "estimate": columns[name][row], "se": columns[f"se_{name}"][row]}
        for name in ("a", "b", "c")
    ]
