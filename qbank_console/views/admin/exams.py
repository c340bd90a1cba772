"""Exams: which there are, what holds for each, changing it, making one.

What never lives here: what can be set (``qbank.exams``), and judging it (the API).
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qbank_console import layout, session
from qbank_console.api import exams
from qbank_console.api.client import ApiError
from qbank_console.problems import said
from qbank_console.views import setting_form

_SAVED = "exam_saved"
_ROUND = "exam_form_round"  # a form that was saved begins anew


def page() -> None:
    """The listing, the chosen exam's settings in one tab, a new exam in the other."""
    layout.heading("Exams", "What holds for each exam: how it is calibrated, controlled and sat.")
    saved = st.session_state.pop(_SAVED, "")
    if saved:
        st.toast(saved, icon=":material/check:")
    known = exams.exams(session.api())
    settings, new = st.tabs(["Settings", "New exam"])
    with settings:
        if known:
            _listing(known)
            _settings(known)
        else:
            layout.empty("No exams yet", "Make the first one in the other tab.")
    with new:
        _new()


def _listing(known: list[dict[str, Any]]) -> None:
    table = pd.DataFrame(
        {
            "Code": [exam["exam_code"] for exam in known],
            "Title": [exam["title"] for exam in known],
            "Test length": [exam["test_length"] for exam in known],
            "Modes": [", ".join(exam["modes"]) or "none: see its settings" for exam in known],
        }
    )
    st.dataframe(table, hide_index=True, height=min(300, 38 + 36 * len(table)), alt="Exams")


def _settings(known: list[dict[str, Any]]) -> None:
    titles = {exam["exam_code"]: f"{exam['title']} ({exam['exam_code']})" for exam in known}
    code = layout.choose("Exam", titles, "exam", width=340)
    if code is None:
        return
    shown = exams.exam(session.api(), code)
    for message in shown["wrong"]:
        st.warning(f"A stored setting cannot be used: {message}.", icon=":material/warning:")
    with st.form(f"settings_{code}", border=False):
        key = f"{code}_{st.session_state.get(_ROUND, 0)}"
        try:
            given = setting_form.changes(shown["settings"], shown["own"], key)
        except setting_form.NotJsonError as error:
            st.error(f"{error}.")
            given = {}
        if not st.form_submit_button("Save", type="primary", icon=":material/save:"):
            return
    if not given:
        st.info("Nothing is changed: what is left empty stays as it is.")
        return
    try:
        exams.change(session.api(), code, given)
    except ApiError as error:
        st.error(said(error), icon=":material/error:")
        return
    _again(f"{code} is saved. Quizzes follow at once, calibrations with the next night.")


def _new() -> None:
    with st.form("new_exam"):
        code = st.text_input("New code", placeholder="MED-C", max_chars=64)
        title = st.text_input("New title", placeholder="Medicine C", max_chars=255)
        length = st.number_input("Items in a test", 1, 1000, 25)
        linear = st.toggle(
            "Linear form", help="Everybody gets the same items: no exposure control."
        )
        if not st.form_submit_button("Make the exam", type="primary", icon=":material/add:"):
            return
    given: dict[str, Any] = {"test_length": int(length)}
    if title.strip():
        given["title"] = title.strip()
    if linear:
        given["exposure_control"] = "none"
    try:
        exams.create(session.api(), code.strip(), given)
    except ApiError as error:
        st.error(said(error), icon=":material/error:")
        return
    st.query_params["exam"] = code.strip()
    _again(f"{code.strip()} is made. It has no items yet.")


def _again(text: str) -> None:
    st.session_state[_SAVED] = text
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    st.rerun()
