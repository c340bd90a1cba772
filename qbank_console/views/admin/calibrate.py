"""Calibrate: ask for a Sympson–Hetter calibration, and watch it.

What never lives here: the calibration, and how a run looks (``run_view``).
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qbank_console import feasibility, layout, navigation, session
from qbank_console.api import runs, topics
from qbank_console.api.client import ApiError
from qbank_console.api.topics import TopicTree
from qbank_console.problems import said
from qbank_console.views.admin import run_view
from qbank_console.views.exam_choice import Exam, choose_exam

DISTRIBUTIONS = ("normal(0,1)", "normal(0,1.2)", "normal(0.5,1)", "uniform(-3,3)")
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
        params = _parameters(exam)
        tree = topics.topic_tree(session.api())
        caps, weights = _topic_caps(tree)
        verdict = _verdict(exam, params, tree, caps, weights)
        request = params | {"exam_code": exam.code} | _named(caps, weights)
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


def _parameters(exam: Exam) -> dict[str, Any]:
    with st.grid("auto", min_column_width=190):
        return {
            "tau": st.number_input(
                "τ, largest exposure rate",
                0.01,
                1.0,
                exam.tau,
                0.01,
                key=f"tau_{exam.code}",
                help="No item may be given to more than this share of examinees.",
            ),
            "test_len": st.number_input(
                "Test length",
                1,
                1000,
                exam.test_length,
                key=f"length_{exam.code}",
                help="Items per test; as the exam has it.",
            ),
            "n": st.number_input(
                "Examinees per iteration",
                100,
                1_000_000,
                10_000,
                1000,
                help="Simulated anew in each iteration. More is steadier and slower.",
            ),
            "iters": st.number_input(
                "Most iterations",
                1,
                1000,
                25,
                help="The search ends earlier once every rate is within tolerance of its cap.",
            ),
            "alpha": st.number_input(
                "α, size of the update",
                0.05,
                1.0,
                1.0,
                0.05,
                help="1 is Sympson–Hetter; less damps each update and needs more iterations.",
            ),
            "theta_dist": st.selectbox(
                "Ability distribution",
                DISTRIBUTIONS,
                accept_new_options=True,
                help="Of the simulated examinees: normal(mean,sd) or uniform(low,high), in logits.",
            ),
            "floor": st.number_input(
                "Least sh_p", 0.0, 1.0, 0.02, 0.01, help="No item is held back more than this."
            ),
            "ceil": st.number_input(
                "Largest sh_p", 0.0, 1.0, 1.0, 0.01, help="1: an item may be free of control."
            ),
            **_seed(),
            "dry_run": st.toggle(
                "Dry run", value=False, help="Propose and audit, but publish nothing."
            ),
        }


def _seed() -> dict[str, int]:
    seed = st.number_input(
        "Seed",
        min_value=0,
        max_value=2**53 - 1,
        value=None,
        step=1,
        placeholder="from the input",
        help="Decides every draw. Without one the same input gives the same answer.",
    )
    return {} if seed is None else {"seed": int(seed)}


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
        verdict = feasibility.Verdict(False, len(pool), 0.0, "the least sh_p is above the largest")
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
