"""Fairness and fit: which items differ between groups of equal ability, or from their curve.

What never lives here: how that is found (``docs/calibration/item-fit.md``).
"""

from __future__ import annotations

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from qbank_console import layout
from qbank_console.layout import Figure
from qbank_console.marts import fairness
from qbank_console.views.analyst import choosing

_NUMBER, _TEXT = st.column_config.NumberColumn, st.column_config.TextColumn
_FAIRNESS = {
    "item": _TEXT("Item", width=150, pinned=True),
    "ets_class": _TEXT("ETS class", help="A negligible, B moderate, C large", width=80),
    "attribute": _TEXT("Attribute", width=100),
    "focal": _TEXT("Group", help="the group that is looked at", width=100),
    "reference": _TEXT("Compared with", help="the largest group", width=110),
    "favoured": _TEXT("Easier for", help="at equal ability", width=100),
    "delta": _NUMBER(
        "Δ", format="%.2f", help="on the scale of ETS; negative: harder for the group"
    ),
    "delta_lower": _NUMBER("Δ from", format="%.2f", help="lower end of the 95 % interval"),
    "delta_upper": _NUMBER("Δ to", format="%.2f", help="upper end of the 95 % interval"),
    "n_focal": _NUMBER("Answers, group", format="localized"),
    "n_reference": _NUMBER("Answers, others", format="localized"),
    "q_value": _NUMBER("q", format="%.3f", help="false discovery rate over the bank"),
    "power": layout.percent_column("Power", "to find an effect of class C"),
    "topic_path": _TEXT("Topic", width="medium"),
}
_FIT = {
    "item": _TEXT("Item", width=150, pinned=True),
    "is_poor": st.column_config.CheckboxColumn("Poor", width=60),
    "compromised_since": st.column_config.DatetimeColumn(
        "Leaked since",
        format="YYYY-MM-DD HH:mm",
        help="easier and answered faster from this moment on, by UTC",
        width=140,
    ),
    "rmsd": _NUMBER("RMSD", format="%.3f", help="distance of the observed curve from the model's"),
    "shape_q": _NUMBER("q", format="%.3f", help="that it is chance, over the bank"),
    "infit": _NUMBER("Infit", format="%.2f"),
    "outfit": _NUMBER("Outfit", format="%.2f"),
    "s_x2_p": _NUMBER("S-X² p", format="%.3f", help="complete forms only"),
    "goes_with": _TEXT("Goes together with", help="beyond what ability explains", width=150),
    "q3": _NUMBER("Q3", format="%.2f", help="correlation of the residuals of the two"),
    "n": _NUMBER("Answers", format="localized"),
    "topic_path": _TEXT("Topic", width="medium"),
}


def page() -> None:
    """Two tables: fairness by attribute, and fit."""
    layout.heading(
        "Fairness and fit",
        "Which items are harder for a group than for another of equal ability, and which do not"
        " follow their curve.",
    )
    exam = choosing.exam()
    code, tenant = exam["exam_code"], choosing.tenant()
    examined = fairness.examination(tenant, code)
    if examined.empty:
        layout.empty(
            "Not examined yet",
            "Items are examined once they have parameters: import answers, then run"
            " `qbank nightly`.",
        )
        return
    last = examined.iloc[0]
    rows, items = fairness.fairness(tenant, code), fairness.fit(tenant, code)
    _figures(last, rows, items)
    first, second = st.tabs(["Fairness", "Fit"])
    with first:
        _fairness(last, rows, code)
    with second:
        _fit(items, code)


def _figures(last: pd.Series, rows: pd.DataFrame, items: pd.DataFrame) -> None:
    large = rows[rows["ets_class"] == "C"]
    layout.figures(
        [
            Figure(
                "Items of class C",
                f"{len(large[['question_id', 'version']].drop_duplicates()):,}",
                "Items with a large difference between groups of equal ability.",
            ),
            Figure(
                "Items compared",
                f"{len(rows[['question_id', 'version']].drop_duplicates()):,}",
                "Items that two groups have answered enough.",
            ),
            Figure(
                "Items that do not fit",
                f"{items['is_poor'].sum():,}",
                "An RMSD above 0.1 that is no chance.",
            ),
            Figure(
                "Compromised",
                f"{items['is_compromised'].sum():,}",
                "Easier and answered faster from some moment on: look whether they leaked.",
            ),
            Figure(
                "Unusual answers",
                layout.percent(last["misfit_share"]),
                "Persons with an l_z* below −2.33: 1 % by chance.",
            ),
        ]
    )
    st.caption(f"Examined {last['examined_at']:%Y-%m-%d} (UTC).")


def _fairness(last: pd.Series, rows: pd.DataFrame, exam: str) -> None:
    skipped = {name: own["skipped"] for name, own in last["attributes"].items() if "skipped" in own}
    if rows.empty and not skipped:
        layout.empty(
            "Nothing is known of the people",
            "Import answers with attributes of who gave them:"
            " `qbank import responses FILE --group-col COLUMN`, then run `qbank nightly`.",
        )
        return
    for name, why in skipped.items():
        st.info(f"{name} is not compared: {why}.", icon=":material/info:")
    if rows.empty:
        return
    chosen = st.pills("Attribute", sorted(rows["attribute"].unique()), selection_mode="multi")
    shown = rows[rows["attribute"].isin(chosen)] if chosen else rows
    table = shown.assign(item=shown.apply(choosing.item_name, axis=1), power=shown["power"] * 100)
    st.caption(
        f"{len(table):,} comparisons. Groups are matched on ability, each with a distribution of"
        " its own: a difference says that an item differs, not why."
    )
    _shown(table, _FAIRNESS, "Differences between groups of equal ability, item by item")
    _download(shown, f"{exam}-fairness.csv")


def _fit(items: pd.DataFrame, exam: str) -> None:
    if items.empty:
        layout.empty("No item to judge", "Nobody has answered an item with parameters yet.")
        return
    table = items.assign(item=items.apply(choosing.item_name, axis=1))
    st.caption(f"{len(table):,} items with parameters and answers.")
    _shown(table, _FIT, "Fit of the items' curves")
    _download(items, f"{exam}-fit.csv")


def _shown(table: pd.DataFrame, columns: dict[str, ColumnConfig], alt: str) -> None:
    st.dataframe(
        table,
        hide_index=True,
        column_order=list(columns),
        column_config=columns,
        placeholder="–",
        height=min(560, 40 + 36 * len(table)),
        alt=alt,
    )


def _download(rows: pd.DataFrame, name: str) -> None:
    st.download_button(
        "Download CSV",
        rows.to_csv(index=False),
        file_name=name,
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=name,
    )
