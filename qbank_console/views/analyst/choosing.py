"""Choices that analysts' pages share: the exam, and how items and their flags are named.

What never lives here: pages.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from qbank.item_flags import FLAGS
from qbank_console import layout, session
from qbank_console.marts import exams


def tenant() -> str:
    """The tenant whose marts are read: the token's."""
    return session.current().tenant_id


def exam() -> pd.Series:
    """The exam that the page is about, as a row of the marts; without one the page stops."""
    known = exams.exams(tenant())
    if known.empty:
        layout.empty(
            "No exam yet",
            f"The tenant {tenant()} has no exam in the marts. Import responses with "
            "`qbank import responses`, then run `qbank nightly`.",
        )
        st.stop()
    titles = dict(zip(known["code"], known["title"], strict=True))
    names = {code: f"{title} ({code})" for code, title in titles.items()}
    code = layout.choose("Exam", names, "exam", width=340)
    return known.iloc[known["code"].tolist().index(code)]


def item_name(row: pd.Series) -> str:
    """An item as people call it: its own reference where it has one, and the version."""
    reference = row.get("external_ref") or f"question {row['question_id']}"
    return f"{reference} v{row['version']}"


def flags_of(row: pd.Series) -> list[str]:
    """The flags that an item of item_health has raised, the most urgent first."""
    return [flag.name for column, flag in FLAGS.items() if row[column]]
