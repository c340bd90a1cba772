"""Blueprint coverage: what the exam should be made of, what it is, what to write next.

What never lives here: changes to the blueprint.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from qbank.vocabulary import Difficulty, words
from qbank_console import layout
from qbank_console.charts import topics as charts
from qbank_console.layout import Figure
from qbank_console.marts import coverage
from qbank_console.views.analyst import choosing

DIFFICULTIES = (*words(Difficulty), "unlabelled")


def page() -> None:
    """Shares against targets, and the list of what is missing."""
    layout.heading(
        "Blueprint coverage", "What the exam should be made of, what it is, what to write next."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        exam = choosing.exam()
        only_short = st.toggle("Only topics that lack items")
    known = coverage.coverage(choosing.tenant(), exam["exam_code"])
    topics = known[known["difficulty"] == "all"]
    if topics.empty:
        layout.empty(
            "No blueprint and no items",
            "Give the exam a blueprint (`qbank exam blueprint`) or publish questions in it.",
        )
        return
    _figures(topics)
    shown = topics[topics["items_to_write"] > 0] if only_short else topics
    if shown.empty:
        layout.empty(
            "Nothing is missing",
            "Every topic of the blueprint has the items it needs.",
            ":material/check_circle:",
        )
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        _shares(shown)
    with right:
        _to_write(topics)
    _by_difficulty(known[known["topic_id"].isin(shown["topic_id"])])


def _figures(topics: pd.DataFrame) -> None:
    short = topics[topics["items_to_write"] > 0]
    worst = topics["share_gap"].min()
    layout.figures(
        [
            Figure("Published items", f"{topics['published_items'].sum():,}", "Live in this exam."),
            Figure(
                "Blueprint topics",
                f"{topics['is_in_blueprint'].sum():,}",
                "Topics that the blueprint names.",
            ),
            Figure("Topics short", f"{len(short):,}", "Fewer published items than required."),
            Figure(
                "Items to write",
                f"{short['items_to_write'].sum():,.0f}",
                "Required less published, over all topics.",
            ),
            Figure(
                "Largest shortfall",
                "–" if pd.isna(worst) or worst >= 0 else f"{-worst * 100:.1f} points",
                "Target less share of published items, for the topic that lacks most.",
            ),
        ]
    )


def _shares(topics: pd.DataFrame) -> None:
    layout.section("Share against target", "Bars: published. ◆: administered. Ticks: target.")
    layout.chart(
        charts.target_against_share(
            pd.DataFrame(
                {
                    "topic": topics["topic_path"].str.split(" / ").str[-1],
                    "share": topics["published_share"],
                    "administered": topics["administered_share"],
                    "target": topics["target_weight"],
                }
            )
        ),
        "Share of the exam by topic against the blueprint's target",
    )


def _to_write(topics: pd.DataFrame) -> None:
    layout.section("Write next")
    short = topics[topics["items_to_write"] > 0].sort_values("items_to_write", ascending=False)
    if short.empty:
        st.success(
            "Every topic of the blueprint has the items it needs.", icon=":material/check_circle:"
        )
        return
    for _, topic in short.head(12).iterrows():
        st.markdown(
            f"**{topic['items_to_write']:.0f} items** in {topic['topic_path']}  \n"
            f":gray[has {topic['published_items']}, needs {topic['required_items']:.0f}]"
        )


def _by_difficulty(known: pd.DataFrame) -> None:
    layout.section("Published items by difficulty")
    cells = known[known["difficulty"] != "all"]
    table = cells.pivot_table(
        index="topic_path", columns="difficulty", values="published_items", fill_value=0
    )
    table = table.reindex(columns=[name for name in DIFFICULTIES if name in table.columns])
    whole = known[known["difficulty"] == "all"].set_index("topic_path")
    table = table.astype(int).join(
        whole[["published_items", "required_items", "items_to_write", "target_weight"]]
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        table.reset_index().assign(target_weight=table["target_weight"].to_numpy() * 100),
        hide_index=True,
        placeholder="–",
        column_config={
            "topic_path": st.column_config.TextColumn("Topic", width=230),
            **{name: number(name.capitalize(), format="%d") for name in DIFFICULTIES},
            "published_items": number("Published", format="%d"),
            "required_items": number("Required", format="%d"),
            "items_to_write": number("To write", format="%d"),
            "target_weight": layout.percent_column("Target"),
        },
        alt="Published items by topic and difficulty",
    )
