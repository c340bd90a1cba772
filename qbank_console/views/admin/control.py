"""Exposure control: sh_p by item, set and pinned by hand; its history; re-estimation.

What never lives here: calibration runs.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from qbank.requests import Reestimation
from qbank_console import layout, navigation, session
from qbank_console.api import control
from qbank_console.api.client import ApiError, Json
from qbank_console.paging import page_buttons, page_number
from qbank_console.problems import said
from qbank_console.views import request_form
from qbank_console.views.exam_choice import Exam, choose_exam

PAGE_SIZE = 50
SORTS = {
    "exposure_rate": "most exposed first",
    "sh_p": "lowest sh_p first",
    "served_today": "most served today",
    "updated_at": "latest change first",
    "question_id": "by question",
}
_EDITION = "control_edition"  # a new one forgets what was edited
_COLUMNS = {
    "item": st.column_config.TextColumn("Item", width=130, pinned=True),
    "sh_p": st.column_config.NumberColumn(
        "sh_p",
        min_value=0.0,
        max_value=1.0,
        step=0.001,
        format="%.3f",
        required=True,
        help="chance to be administered once selected; edit it here",
    ),
    "pinned": st.column_config.CheckboxColumn(
        "Pinned", help="calibration and re-estimation leave a pinned item alone"
    ),
    "exposure_rate_28d": layout.percent_column("Exposure 28 d", "served ÷ quizzes ended"),
    "exposure_rate": layout.percent_column("All time"),
    "served_today": st.column_config.NumberColumn("Served today"),
    "updated_by": st.column_config.TextColumn("Set by", width=110),
    "updated_at": layout.moment_column("Set at"),
    "stem_md": st.column_config.TextColumn("Question", width="large"),
}


def page() -> None:
    """Items to edit, what was changed, and a re-estimation on request."""
    layout.heading(
        "Exposure control", "How often a selected item is given: set it, pin it, see who did."
    )
    exam = choose_exam()
    items, changes, again = st.tabs(["Items", "History", "Re-estimate"])
    with items:
        _items(exam)
    with changes:
        _history(exam)
    with again:
        _reestimate(exam)


def _items(exam: Exam) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            "Search", placeholder="reference, id or text", icon=":material/search:"
        )
        sort = st.selectbox("Order", list(SORTS), format_func=SORTS.__getitem__, width=220)
    listing = f"{exam.code}/{search}/{sort}"
    number = page_number(listing)
    found = control.items(session.api(), exam.code, search.strip(), sort, number, PAGE_SIZE)
    if not found["items"]:
        layout.empty(
            "No live item matches", "Clear the search, or publish a question in this exam."
        )
        return
    _edit(exam, found, f"{listing}/{number}")
    page_buttons(listing, found["total"], PAGE_SIZE)


def _edit(exam: Exam, found: Json, where: str) -> None:
    rows = pd.DataFrame(found["items"])
    rows["updated_at"] = layout.moments(rows["updated_at"])
    rows["item"] = (
        rows["external_ref"].fillna("question " + rows["question_id"].astype(str))
        + " v"
        + rows["version"].astype(str)
    )
    rates = ["exposure_rate_28d", "exposure_rate"]
    shown = rows.assign(**layout.percentages(rows[rates].astype(float)))
    st.caption(f"{found['total']:,} live items. Double-click sh_p to change it; tick to pin.")
    edition = st.session_state.get(_EDITION, 0)
    edited = st.data_editor(
        shown,
        hide_index=True,
        column_order=list(_COLUMNS),
        column_config=_COLUMNS,
        disabled=[name for name in _COLUMNS if name not in ("sh_p", "pinned")],
        placeholder="–",
        key=f"control_{edition}_{where}",
        alt="Live items with their exposure parameters",
    )
    changed = edited[(edited["sh_p"] != rows["sh_p"]) | (edited["pinned"] != rows["pinned"])]
    if not changed.empty:
        _save(exam, changed, rows)
    _say_saved()


def _save(exam: Exam, changed: pd.DataFrame, before: pd.DataFrame) -> None:
    with st.form("save_control"):
        was = before.loc[changed.index]
        words = [
            _in_words(row, old)
            for (_, row), (_, old) in zip(changed.iterrows(), was.iterrows(), strict=True)
        ]
        st.markdown(f"**{len(changed)} changed**\n\n" + "\n".join(f"- {word}" for word in words))
        reason = st.text_input(
            "Reason",
            placeholder="why, for whoever looks later",
            max_chars=500,
            key="control_reason",
        )
        if not st.form_submit_button("Save changes", type="primary", icon=":material/save:"):
            return
    if not reason.strip():
        st.error("Give a reason: it is kept with the change.")
        return
    done = 0
    try:
        with st.spinner("Saving …"):
            for _, row in changed.iterrows():
                control.set_by_hand(session.api(), _change(exam, row, reason.strip()))
                done += 1
    except ApiError as error:
        st.error(f"{done} of {len(changed)} saved, then: {said(error)}", icon=":material/error:")
        return
    st.session_state["control_saved"] = f"{done} {'item' if done == 1 else 'items'} saved."
    st.session_state[_EDITION] = st.session_state.get(_EDITION, 0) + 1
    st.rerun()


def _in_words(after: pd.Series, before: pd.Series) -> str:
    words = []
    if after["sh_p"] != before["sh_p"]:
        words.append(f"sh_p {before['sh_p']:.3f} → {after['sh_p']:.3f}")
    if after["pinned"] != before["pinned"]:
        words.append("pinned" if after["pinned"] else "no longer pinned")
    return f"{after['item']}: {', '.join(words)}"


def _change(exam: Exam, row: pd.Series, reason: str) -> Json:
    return {
        "exam_code": exam.code,
        "question_id": int(row["question_id"]),
        "version": int(row["version"]),
        "sh_p": float(row["sh_p"]),
        "pinned": bool(row["pinned"]),
        "note": reason,
    }


def _say_saved() -> None:
    saved = st.session_state.pop("control_saved", "")
    if saved:
        st.toast(f"{saved} In force within seconds.", icon=":material/check:")


def _history(exam: Exam) -> None:
    question = st.number_input(
        "Only question", min_value=1, value=None, step=1, placeholder="all", width=200
    )
    rows = control.history(session.api(), exam.code, question, 200)
    if not rows:
        layout.empty("Nothing has changed yet", "Changes by hand and by runs are listed here.")
        return
    table = pd.DataFrame(rows)
    table["at"] = layout.moments(table["at"])
    st.caption(f"The latest {len(table)} changes.")
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        column_order=["at", "question_id", "version", "before", "after", "source", "actor", "note"],
        column_config={
            "at": layout.moment_column("When"),
            "question_id": st.column_config.NumberColumn("Question", format="%d"),
            "version": st.column_config.NumberColumn("Version", format="%d"),
            "before": st.column_config.NumberColumn("Before", format="%.3f"),
            "after": st.column_config.NumberColumn("After", format="%.3f"),
            "source": "By",
            "actor": "Who",
            "note": "Reason",
        },
        alt="Changes of the exposure parameters",
    )


def _reestimate(exam: Exam) -> None:
    layout.section(
        "Re-estimate from what was served",
        "Lowers sh_p of items served above their cap, raises it below; pinned items stay. "
        "The night does this by itself.",
    )
    with st.form("reestimate"):
        own = {"tau": exam.tau, "dry_run": True}
        given = request_form.parameters(
            Reestimation, own, f"again_{exam.code}", otherwise="the exam's own"
        )
        asked = st.form_submit_button("Re-estimate", type="primary")
    if not asked:
        return
    try:
        run_ids = control.reestimate(session.api(), given | {"exam_code": exam.code})
    except ApiError as error:
        st.error(said(error), icon=":material/error:")
        return
    st.switch_page(navigation.page("runs"), query_params={"exam": exam.code, "run": run_ids[0]})
