"""Overview: how busy an exam is, and what needs a look. What never lives here: details."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from qbank.vocabulary import code_of
from qbank_console import layout, navigation
from qbank_console.charts import topics as charts
from qbank_console.layout import Figure
from qbank_console.marts import exams, exposure, items
from qbank_console.views.analyst import choosing


def page() -> None:
    """Figures of the exam, answers a day, and ways on."""
    layout.heading("Overview", "How much the exam is used, and what needs a look.")
    exam = choosing.exam()
    code = exam["exam_code"]
    health = items.item_health(choosing.tenant(), code)
    live = health[health["is_live"]]
    layout.figures(
        [
            Figure(
                "Answers", f"{exam['responses']:,}", "All answers given in this exam's quizzes."
            ),
            Figure("Quizzes ended", f"{exam['sessions_ended']:,}", "Finished or expired."),
            Figure("Live items", f"{exam['published_items']:,}", "Items that can be served now."),
            Figure(
                "Items to look at",
                f"{(live['flag_count'] > 0).sum():,}",
                "Live items with a flag that asks somebody to do something; notes do not.",
            ),
            Figure(
                "Peak exposure, 28 d",
                layout.percent(live["exposure_rate_28d"].max()),
                f"The most served live item ÷ quizzes ended in 28 days. τ is {exam['tau']:g}.",
            ),
        ]
    )
    days = exams.daily_activity(choosing.tenant(), code)
    if days.empty:
        layout.empty("No answers yet", "They appear after the night that follows the first quiz.")
        return
    layout.section("Answers a day")
    layout.chart(charts.responses_by_day(days), "Answers a day")
    left, right = st.columns(2, gap="large")
    with left:
        _worst(live, code)
    with right:
        _latest_runs(code)


def _worst(live: pd.DataFrame, code: str) -> None:
    layout.section("Most urgent items")
    worst = live[live["flag_count"] > 0].head(6)
    if worst.empty:
        st.success("No live item asks anybody to do something.", icon=":material/check_circle:")
        return
    st.dataframe(
        pd.DataFrame(
            {
                "Item": worst.apply(choosing.item_name, axis=1),
                "How urgent": worst["severity"],
                "Flags": worst.apply(choosing.flags_of, axis=1),
                "Answers": worst["attempts"],
            }
        ),
        hide_index=True,
        column_config={"Flags": st.column_config.ListColumn()},
        alt="Most urgent items",
    )
    st.page_link(
        navigation.page("item-health"),
        label="All items",
        icon=":material/arrow_forward:",
        query_params={"exam": code_of(code)},
    )


def _latest_runs(code: str) -> None:
    layout.section("Latest calibrations")
    runs = exposure.runs(choosing.tenant(), code).head(6)
    if runs.empty:
        st.info(
            "No calibration has run for this exam yet. The night runs one, or an administrator."
        )
        return
    st.dataframe(
        pd.DataFrame(
            {
                "When": runs["requested_at"],
                "Kind": runs["kind"].str.replace("_", "–"),
                "Status": runs["status"],
                "sh_p changed": runs["sh_p_changed"],
            }
        ),
        hide_index=True,
        column_config={"When": layout.moment_column()},
        alt="Latest calibrations",
    )
