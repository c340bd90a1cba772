"""Questions: search, filter, open. What never lives here: the editor."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qbank_console import layout, navigation, session
from qbank_console.api import authoring, topics
from qbank_console.paging import page_buttons, page_number
from qbank_console.views.author.editor import DIFFICULTIES
from qbank_console.views.author.preview import STATE_COLOURS

PAGE_SIZE = 50


def page() -> None:
    """The listing; a tick opens a question for review."""
    layout.heading("Questions", "Every question in its newest version.")
    tree = topics.topic_tree(session.api())
    with st.grid("auto", min_column_width=180):
        text = st.text_input("Search", placeholder="part of the text", icon=":material/search:")
        state = st.selectbox("State", list(STATE_COLOURS), index=None, placeholder="any")
        topic = st.selectbox(
            "Topic",
            list(tree.paths),
            index=None,
            format_func=tree.paths.__getitem__,
            placeholder="any",
        )
        difficulty = st.selectbox("Difficulty", DIFFICULTIES, index=None, placeholder="any")
    listing = f"questions/{text}/{state}/{topic}/{difficulty}"
    found = authoring.search(
        session.api(),
        page_number(listing),
        PAGE_SIZE,
        q=text.strip(),
        state=state,
        topic_id=topic,
        difficulty=difficulty,
    )
    if not found["items"]:
        layout.empty(
            "No question matches", "Clear the filters, or write the first one.", ":material/edit:"
        )
        return
    _table(found, tree, listing)
    page_buttons(listing, found["total"], PAGE_SIZE)


def _table(found: dict[str, Any], tree: topics.TopicTree, listing: str) -> None:
    rows = found["items"]
    st.caption(f"{found['total']:,} questions. Tick one to open it.")
    chosen = st.dataframe(
        pd.DataFrame(
            {
                "Reference": [row["external_ref"] or f"question {row['id']}" for row in rows],
                "Question": [row["stem_md"] for row in rows],
                "State": [row["state"] for row in rows],
                "Version": [row["version"] for row in rows],
                "Live in": [
                    [f"{exam} v{version}" for exam, version in row["live"].items()] for row in rows
                ],
                "Topic": [tree.paths.get(row["topic_id"], "") for row in rows],
                "Difficulty": [row["difficulty_label"] for row in rows],
                "By": [row["created_by"] for row in rows],
            }
        ),
        hide_index=True,
        placeholder="–",
        height=min(560, 38 + 36 * len(rows)),
        column_config={
            "Reference": st.column_config.TextColumn(width=130, pinned=True),
            "Question": st.column_config.TextColumn(width=320),
            "Live in": st.column_config.ListColumn(width=170),
        },
        on_select="rerun",
        selection_mode="single-row",
        key=f"table_{listing}_{page_number(listing)}",
        alt="Questions",
    )
    if chosen.selection.rows:
        opened = rows[chosen.selection.rows[0]]["id"]
        st.switch_page(navigation.page("review"), query_params={"question": str(opened)})
