"""Runs: find, open, compare, download, go back. What never lives here: starting one."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from qbank.stores.runs import OPEN
from qbank_console import layout, session
from qbank_console.api import runs
from qbank_console.paging import page_buttons, page_number
from qbank_console.views.admin import run_changes, run_comparison, run_view
from qbank_console.views.exam_choice import choose_exam

PAGE_SIZE = 25


def page() -> None:
    """The listing; one run ticked opens it, two compare them."""
    layout.heading("Runs", "Every calibration and re-estimation: what it did, and the way back.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        exam = choose_exam()
        status = st.selectbox("Status", runs.STATUSES, index=None, placeholder="any", width=160)
        period = st.date_input(
            "Asked for between", value=[], format="YYYY-MM-DD", width=230, key="run_period"
        )
    start, end = _bounds(period)
    listing = f"runs/{exam.code}/{status}/{start}/{end}"
    number = page_number(listing)
    found = runs.listing(
        session.api(),
        number,
        PAGE_SIZE,
        exam_code=exam.code,
        status=status,
        start=start,
        end=end,
    )
    opened = st.query_params.get("run")
    if not found["items"]:
        layout.empty(
            "No run matches",
            "Choose another status or period, or start a calibration.",
            ":material/history:",
        )
    else:
        ticked = _table(found["items"], listing)
        page_buttons(listing, found["total"], PAGE_SIZE)
        if len(ticked) > 2:
            st.info("Tick one run to open it, or two to compare them.")
            return
        if len(ticked) == 2:
            run_comparison.compare(*(runs.run(session.api(), one) for one in ticked))
            return
        opened = ticked[0] if ticked else opened
    if opened:
        _open(opened)


def _bounds(period: tuple[date, ...] | date) -> tuple[str | None, str | None]:
    days = period if isinstance(period, tuple) else (period,)
    if not days:
        return None, None
    first, last = days[0], days[-1]
    start = datetime.combine(first, time(), UTC)
    end = datetime.combine(last + timedelta(days=1), time(), UTC) if len(days) == 2 else None
    return start.isoformat(), end.isoformat() if end else None


def _table(found: list[dict[str, Any]], listing: str) -> list[str]:
    table = pd.DataFrame([_line(run) for run in found])
    st.caption("Tick one run to open it, two to compare them.")
    chosen = st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        height=min(420, 38 + 36 * len(table)),
        column_order=[name for name in table.columns if name != "id"],
        column_config={
            "Asked for": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm:ss"),
            "τ": st.column_config.NumberColumn(format="%.2f"),
            "Highest exposure": layout.percent_column("Highest exposure", "of the certificate"),
            "Changed": st.column_config.NumberColumn(help="items whose sh_p or parameters changed"),
        },
        on_select="rerun",
        selection_mode="multi-row",
        key=f"table_{listing}",
        alt="Calibration runs",
    )
    return [table.iloc[row]["id"] for row in chosen.selection.rows]


def _line(run: dict[str, Any]) -> dict[str, Any]:
    result = run["result"] or {}
    certificate = result.get("certificate") or {}
    highest = certificate.get("max_exposure")
    return {
        "id": run["id"],
        "Asked for": pd.Timestamp(run["created_at"]),
        "Kind": run_view.KINDS.get(run["kind"], run["kind"]),
        "Status": run["status"],
        "By": run["requested_by"],
        "τ": run["params"].get("tau"),
        "Highest exposure": None if highest is None else highest * 100,
        "Changed": (result.get("published") or {}).get("changed"),
        "Why it ended": run["stopped_reason"] or run["error"],
    }


def _open(run_id: str) -> None:
    st.query_params["run"] = run_id
    st.divider()
    run_view.follow(run_id)
    run = runs.run(session.api(), run_id)
    if run["status"] not in OPEN:
        run_changes.show(run)
        with st.expander("Request", icon=":material/data_object:"):
            st.json(run["params"])
