"""Cohorts: who is in which arm, putting people in and taking them out.

What never lives here: flags.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from qbank_console import layout, session
from qbank_console.api import experiments
from qbank_console.api.client import ApiError, Json
from qbank_console.paging import page_buttons, page_number
from qbank_console.problems import said

PAGE_SIZE = 50
_SAVED = "cohort_saved"


def show() -> None:
    """The listing with a filter, and the form below."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = st.text_input("Cohort", value="selector", width=200)
        user = st.text_input("Student", placeholder="the whole id", width=240)
    listing = f"cohorts/{key}/{user}"
    found = experiments.cohorts(
        session.api(), key.strip(), user.strip(), page_number(listing), PAGE_SIZE
    )
    if found["items"]:
        _table(found)
        page_buttons(listing, found["total"], PAGE_SIZE)
    else:
        layout.empty("Nobody is assigned", "The flag decides for everybody. Assign students below.")
    left, right = st.columns(2, gap="large")
    with left:
        _assign(key.strip())
    with right:
        _unassign(key.strip())
    saved = st.session_state.pop(_SAVED, "")
    if saved:
        st.toast(saved, icon=":material/check:")


def _table(found: Json) -> None:
    table = pd.DataFrame(found["items"])
    table["assigned_at"] = layout.moments(table["assigned_at"])
    st.caption(f"{found['total']:,} assignments.")
    st.dataframe(
        table,
        hide_index=True,
        height=min(360, 38 + 36 * len(table)),
        column_order=["user_id", "cohort_key", "cohort_value", "assigned_at"],
        column_config={
            "user_id": "Student",
            "cohort_key": "Cohort",
            "cohort_value": "Arm",
            "assigned_at": layout.moment_column("Since"),
        },
        alt="Cohort assignments",
    )


def _assign(key: str) -> None:
    with st.form("assign"):
        st.markdown("**Assign students**")
        users = st.text_area("Students", placeholder="one id a line", height=110)
        arm = st.text_input("Arm", placeholder="a selector, e.g. progressive_se")
        split = st.checkbox("Instead, split them evenly between vanilla and sympson_hetter")
        if not st.form_submit_button("Assign", type="primary"):
            return
    ids = [line.strip() for line in users.splitlines() if line.strip()]
    if not ids:
        st.error("Name at least one student, one a line.")
        return
    if not split and not arm.strip():
        st.error("Name the arm, or split.")
        return
    body: Json = {"user_ids": ids}
    if split:
        body["weights"] = {"vanilla": 1, "sympson_hetter": 1}
    else:
        body["value"] = arm.strip()
    try:
        experiments.assign(session.api(), key, body)
    except ApiError as error:
        st.error(said(error), icon=":material/error:")
        return
    st.session_state[_SAVED] = f"{len(ids)} assigned."
    st.rerun()


def _unassign(key: str) -> None:
    with st.form("unassign"):
        st.markdown("**Take a student out**")
        user = st.text_input("Student", placeholder="the whole id")
        if not st.form_submit_button("Take out"):
            return
    if not user.strip():
        st.error("Name the student.")
        return
    try:
        experiments.unassign(session.api(), key, user.strip())
    except ApiError as error:
        st.error(said(error), icon=":material/error:")
        return
    st.session_state[_SAVED] = f"{user.strip()} is out; the flag decides for the next quiz."
    st.rerun()
