"""Experiment: what a selector does to exposure, precision, accuracy and time, by cohort.

What never lives here: the assignment to cohorts (admin).
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from qbank_console import layout
from qbank_console.charts import experiment as charts
from qbank_console.marts import exposure
from qbank_console.views.analyst import choosing


@dataclass(frozen=True)
class Measure:
    """What the cohorts are compared by: its column, how it reads, what it means."""

    column: str
    title: str
    meaning: str
    d3: str
    text: str
    sessions: str


MEASURES = (
    Measure(
        "max_exposure",
        "Highest exposure rate",
        "the most served item ÷ the cohort's quizzes",
        ".1%",
        "{:.1%}",
        "sessions",
    ),
    Measure(
        "overlap",
        "Test overlap",
        "share of items that two students have in common",
        ".1%",
        "{:.1%}",
        "sessions",
    ),
    Measure(
        "mean_theta_se",
        "Mean SE of θ̂ (logits)",
        "precision at the end of a quiz; less is better",
        ".3f",
        "{:.3f}",
        "mean_theta_se_sessions",
    ),
    Measure(
        "mean_accuracy",
        "Mean accuracy",
        "share of answers correct, averaged over quizzes",
        ".1%",
        "{:.1%}",
        "mean_accuracy_sessions",
    ),
    Measure(
        "mean_time_s",
        "Mean time per answer (s)",
        "mean time of a quiz's answers, averaged over quizzes",
        ",.1f",
        "{:,.1f}",
        "mean_time_s_sessions",
    ),
)


def page() -> None:
    """One chart a measure, and the table behind them."""
    layout.heading(
        "Experiment", "What exposure control costs and gains: the cohorts beside each other."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        exam = choosing.exam()
        known = exposure.cohorts(choosing.tenant(), exam["exam_code"])
        # what was delivered comes first: it is there without anybody assigning cohorts
        keys = sorted(known["cohort_key"].unique(), key=lambda k: (k != "delivered_selector", k))
        names = {k: k.replace("_", " ") for k in keys}
        key = layout.choose("Compare by", names, "cohort", width=340) if names else None
    if key is None:
        layout.empty(
            "No cohorts in this exam",
            "Assign students to cohorts under Flags and cohorts; results come after the night.",
            ":material/science:",
        )
        return
    cohorts = known[known["cohort_key"] == key]
    sizes = ", ".join(
        f"**{row['cohort_value']}** {row['sessions']:,}" for _, row in cohorts.iterrows()
    )
    st.markdown(f"Quizzes that ended: {sizes}")
    if len(cohorts) < 2:
        st.info("Only one cohort has quizzes yet: there is nothing to compare it with.")
    with st.grid("auto", min_column_width=380):
        for measure in MEASURES:
            _measure(measure, cohorts)
    _table(cohorts)


def _measure(measure: Measure, cohorts: pd.DataFrame) -> None:
    shown = pd.DataFrame(
        {
            "cohort": cohorts["cohort_value"],
            "estimate": cohorts[measure.column],
            "lower": cohorts[f"{measure.column}_lower"],
            "upper": cohorts[f"{measure.column}_upper"],
            "sessions": cohorts[measure.sessions],
        }
    ).dropna(subset=["estimate"])
    with st.container(border=True, height="stretch"):
        st.markdown(f"**{measure.title}**  \n:gray[{measure.meaning}]")
        if shown.empty:
            st.caption("No quiz has this measure yet.")
        else:
            layout.chart(
                charts.cohort_estimates(
                    shown, cohorts["cohort_value"].tolist(), measure.title, measure.d3
                ),
                f"{measure.title} by cohort with 95% intervals",
            )


def _table(cohorts: pd.DataFrame) -> None:
    rows = []
    for measure in MEASURES:
        row = {"Measure": measure.title}
        for _, cohort in cohorts.iterrows():
            row[cohort["cohort_value"]] = _with_interval(measure, cohort)
        rows.append(row)
    layout.section("The numbers", "Estimate with 95% interval.")
    st.table(pd.DataFrame(rows), hide_index=True, border="horizontal")


def _with_interval(measure: Measure, cohort: pd.Series) -> str:
    estimate, lower, upper = (cohort[f"{measure.column}{end}"] for end in ("", "_lower", "_upper"))
    if pd.isna(estimate):
        return "–"
    text = measure.text.format(estimate)
    if pd.isna(lower):
        return f"{text} (no interval yet)"
    return f"{text} ({measure.text.format(lower)} to {measure.text.format(upper)})"
