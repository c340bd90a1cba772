"""Item health: all items of an exam with their statistics and flags.

What never lives here: the definition of a flag (dbt, ``docs/analytics/marts.md``).
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from qbank.item_flags import FLAGS
from qbank_console import layout
from qbank_console.layout import Figure
from qbank_console.marts import items
from qbank_console.views.analyst import choosing, item, item_flags

_COLUMNS = {
    "item": st.column_config.TextColumn("Item", width=150, pinned=True),
    "severity": st.column_config.TextColumn("How urgent", width=110),
    "flags": st.column_config.ListColumn("Flags", width=220),
    "answers": st.column_config.ListColumn(
        "Answered", width=230, help="flags that somebody acknowledged, took or snoozed"
    ),
    "what_to_do": st.column_config.TextColumn("What to do", width="medium"),
    "topic_path": st.column_config.TextColumn("Topic", width="medium"),
    "attempts": st.column_config.NumberColumn("Answers", format="localized"),
    "p_value": layout.percent_column("Correct", "p value: share of first answers that are correct"),
    "r_point_biserial": st.column_config.NumberColumn(
        "r pb", format="%.2f", help="item-rest correlation of first answers"
    ),
    "a": st.column_config.NumberColumn("a", format="%.2f", help="discrimination (D = 1.7)"),
    "b": st.column_config.NumberColumn("b", format="%.2f", help="difficulty in logits"),
    "c": st.column_config.NumberColumn("c", format="%.2f", help="lower asymptote"),
    "exposure_rate_28d": layout.percent_column(
        "Exposure 28 d", "served ÷ quizzes that ended, last 28 days"
    ),
    "sh_p": st.column_config.NumberColumn("sh_p", format="%.2f", help="exposure parameter"),
    "median_time_s": st.column_config.NumberColumn("Median time (s)", format="%.0f"),
    "p90_time_s": st.column_config.NumberColumn("90% time (s)", format="%.0f"),
    "served": st.column_config.NumberColumn("Served", format="localized"),
}


def page() -> None:
    """The list; a click on a row opens the item."""
    layout.heading(
        "Item health", "Which items need a person: by discrimination, difficulty, exposure, drift."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        exam = choosing.exam()
        wanted = st.text_input(
            "Search", placeholder="reference, topic or text", icon=":material/search:"
        )
    known = items.item_health(choosing.tenant(), exam["exam_code"])
    if known.empty:
        layout.empty("No items in this exam", "Publish a question in it, then run `qbank nightly`.")
        return
    _figures(known)
    known = item_flags.with_answers(known, exam["exam_code"])
    shown = _chosen(known, wanted)
    if shown.empty:
        layout.empty(
            "No item matches", "Clear the search or the flags, or show answered ones, to see all."
        )
        return
    _table(shown, exam["exam_code"])


def _figures(known: pd.DataFrame) -> None:
    live = known[known["is_live"]]
    layout.figures(
        [
            Figure("Live items", f"{len(live):,}", "Items that the exam can serve now."),
            Figure(
                "With a flag",
                f"{(live['flag_count'] > 0).sum():,}",
                "Live items with a flag that asks somebody to do something; notes do not.",
            ),
            Figure(
                "To act on today",
                f"{(live['severity'] == 'act today').sum():,}",
                "Live items whose key is in doubt, or that are served more than the exposure"
                " control in force allows.",
            ),
            Figure(
                "Calibrated",
                layout.percent(live["a"].notna().mean() if len(live) else None, 0),
                "Live items that have parameters of the exam's model.",
            ),
            Figure(
                "Median p value",
                layout.percent(live["p_value"].median(), 0),
                "Half of the live items are answered correctly more often than this.",
            ),
        ]
    )


def _chosen(known: pd.DataFrame, wanted: str) -> pd.DataFrame:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        flags = st.pills(
            "Only with flag",
            list(FLAGS),
            selection_mode="multi",
            format_func=lambda column: FLAGS[column].name,
        )
        all_versions = st.toggle(
            "Also items that are not live", help="earlier versions and retired items"
        )
        new = st.toggle(
            f"Only new since yesterday ({known['is_new'].sum():,})",
            key="flags_new",
            help="a flag was raised in the last 24 hours",
        )
        answered = st.toggle(
            "Also items whose flags are answered",
            help="those that somebody acknowledged, took or snoozed; without this, open ones alone",
        )
    shown = known if all_versions else known[known["is_live"]]
    shown = shown[shown["is_new"]] if new else shown
    for flag in flags:
        shown = shown[shown[flag]]
    if wanted.strip():
        text = shown[["external_ref", "topic_path", "stem_start"]].fillna("").agg(" ".join, axis=1)
        shown = shown[text.str.contains(wanted.strip(), case=False, regex=False)]
    hidden = 0 if answered else int(shown["is_answered"].sum())
    if hidden:
        st.caption(
            f"{hidden:,} {'item is' if hidden == 1 else 'items are'} hidden: their flags are all"
            " answered."
        )
        shown = shown[~shown["is_answered"]]
    return shown


def _table(shown: pd.DataFrame, exam: str) -> None:
    table = shown.assign(
        item=shown.apply(choosing.item_name, axis=1),
        flags=shown.apply(choosing.flags_of, axis=1),
        p_value=shown["p_value"] * 100,
        exposure_rate_28d=shown["exposure_rate_28d"] * 100,
    )
    st.caption(f"{len(table):,} items. Tick a row to open it; click a heading to sort.")
    chosen = st.dataframe(
        table,
        hide_index=True,
        # its place is the others' until somebody answers one
        column_order=[name for name in _COLUMNS if name != "answers" or table["answers"].any()],
        column_config=_COLUMNS,
        placeholder="–",
        height=min(560, 40 + 36 * len(table)),
        on_select="rerun",
        selection_mode="single-row",
        key="item_table",
        alt="Items of the exam with statistics and flags",
    )
    if chosen.selection.rows:
        item.open_item(exam, table.iloc[chosen.selection.rows[0]])
