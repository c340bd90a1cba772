"""Selection rules: what each would do to the exam's own pool, and what it would cost.

What never lives here: the comparison, and setting the exam (admin).
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qbank_console import layout, navigation, session
from qbank_console.api import comparisons
from qbank_console.api.client import ApiError
from qbank_console.charts import rules as charts
from qbank_console.problems import said
from qbank_console.views.analyst import choosing

POLL_S = 3.0
_SHARES = ["max_exposure", "max_conditional", "overlap", "unused"]
_WAITS = ("queued", "running")


def page() -> None:
    """The newest table; for administrators the button that asks for another."""
    layout.heading(
        "Selection rules",
        "What each way to choose items would do to this exam's own items and examinees, "
        "and what it would cost.",
    )
    exam = choosing.exam()["code"]
    try:
        found = comparisons.read(session.api(), exam)
    except ApiError as error:
        st.error(said(error), icon=":material/error:")
        return
    if found["newest"] is None:
        layout.empty(
            "Nothing compared yet",
            "An administrator asks for it here, or `qbank exposure compare` prints it.",
        )
    else:
        _shown(found["newest"])
    asked = found["asked"]
    waits = asked is not None and asked["state"] in _WAITS
    if waits:
        _follow(exam, asked["id"])
    elif asked is not None and asked["state"] != "done":
        st.warning(f"The last comparison was not made: {asked['error']}")
    if session.current().has("admin"):
        _button(exam, waits=waits)


def table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows as they are shown: the one in use first, then those of the front.

    Args:
        rows: as the API gives them.
    """
    shown = pd.DataFrame(rows)
    shown["name"] = shown["rule"] + ", " + shown["control"].str.replace("_", " ")
    # one that is in use may be bettered: that it is, the column of the front says
    standing = shown["on_front"].map({True: charts.STANDINGS[1], False: charts.STANDINGS[2]})
    shown["standing"] = standing.mask(shown["in_use"], charts.STANDINGS[0])
    shown["settings"] = [
        "library alone" if own is None else ", ".join(own.values()) for own in shown["settings"]
    ]
    order = shown["standing"].map(charts.STANDINGS.index)
    return shown.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def _shown(found: dict[str, Any]) -> None:
    if not found["is_current"]:
        st.info(
            "The exam's items or settings have changed since: compare again.",
            icon=":material/update:",
        )
    rules = table(found["rows"])
    layout.figures(_figures(found, rules))
    layout.section(
        "Rule by rule",
        "Less is better in every column. *Front*: no other rule is as good in the exposure rates, "
        "overlap, unused share and RMSE, and better in one.",
    )
    columns = [
        *("name", "standing", "on_front", *_SHARES, "chi_square", "rmse"),
        *("max_conditional_rmse", "more_items", "settings"),
    ]
    shown = rules[columns]
    st.dataframe(
        shown.assign(**layout.percentages(shown[_SHARES])),
        hide_index=True,
        placeholder="–",
        column_config={
            "name": st.column_config.TextColumn("Rule, exposure control", pinned=True),
            "standing": "Standing",
            "on_front": st.column_config.CheckboxColumn("Front"),
            "max_exposure": layout.percent_column("Largest rate"),
            "max_conditional": layout.percent_column(
                "Largest rate by θ", "Largest mean rate in any stratum of true ability."
            ),
            "overlap": layout.percent_column(
                "Overlap", "Share of items that two examinees have in common."
            ),
            "unused": layout.percent_column("Unused", "Share of the pool that nobody was given."),
            "chi_square": st.column_config.NumberColumn(
                "χ²", format="%.1f", help="Unevenness of use; 0: all items are used alike."
            ),
            "rmse": st.column_config.NumberColumn("RMSE of θ̂", format="%.4f"),
            "max_conditional_rmse": st.column_config.NumberColumn(
                "Largest RMSE by θ", format="%.3f"
            ),
            "more_items": st.column_config.NumberColumn(
                "Cost, items",
                format="%+.1f",
                help="By so many items a test would have to be longer to measure as precisely as "
                "the exam does now, about; below 0: shorter.",
            ),
            "settings": st.column_config.TextColumn(
                "Set by", help="Selector and exposure control of the exam's settings."
            ),
        },
        alt="Selection rules compared",
    )
    layout.section("Precision and use", "Towards the lower left a rule is better in both.")
    layout.chart(charts.price_and_use(rules), "Test overlap against RMSE, rule by rule")


def _figures(found: dict[str, Any], rules: pd.DataFrame) -> list[layout.Figure]:
    in_use = rules[rules["in_use"]]
    return [
        layout.Figure(
            "In use now",
            in_use["name"].iloc[0] if len(in_use) else "–",
            "What the exam is set to; a cohort or a flag may give some persons another selector.",
        ),
        layout.Figure("Items", f"{found['items']:,}", "Live and calibrated."),
        layout.Figure(
            "Test",
            f"{found['test_length']} items",
            f"Quota: {found['quota']}. Examinees: {found['theta_dist']}.",
        ),
        layout.Figure("τ", f"{found['tau']:g}", "The exam's limit, which every control keeps to."),
        layout.Figure(
            "Compared",
            f"{pd.Timestamp(found['made_at']):%-d %b %Y}",
            f"Each row is of {found['evaluation_n']:,} simulated examinees, the same for all.",
        ),
    ]


def _button(exam: str, *, waits: bool) -> None:
    if st.button("Compare now", icon=":material/alt_route:", disabled=waits):
        try:
            comparisons.ask(session.api(), exam)
        except ApiError as error:
            st.error(said(error), icon=":material/error:")
        else:
            st.rerun()
    st.page_link(
        navigation.page("exams"),
        label="Set the exam's selector and exposure control",
        icon=":material/assignment:",
        query_params={"exam": exam},
    )


@st.fragment(run_every=POLL_S)
def _follow(exam: str, request_id: str) -> None:
    """Says that a comparison is being made; at its end the page shows what came of it."""
    asked = comparisons.read(session.api(), exam)["asked"]
    if asked["id"] == request_id and asked["state"] in _WAITS:
        st.info("The rules are being compared: a minute for 500 items, more for more …")
        return
    st.rerun()
