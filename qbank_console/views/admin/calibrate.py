"""Calibrate: ask for a Sympson–Hetter calibration, and watch it.

What never lives here: the calibration, its parameters (``qbank.requests``), and how a run looks
(``run_view``).
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qbank.requests import SympsonHetter
from qbank_console import feasibility, layout, navigation, session
from qbank_console.api import runs, topics
from qbank_console.api.client import ApiError
from qbank_console.api.topics import TopicTree
from qbank_console.problems import said
from qbank_console.views import request_form
from qbank_console.views.admin import run_view
from qbank_console.views.exam_choice import Exam, choose_exam

_STARTED = "calibration_started"


def page() -> None:
    """The form with its verdict; below it the run that was started."""
    layout.heading(
        "Calibrate",
        "Find the exposure parameters under which no item is given to more than its share of "
        "examinees.",
    )
    exam = choose_exam()
    started = st.session_state.get(_STARTED)
    with st.expander("Parameters", expanded=started is None, icon=":material/tune:"):
        own = _own(exam)
        given = request_form.parameters(SympsonHetter, own, exam.code)
        tree = topics.topic_tree(session.api())
        caps, weights = _topic_caps(tree)
        verdict = _verdict(exam, own | given, tree, caps, weights)
        request = given | {"exam_code": exam.code} | _named(caps, weights)
        if st.button(
            "Start calibration",
            type="primary",
            icon=":material/play_arrow:",
            disabled=not verdict.feasible,
        ):
            _start(request)
    if started:
        run_view.follow(started)
        st.page_link(
            navigation.page("runs"),
            label="All runs, comparison and rollback",
            icon=":material/history:",
            query_params={"exam": exam.code, "run": started},
        )


def _own(exam: Exam) -> dict[str, Any]:
    """What holds for the exam where the form is left empty; stops the page where nothing can."""
    try:
        return runs.defaults(session.api(), exam.code)
    except ApiError as error:
        st.error(said(error), icon=":material/error:")
        st.stop()


def _topic_caps(tree: TopicTree) -> tuple[dict[int, float], dict[int, float]]:
    st.markdown("**Caps by topic** :gray[· optional; a cap wins over a weight, which means τ·w/Σw]")
    ids = {path: key for key, path in tree.paths.items()}
    if not ids:
        st.caption("There are no topics to cap.")
        return {}, {}
    rows = st.data_editor(
        pd.DataFrame(
            {
                "topic": pd.Series(dtype=str),
                "cap": pd.Series(dtype=float),
                "weight": pd.Series(dtype=float),
            }
        ),
        num_rows="dynamic",
        hide_index=True,
        column_config={
            "topic": st.column_config.SelectboxColumn(
                "Topic", options=list(ids), required=True, width=230
            ),
            "cap": st.column_config.NumberColumn(
                "Cap", min_value=0.001, max_value=1.0, format="%.3f", help="largest rate, 0 to 1"
            ),
            "weight": st.column_config.NumberColumn("Weight", min_value=0.001, format="%.2f"),
        },
        key="topic_caps",
        alt="Exposure caps by topic",
    )
    known = rows.dropna(subset=["topic"])
    caps = {
        ids[row["topic"]]: float(row["cap"]) for _, row in known.dropna(subset=["cap"]).iterrows()
    }
    weights = {
        ids[row["topic"]]: float(row["weight"])
        for _, row in known.dropna(subset=["weight"]).iterrows()
    }
    return caps, weights


def _named(caps: dict[int, float], weights: dict[int, float]) -> dict[str, Any]:
    given = {"topic_tau": caps, "topic_weights": weights}
    return {name: {str(k): v for k, v in of.items()} for name, of in given.items() if of}


def _verdict(
    exam: Exam,
    params: dict[str, Any],
    tree: TopicTree,
    caps: dict[int, float],
    weights: dict[int, float],
) -> feasibility.Verdict:
    pool = feasibility.pool_topics(session.api(), session.current().tenant_id, exam.code)
    if params["floor"] > params["ceil"]:
        reason = f"the least sh_p, {params['floor']}, is above the largest, {params['ceil']}"
        verdict = feasibility.Verdict(len(pool), 0.0, reason, feasible=False)
    else:
        verdict = feasibility.judge(pool, tree, params["tau"], params["test_len"], caps, weights)
    if verdict.feasible:
        st.success(
            f"Feasible: {verdict.items:,} calibrated items can give each examinee "
            f"{verdict.supply:,.1f} items under these caps; a test takes {params['test_len']}.",
            icon=":material/check_circle:",
        )
    else:
        st.error(f"Not feasible: {verdict.reason}.", icon=":material/block:")
    return verdict


def _start(request: dict[str, Any]) -> None:
    try:
        with st.spinner("Asking for the calibration …"):
            st.session_state[_STARTED] = runs.start(session.api(), request)
    except ApiError as error:
        st.error(said(error), icon=":material/error:")
    else:
        st.rerun()
