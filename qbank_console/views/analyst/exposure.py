"""Exposure: how often items are given, against τ. What never lives here: changes to it (admin)."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from qbank_console import layout
from qbank_console.charts import exposure as charts
from qbank_console.layout import Figure
from qbank_console.marts import exposure, items
from qbank_console.views.analyst import choosing

WINDOWS = {"28 days": "_28d", "All time": ""}


def page() -> None:
    """Figures, rates by item, and the highest rate day by day."""
    layout.heading("Exposure", "How often each item is given, against the exam's limit τ.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        exam = choosing.exam()
        window = st.segmented_control(
            "Quizzes that ended in", list(WINDOWS), default="28 days", required=True
        )
    health = items.item_health(choosing.tenant(), exam["exam_code"])
    live = health[health["is_live"]]
    if live.empty:
        layout.empty("No live items", "Publish a question in this exam to see its exposure.")
        return
    ranked = ranks(live, WINDOWS[window or "28 days"], float(exam["tau"]))
    if ranked.empty:
        layout.empty("No quiz ended in this time", "Choose all time.")
        return
    _figures(live, ranked, exam)
    layout.section("Rates by item", "Dots with 95% intervals; hover for the item.")
    tau = float(exam["tau"])
    layout.chart(charts.rates_by_rank(ranked, tau), f"Exposure rate by item, against τ = {tau:g}")
    days = exposure.highest_by_day(choosing.tenant(), exam["exam_code"])
    layout.section(
        "Highest rate, day by day",
        "On a day with few quizzes the highest of many rates is high by chance alone.",
    )
    layout.chart(
        charts.highest_by_day(days, tau), f"Highest exposure rate by day, against τ = {tau:g}"
    )
    _most_exposed(ranked)


def ranks(live: pd.DataFrame, window: str, tau: float) -> pd.DataFrame:
    """Items with their rate in a window, the most exposed first.

    Args:
        live: rows of item_health.
        window: suffix of the rate's columns.
        tau: the exam's limit.
    """
    rate = f"exposure_rate{window}"
    shown = live.dropna(subset=[rate]).sort_values([rate, "question_id"], ascending=[False, True])
    lower, upper = shown[f"{rate}_lower"], shown[f"{rate}_upper"]
    standing = pd.Series("at τ", index=shown.index)
    standing = standing.mask(lower > tau, "over τ").mask(upper < tau, "below τ")
    return pd.DataFrame(
        {
            "rank": range(1, len(shown) + 1),
            "item": shown.apply(choosing.item_name, axis=1) if len(shown) else [],
            "topic": shown["topic_path"],
            "share": shown[rate],
            "lower": lower,
            "upper": upper,
            "served": shown[f"served{window}"],
            "sh_p": shown["sh_p"],
            "standing": standing,
        }
    )


def _figures(live: pd.DataFrame, ranked: pd.DataFrame, exam: pd.Series) -> None:
    shown = [
        Figure("τ", f"{exam['tau']:g}", "The exam's limit: no item above this share of quizzes."),
        Figure(
            "Highest rate",
            layout.percent(ranked["share"].max()),
            "The most served live item ÷ quizzes that ended in this time.",
        ),
        Figure(
            "Items over τ",
            f"{(ranked['standing'] == 'over τ').sum():,}",
            "The whole 95% interval is above τ.",
        ),
        Figure(
            "Unused",
            layout.percent((ranked["served"] == 0).mean()),
            "Share of the live items that no quiz of this time had.",
        ),
    ]
    shown.append(_overlap(exam))
    layout.figures(shown)


def _overlap(exam: pd.Series) -> Figure:
    cohorts = exposure.cohorts(choosing.tenant(), exam["exam_code"])
    selectors = cohorts[cohorts["cohort_key"] == "delivered_selector"]
    overlaps = [
        f"{row['cohort_value']}: {layout.percent(row['overlap'])}"
        for _, row in selectors.iterrows()
    ]
    return Figure(
        "Test overlap",
        layout.percent(selectors["overlap"].max()),
        "Share of items that two students have in common, all time; the highest of the selectors "
        f"({'; '.join(overlaps) or 'no quiz yet'}).",
    )


def _most_exposed(ranked: pd.DataFrame) -> None:
    layout.section("Most exposed items")
    shown = ranked.head(25)[
        ["item", "topic", "share", "lower", "upper", "served", "sh_p", "standing"]
    ]
    rates = ["share", "lower", "upper"]
    shown = shown.assign(**layout.percentages(shown[rates]))
    st.dataframe(
        shown,
        hide_index=True,
        placeholder="–",
        column_config={
            "item": st.column_config.TextColumn("Item", pinned=True),
            "topic": "Topic",
            "share": layout.percent_column("Rate"),
            "lower": layout.percent_column("95% from"),
            "upper": layout.percent_column("to"),
            "served": st.column_config.NumberColumn("Served", format="localized"),
            "sh_p": st.column_config.NumberColumn("sh_p", format="%.3f"),
            "standing": "Standing",
        },
        alt="Most exposed items",
    )
