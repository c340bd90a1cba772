"""Write: a new question, or a new version of one, with a preview beside it.

What never lives here: review and publication.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from qbank_console import layout, navigation, session
from qbank_console.api import authoring, topics
from qbank_console.api.client import ApiError
from qbank_console.problems import said
from qbank_console.views.author import editor, preview

_EDITION = "write_edition"  # a new one empties the fields of a new question


def page() -> None:
    """The form on the left, the question as students see it on the right."""
    question = _question()
    if question is None:
        layout.heading("Write", "A new question. It is a draft until it is reviewed and published.")
        start, key = editor.EMPTY, f"new{st.session_state.get(_EDITION, 0)}"
    else:
        newest = question["versions"][-1]
        layout.heading(
            "Write",
            f"Version {newest['version'] + 1} of {_name(question)}. What is live stays live until "
            "the new version is published.",
        )
        start, key = newest, f"{question['id']}.{newest['version']}"
    tree = topics.topic_tree(session.api())
    if not tree.paths:
        layout.empty(
            "There are no topics yet", "Add the first one below.", ":material/account_tree:"
        )
        _new_topic(tree)
        return
    left, right = st.columns([1.15, 1], gap="large")
    with left:
        reference = _reference(question, key)
        content = editor.edit(tree, start, key)
        _save(question, content, reference)
        _new_topic(tree)
    with right:
        layout.section("Preview")
        with st.container(border=True):
            preview.preview(content)


def _question() -> dict[str, Any] | None:
    wanted = st.query_params.get("question", "")
    return authoring.question(session.api(), int(wanted)) if wanted.isdigit() else None


def _name(question: dict[str, Any]) -> str:
    return question["external_ref"] or f"question {question['id']}"


def _reference(question: dict[str, Any] | None, key: str) -> str:
    if question is not None:
        return ""
    return st.text_input(
        "Your reference", placeholder="optional, unique", key=f"reference_{key}", width=260
    )


def _save(question: dict[str, Any] | None, content: dict[str, Any], reference: str) -> None:
    lacks = editor.missing(content)
    label = "Save draft" if question is None else "Save as new version"
    if lacks:
        st.caption(f"Still needed: {', '.join(lacks)}.")
    if not st.button(label, type="primary", icon=":material/save:", disabled=bool(lacks)):
        return
    try:
        with st.spinner("Saving …"):
            saved = (
                authoring.create(session.api(), content, reference.strip() or None)
                if question is None
                else authoring.add_version(session.api(), question["id"], content)
            )
    except ApiError as error:
        st.error(said(error), icon=":material/error:")
        return
    st.session_state[_EDITION] = st.session_state.get(_EDITION, 0) + 1
    st.switch_page(navigation.page("review"), query_params={"question": str(saved["id"])})


def _new_topic(tree: topics.TopicTree) -> None:
    with st.expander("Add a topic", icon=":material/account_tree:"), st.form("topic", border=False):
        name = st.text_input("Name", max_chars=255)
        parent = st.selectbox(
            "Below",
            list(tree.paths),
            index=None,
            format_func=tree.paths.__getitem__,
            placeholder="a top topic",
        )
        if not st.form_submit_button("Add topic"):
            return
        if not name.strip():
            st.error("Name the topic.")
            return
        try:
            topics.create(session.api(), name.strip(), parent)
        except ApiError as error:
            st.error(said(error), icon=":material/error:")
        else:
            st.rerun()
