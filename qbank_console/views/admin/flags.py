"""Flags and cohorts: what is switched on, and who is in which arm.

What never lives here: what an experiment found (analyst).
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import streamlit as st

from qbank_console import layout, session
from qbank_console.api import experiments
from qbank_console.api.client import ApiError
from qbank_console.problems import said
from qbank_console.views.admin import cohorts

STRATEGY = "selector_strategy"
SELECTORS = {
    "sympson_hetter": "Sympson–Hetter for everybody",
    "randomesque": "one of the best at random (randomesque)",
    "a_stratified": "stratified by discrimination (a-stratified)",
    "progressive": "from chance to information (progressive)",
    "progressive_se": "the same, sooner where precision comes sooner (progressive SE)",
    "priority": "progressive, and rarer the more it is used (priority)",
    "vanilla": "no exposure control for anybody",
    "split": "split students between Sympson–Hetter and no control",
}


def page() -> None:
    """Flags in one tab, cohorts in the other."""
    layout.heading(
        "Flags and cohorts", "How items are selected for whom, and other switches of the tenant."
    )
    selection, others, people = st.tabs(["Selection", "All flags", "Cohorts"])
    known = {flag["key"]: flag for flag in experiments.flags(session.api())}
    with selection:
        _selection(known.get(STRATEGY))
    with others:
        _flags(known)
    with people:
        cohorts.show()


def _selection(flag: dict[str, Any] | None) -> None:
    layout.section(
        "How items are selected",
        "For students whose cohort does not decide. A split puts each student into a cohort for "
        "good; results are on the page Experiment.",
    )
    chosen, weight = _current(flag)
    with st.form("selector_strategy"):
        strategy = st.radio(
            "Selection",
            list(SELECTORS),
            index=list(SELECTORS).index(chosen),
            format_func=SELECTORS.__getitem__,
        )
        share = st.slider(
            "Of a split, share under Sympson–Hetter", 0, 100, weight, 5, format="%d%%"
        )
        if not st.form_submit_button("Save", type="primary", icon=":material/save:"):
            return
    value: Any = strategy
    if strategy == "split":
        value = {"split": {"sympson_hetter": share, "vanilla": 100 - share}}
    _set(STRATEGY, value, enabled=True)


def _current(flag: dict[str, Any] | None) -> tuple[str, int]:
    value = flag["value_json"] if flag and flag["enabled"] else None
    if isinstance(value, dict) and set(value) == {"selector"}:
        value = value["selector"]
    if isinstance(value, str) and value in SELECTORS:
        return value, 50
    if isinstance(value, dict) and isinstance(value.get("split"), dict):
        weights = value["split"]
        total = sum(weights.values()) or 1
        return "split", round(100 * weights.get("sympson_hetter", 0) / total)
    return "sympson_hetter", 50


def _flags(known: dict[str, dict[str, Any]]) -> None:
    if known:
        table = pd.DataFrame(
            {
                "Flag": list(known),
                "On": [flag["enabled"] for flag in known.values()],
                "Value": [json.dumps(flag["value_json"]) for flag in known.values()],
                "Holds for": [
                    "this tenant" if flag["tenant_id"] else "all" for flag in known.values()
                ],
                "Changed": [pd.Timestamp(flag["updated_at"]) for flag in known.values()],
            }
        )
        st.dataframe(
            table,
            hide_index=True,
            column_config={
                "Flag": st.column_config.TextColumn(width=180, pinned=True),
                "On": st.column_config.CheckboxColumn(width=50),
                "Value": st.column_config.TextColumn(width=280),
                "Changed": layout.moment_column(width=150),
            },
            alt="Feature flags",
        )
    else:
        layout.empty("No flags yet", "Set the first one below.", ":material/flag:")
    with st.form("flag"):
        st.markdown("**Set a flag**")
        key = st.text_input("Flag", placeholder="lower_case_name", max_chars=64)
        enabled = st.toggle("On", value=True)
        text = st.text_area("Value (JSON)", value="null", height=90)
        if not st.form_submit_button("Set flag", icon=":material/save:"):
            return
    try:
        value = json.loads(text or "null")
    except json.JSONDecodeError as error:
        st.error(f"The value is not JSON: {error.msg} at line {error.lineno}.")
        return
    _set(key.strip(), value, enabled=enabled)


def _set(key: str, value: Any, *, enabled: bool) -> None:
    if not key:
        st.error("Name the flag.")
        return
    try:
        experiments.set_flag(session.api(), key, value, enabled=enabled)
    except ApiError as error:
        st.error(said(error), icon=":material/error:")
        return
    st.toast(f"{key} saved. It holds for quizzes made from now on.", icon=":material/check:")
