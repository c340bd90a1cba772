"""A quiz from start to results. What never lives here: which item comes next, what is correct."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from qbank.vocabulary import Difficulty, words
from qbank_console import layout, session
from qbank_console.api import quizzes, topics
from qbank_console.api.client import ApiError
from qbank_console.problems import said
from qbank_console.views.exam_choice import choose_exam
from qbank_console.views.markdown import in_line, written
from qbank_console.views.student import results

MODES = {"tutor": "Tutor: explained after each answer", "exam": "Exam: results at the end"}
_QUIZ = "quiz"  # in the address, so that a reload goes on with it
_SHOWN_AT = "item_shown_at"
_ANSWERED = "item_answered"


def page() -> None:
    """The quiz of the address; without one, the form that makes one."""
    quiz_id = st.query_params.get(_QUIZ) or st.session_state.get(_QUIZ)
    if not quiz_id:
        _new()
        return
    if st.query_params.get(_QUIZ) != quiz_id:
        st.query_params[_QUIZ] = quiz_id
    try:
        state = quizzes.state(session.api(), quiz_id)
    except ApiError as error:
        if error.status != 404:
            raise
        _leave()
        st.info("That quiz does not exist. Make a new one.")
        _new()
        return
    # the last answer ends the quiz; what it was worth is explained first
    if state["status"] == "open" or st.session_state.get(_ANSWERED):
        _open(state)
    else:
        results.show(state)
        st.button("Take another quiz", type="primary", icon=":material/replay:", on_click=_leave)


def _new() -> None:
    layout.heading("Take a quiz", "Items are chosen to fit you as you answer.")
    exam = choose_exam()
    tree = topics.topic_tree(session.api())
    with st.form("new_quiz"):
        mode = st.radio("Mode", list(MODES), format_func=MODES.__getitem__)
        number = st.slider("Questions", 1, 120, min(120, exam.test_length))
        with st.expander("Choose what it is about", icon=":material/filter_alt:"):
            chosen = st.multiselect(
                "Topics", list(tree.paths), format_func=tree.paths.__getitem__, placeholder="all"
            )
            difficulty = st.pills(
                "Difficulty", words(Difficulty), selection_mode="multi", default=None
            )
            adaptive = st.toggle(
                "Fit the items to me", value=True, help="off: items are drawn at random"
            )
            quota = st.toggle(
                "Keep to the exam's blueprint", value=False, help="off: as the exam has it"
            )
        if not st.form_submit_button("Start", type="primary", icon=":material/play_arrow:"):
            return
    filters = {
        "exam_code": exam.code,
        "topics": chosen,
        "difficulty": list(difficulty),
        "num_questions": number,
        "mode": mode,
    }
    _make(filters, adaptive=adaptive, quota=quota)


def _make(filters: dict[str, Any], *, adaptive: bool, quota: bool) -> None:
    try:
        with st.spinner("Making the quiz …"):
            made = quizzes.create(session.api(), filters, adaptive=adaptive, blueprint_quota=quota)
    except ApiError as error:
        st.error(said(error), icon=":material/error:")
        if error.quiz_id:
            st.button("Go on with the open quiz", on_click=_go_on, args=[error.quiz_id])
        return
    _go_on(made["quiz_id"])
    st.rerun()


def _go_on(quiz_id: str) -> None:
    _leave()
    st.session_state[_QUIZ] = quiz_id


def _leave() -> None:
    st.query_params.pop(_QUIZ, None)
    for key in (_QUIZ, _SHOWN_AT, _ANSWERED):
        st.session_state.pop(key, None)


def _open(state: dict[str, Any]) -> None:
    answered: dict[str, Any] = st.session_state.setdefault(_ANSWERED, {})
    done, total = state["answered"], state["num_questions"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(done / total, text=f"{done} of {total} answered")
    _, middle, _ = st.columns([1, 6, 1])
    with middle:
        over = bool(answered) and done >= total
        if answered:
            results.explain(answered)
            label = "See results" if over else "Next question"
            if st.button(label, type="primary", icon=":material/arrow_forward:"):
                answered.clear()
                st.rerun()
        else:
            _item(state, answered)
        if not over:
            _finish_early(state)


def _item(state: dict[str, Any], answered: dict[str, Any]) -> None:
    try:
        item = quizzes.next_item(session.api(), state["quiz_id"])
    except ApiError as error:
        if error.status not in (409, 410):
            raise
        st.info(said(error))
        return
    key = f"{state['quiz_id']}.{item['position']}"
    shown_key, shown_at = st.session_state.get(_SHOWN_AT) or (None, 0.0)
    if shown_key != key:
        shown_at = time.time()
        st.session_state[_SHOWN_AT] = (key, shown_at)
    with st.form(f"answer_{key}"):
        st.caption(f"Question {item['position']} of {item['num_questions']}")
        written(item["stem_md"])
        if item["lead_in"]:
            written(f"**{in_line(item['lead_in'])}**")
        options = {option["label"]: option["text_md"] for option in item["options"]}
        selected = st.radio(
            "Your answer",
            list(options),
            index=None,
            format_func=lambda label: f"**{label}** {in_line(options[label])}",
            key=f"selected_{key}",
        )
        sent = st.form_submit_button("Answer", type="primary", icon=":material/check:")
    if not sent:
        return
    if selected is None:
        st.warning("Choose an option first.")
        return
    reply = _answer(state, item, selected, int((time.time() - shown_at) * 1000))
    if reply is not None:
        if state["mode"] == "tutor":
            # the session's own dict: assigning to the session's state is where a run that is asked
            # to start again stops, and the explanation would be lost
            answered |= {"item": item, "selected": selected, "reply": reply}
        st.rerun()


def _answer(
    state: dict[str, Any], item: dict[str, Any], selected: str, time_ms: int
) -> dict[str, Any] | None:
    try:
        return quizzes.answer(
            session.api(), state["quiz_id"], item["question_id"], selected, min(time_ms, 86_400_000)
        )
    except ApiError as error:
        if error.status not in (409, 410):
            raise
        st.info(said(error))
        return None


def _finish_early(state: dict[str, Any]) -> None:
    with st.popover("Finish now", icon=":material/stop_circle:", type="tertiary"):
        left = state["num_questions"] - state["answered"]
        st.markdown(f"{left} questions are not answered. Finish all the same?")
        if st.button("Finish the quiz"):
            quizzes.finish(session.api(), state["quiz_id"])
            st.session_state.pop(_ANSWERED, None)
            st.rerun()
