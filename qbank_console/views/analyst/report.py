"""Technical report: the newest of an exam to download, and another one asked for.

What never lives here: what a report says (``qbank.reporting``).
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qbank.requests.reports import ReportRequest
from qbank.vocabulary import ReportForm
from qbank_console import layout, session
from qbank_console.api import reports
from qbank_console.api.client import ApiError
from qbank_console.problems import said
from qbank_console.views.analyst import choosing

POLL_S = 2.0
_ASKED, _TOLD = "report_asked", "report_told"
_FORMS: dict[ReportForm, str] = {
    "pdf": "PDF",
    "html": "Page",
    "json": "Every number (JSON)",
    "csv": "Years (CSV)",
}


def page() -> None:
    """The newest report and its files; for administrators the button that asks for another."""
    layout.heading(
        "Technical report",
        "What was measured, how well, and what evidence there is, as one document.",
    )
    exam = choosing.exam()["code"]
    found = reports.newest(session.api(), exam)
    if found is None:
        layout.empty(
            "No report yet",
            "Reports are written once a week for exams that changed, and when somebody asks.",
        )
    else:
        _shown(exam, found)
    told = st.session_state.pop(f"{_TOLD}:{exam}", None)
    if told:
        st.info(told)
    asked = st.session_state.get(f"{_ASKED}:{exam}")
    if asked:
        _follow(exam, asked)
    if session.current().has("admin"):
        _form(exam, found, waits=bool(asked))


def _shown(exam: str, found: dict[str, Any]) -> None:
    layout.figures(
        [
            layout.Figure(
                "Written", f"{pd.Timestamp(found['written_at']):%-d %b %Y, %H:%M}", "Time in UTC."
            ),
            layout.Figure(
                "As of",
                f"{pd.Timestamp(found['as_of']):%-d %b %Y}" if found["as_of"] else "—",
                "The newest moment in its data.",
            ),
            layout.Figure(
                "Not evidenced", f"{len(found['missing'])}", "Sections that have no evidence yet."
            ),
        ]
    )
    columns = st.columns(len(_FORMS))
    for column, (form, label) in zip(columns, _FORMS.items(), strict=True):
        column.download_button(
            label,
            _file(session.api(), exam, form, found["sha256"]),
            file_name=f"report-{exam}.{form}",
            icon=":material/download:",
            width="stretch",
            on_click="ignore",
        )
    if found["missing"]:
        layout.section("Not evidenced")
        st.dataframe(
            pd.DataFrame(found["missing"].items(), columns=["Section", "What brings it"]),
            hide_index=True,
            alt="Sections without evidence",
        )


@st.cache_data(max_entries=20, show_spinner="Reading the report …")
def _file(_api: Any, exam: str, form: ReportForm, sha256: str) -> bytes:
    """A file of the report with that hash: another report is another entry."""
    return reports.file(_api, exam, form)


def _form(exam: str, found: dict[str, Any] | None, *, waits: bool) -> None:
    field = ReportRequest.model_fields["cuts"]
    known = ", ".join(f"{cut:g}" for cut in found["cuts"]) if found else ""
    with st.form("ask_for_report", border=False):
        text = st.text_input(
            str(field.title), known, placeholder="-0.5, 1", help=field.description, max_chars=200
        )
        if st.form_submit_button("Write a new one", icon=":material/description:", disabled=waits):
            _ask(exam, text)


def _ask(exam: str, text: str) -> None:
    try:
        cuts = [float(part) for part in text.replace(";", ",").split(",") if part.strip()]
    except ValueError:
        st.error(f"{text!r} are no cut scores: write numbers with commas between, such as -0.5, 1.")
        return
    try:
        st.session_state[f"{_ASKED}:{exam}"] = reports.ask(session.api(), exam, cuts)
    except ApiError as error:
        st.error(said(error), icon=":material/error:")
    else:
        st.rerun()


@st.fragment(run_every=POLL_S)
def _follow(exam: str, request_id: str) -> None:
    """Says how far the request is; at its end the page shows what came of it."""
    asked = reports.request(session.api(), exam, request_id)
    if asked["state"] in ("queued", "running"):
        st.info("The report is being written: it takes the orchestrator a few seconds …")
        return
    del st.session_state[f"{_ASKED}:{exam}"]
    if asked["state"] != "done":
        st.session_state[f"{_TOLD}:{exam}"] = f"The report was not written: {asked['error']}"
    elif not asked["is_new"]:
        st.session_state[f"{_TOLD}:{exam}"] = (
            "A new report would say what this one says: nothing changed since."
        )
    st.rerun()
