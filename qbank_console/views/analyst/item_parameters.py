"""An item's parameters: what is published, and how it came to be.

What never lives here: what answers say about the item (``item_evidence``).
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from qbank.vocabulary import code_of
from qbank_console import layout, session
from qbank_console.api import control
from qbank_console.api.fits import fits_of_item
from qbank_console.charts import items as charts

MEANINGS = {
    "a": "a, discrimination (D = 1.7)",
    "b": "b, difficulty (logits)",
    "c": "c, lower asymptote",
}


def show(item: pd.Series) -> None:
    """Published parameters, earlier fits, and every change of sh_p."""
    _published(item)
    fits = fits_of_item(
        session.api(), code_of(item["exam_code"]), int(item["question_id"]), int(item["version"])
    )
    if not fits.empty:
        layout.section(
            "Calibration by calibration", "Estimates with 95% intervals; a jump is drift or a leak."
        )
        with st.grid("auto", min_column_width=300):
            for name, meaning in MEANINGS.items():
                one = fits[fits["parameter"] == name]
                if one["estimate"].abs().max() > 0:  # no asymptote in this model
                    layout.chart(charts.parameter_history(one, meaning), f"{meaning} over time")
    _control(item)


def _published(item: pd.Series) -> None:
    if pd.isna(item["a"]):
        layout.empty(
            "No parameters yet", "The nightly calibration fits items with enough first answers."
        )
        return
    rows = [
        {
            "Parameter": meaning,
            "Estimate": layout.number(item[name], 3),
            "SE": layout.number(item[f"se_{name}"], 3),
        }
        for name, meaning in MEANINGS.items()
    ]
    st.table(pd.DataFrame(rows), hide_index=True, border="horizontal")
    st.caption(
        f"{item['irt_model'].upper()} from {item['n_respondents']:,} first answers, fitted "
        f"{item['fitted_at']:%-d %B %Y, %H:%M} UTC."
    )


def _control(item: pd.Series) -> None:
    layout.section("Changes of sh_p", "By hand, by calibration, by the night; newest first.")
    changes = control.history(
        session.api(), code_of(item["exam_code"]), int(item["question_id"]), 100
    )
    changes = [one for one in changes if one["version"] == item["version"]]
    if not changes:
        st.info("Nobody and nothing has set the exposure parameter of this item yet.")
        return
    table = pd.DataFrame(changes)
    table["at"] = layout.moments(table["at"])
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        column_order=["at", "before", "after", "source", "actor", "note"],
        column_config={
            "at": layout.moment_column("When"),
            "before": st.column_config.NumberColumn("Before", format="%.3f"),
            "after": st.column_config.NumberColumn("After", format="%.3f"),
            "source": "By",
            "actor": "Who",
            "note": "Reason",
        },
        alt="Changes of the exposure parameter of this item",
    )
