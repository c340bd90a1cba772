"""What a run changed, item by item: as a chart, as a CSV, and the way back to it.

What never lives here: how the run went (``run_view``).
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qbank_console import layout, session
from qbank_console.api import runs
from qbank_console.api.client import ApiError
from qbank_console.charts import exposure as charts
from qbank_console.problems import said


def show(run: dict[str, Any]) -> None:
    """The difference, with download and rollback."""
    if run["kind"] == "irt" or run["status"] in ("failed", "canceled", "empty"):
        return
    csv = runs.difference(session.api(), run["id"])
    changes = runs.difference_table(csv)
    layout.section("Changes of sh_p", f"{len(changes):,} items; no control counts as 1.")
    with st.container(horizontal=True):
        st.download_button(
            "Download CSV",
            csv,
            file_name=f"run-{run['id']}.csv",
            mime="text/csv",
            icon=":material/download:",
            disabled=changes.empty,
            on_click="ignore",
        )
        if (run.get("result") or {}).get("published") and st.button(
            "Roll back to this run", icon=":material/undo:"
        ):
            _confirm(run)
    if changes.empty:
        st.info("This run left every item as it was.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        layout.chart(
            charts.before_and_after(_pairs(changes)), "sh_p of each item before and after the run"
        )
    with right:
        st.dataframe(
            changes.sort_values("delta", key=abs, ascending=False),
            hide_index=True,
            placeholder="–",
            height=320,
            column_config={
                "qid": st.column_config.NumberColumn("Question", format="%d"),
                "ver": st.column_config.NumberColumn("Version", format="%d"),
                "sh_p_before": st.column_config.NumberColumn("Before", format="%.3f"),
                "sh_p_after": st.column_config.NumberColumn("After", format="%.3f"),
                "delta": st.column_config.NumberColumn("Change", format="%+.3f"),
            },
            alt="Changes of sh_p by item",
        )


def _pairs(changes: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item": "question " + changes["qid"].astype(str) + " v" + changes["ver"].astype(str),
            "before": changes["sh_p_before"].fillna(1.0),
            "after": changes["sh_p_after"].fillna(1.0),
            "delta": changes["delta"],
        }
    )


@st.dialog("Roll back?", icon=":material/undo:")
def _confirm(run: dict[str, Any]) -> None:
    st.markdown(
        f"All exposure parameters of **{run['exam_code']}** go back to what they were after this "
        "run. Pinned items stay as they are. The rollback is a run of its own: it is audited, kept "
        "in the history, and can be undone the same way."
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep as it is"):
            st.rerun()
        if st.button("Roll back", type="primary", icon=":material/undo:"):
            try:
                asked = runs.roll_back(session.api(), run["id"])
            except ApiError as error:
                st.error(said(error), icon=":material/error:")
                return
            st.query_params["run"] = asked
            st.rerun()
