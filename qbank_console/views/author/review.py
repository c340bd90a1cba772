"""Review and publish: one question with its versions, words of reviewers, and where it is live.

What never lives here: the editor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from qbank_console import layout, navigation, session
from qbank_console.api import authoring
from qbank_console.api.client import ApiError
from qbank_console.problems import said
from qbank_console.views.author import preview
from qbank_console.views.exam_choice import choose_exam
from qbank_console.views.markdown import written

_DONE = "review_done"
_STATUS_ICONS = {
    "approved": ":material/check_circle:",
    "changes_requested": ":material/edit_note:",
    "rejected": ":material/cancel:",
    "pending": ":material/hourglass_empty:",
}


def page() -> None:
    """Opens the question of the address, or lists what waits for review."""
    layout.heading("Review and publish", "Read it, say a word, put it into an exam.")
    wanted = st.query_params.get("question", "")
    if wanted.isdigit():
        _question(int(wanted))
    else:
        _waiting()
    done = st.session_state.pop(_DONE, "")
    if done:
        st.toast(done, icon=":material/check:")


def _waiting() -> None:
    found = authoring.search(session.api(), 1, 50, state="review")
    if not found["items"]:
        layout.empty(
            "Nothing waits for review",
            "Authors ask for a review on this page, after opening their question.",
            ":material/done_all:",
        )
        return
    layout.section(f"{found['total']:,} waiting for review")
    for row in found["items"]:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            name = row["external_ref"] or f"question {row['id']}"
            st.markdown(f"**{name}** v{row['version']} · :gray[by {row['created_by']}]")
            st.space("stretch")
            if st.button("Open", key=f"open_{row['id']}", icon=":material/rate_review:"):
                st.query_params["question"] = str(row["id"])
                st.rerun()


def _question(question_id: int) -> None:
    question = authoring.question(session.api(), question_id)
    versions = {version["version"]: version for version in question["versions"]}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox(
            f"Version of {question['external_ref'] or f'question {question_id}'}",
            sorted(versions, reverse=True),
            format_func=lambda n: f"v{n}, {versions[n]['state']}",
            key=f"version_of_{question_id}_{len(versions)}",
            width=260,
        )
        if st.button("All questions", icon=":material/arrow_back:"):
            st.switch_page(navigation.page("questions"))
    version = versions[number]
    left, right = st.columns([1.3, 1], gap="large")
    with left, st.container(border=True):
        preview.preview(version)
    with right:
        _standing(question, version)
        _actions(question, version)
        _words(version)


def _standing(question: dict[str, Any], version: dict[str, Any]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        preview.state_badge(version["state"])
        for exam, live in question["live"].items():
            st.badge(f"v{live} live in {exam}", color="green", icon=":material/public:")
    facts = [f"by {version['created_by']}"]
    if version["difficulty_label"]:
        facts.append(version["difficulty_label"])
    if version["bloom_level"]:
        facts.append(f"Bloom {version['bloom_level']}")
    st.caption(" · ".join(facts + list(version["tags"])))


def _actions(question: dict[str, Any], version: dict[str, Any]) -> None:
    viewer, state = session.current(), version["state"]
    if viewer.has("author", "admin") and st.button(
        "Write a new version", icon=":material/edit_square:"
    ):
        st.switch_page(navigation.page("write"), query_params={"question": str(question["id"])})
    if state == "draft" and st.button("Ask for a review", type="primary", icon=":material/send:"):
        _do(
            lambda: authoring.review(
                session.api(), question["id"], version["version"], "pending", ""
            ),
            "Reviewers see it now.",
        )
    if state in ("draft", "review", "approved") and viewer.has("reviewer", "admin"):
        _review(question, version)
    if state in ("approved", "published") and viewer.has("publisher", "admin"):
        _publish(question, version)
    if state == "published" and viewer.has("publisher", "admin"):
        _retire(question, version)


def _review(question: dict[str, Any], version: dict[str, Any]) -> None:
    with st.form("review"):
        st.markdown("**Your review**")
        comments = st.text_area("Comments", placeholder="Markdown", height=90)
        with st.container(horizontal=True):
            approved = st.form_submit_button("Approve", type="primary", icon=":material/check:")
            changes = st.form_submit_button("Ask for changes", icon=":material/edit_note:")
            rejected = st.form_submit_button("Reject", icon=":material/close:")
    status = (
        "approved"
        if approved
        else "changes_requested"
        if changes
        else "rejected"
        if rejected
        else None
    )
    if status is None:
        return
    if status != "approved" and not comments.strip():
        st.error("Say in the comments what should change.")
        return
    _do(
        lambda: authoring.review(
            session.api(), question["id"], version["version"], status, comments.strip()
        ),
        f"{status.replace('_', ' ').capitalize()}.",
    )


def _publish(question: dict[str, Any], version: dict[str, Any]) -> None:
    with st.container(border=True):
        st.markdown("**Publish**")
        exam = choose_exam("In exam")
        live = question["live"].get(exam.code)
        if live == version["version"]:
            st.caption(f"This version is live in {exam.code}.")
        else:
            if live:
                st.caption(f"Version {live} is live there now and will be replaced.")
            if st.button("Publish", type="primary", icon=":material/publish:"):
                _do(
                    lambda: authoring.publish(
                        session.api(), question["id"], version["version"], exam.code
                    ),
                    f"Live in {exam.code}.",
                )


def _retire(question: dict[str, Any], version: dict[str, Any]) -> None:
    with st.popover("Retire", icon=":material/archive:"):
        st.markdown(
            "Takes this version out of use in all exams. Answers to it are kept. It cannot be "
            "undone: publish a new version instead."
        )
        if st.button("Retire this version", type="primary"):
            _do(
                lambda: authoring.retire(session.api(), question["id"], version["version"]),
                "Retired.",
            )


def _words(version: dict[str, Any]) -> None:
    if not version["reviews"]:
        return
    st.markdown("**Reviews**")
    for word in reversed(version["reviews"]):
        icon = _STATUS_ICONS.get(word["status"], "")
        st.markdown(
            f"{icon} **{word['status'].replace('_', ' ')}** :gray[by {word['reviewer_id']}]"
        )
        if word["comments_md"]:
            written(word["comments_md"])


def _do(action: Callable[[], object], done: str) -> None:
    try:
        with st.spinner("Saving …"):
            action()
    except ApiError as error:
        st.error(said(error), icon=":material/error:")
        return
    st.session_state[_DONE] = done
    st.rerun()
