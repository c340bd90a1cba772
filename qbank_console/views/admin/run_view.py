"""One calibration run: its progress while it runs, its result when it is done.

What never lives here: starting and listing runs.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pandas as pd
import streamlit as st

from qbank.stores.runs import OPEN
from qbank_console import layout, session
from qbank_console.api import runs
from qbank_console.api.client import ApiError
from qbank_console.charts import exposure as charts
from qbank_console.layout import Figure
from qbank_console.problems import said
from qbank_console.theme import Shade

POLL_S = 1.0
KINDS = {
    "sympson_hetter": "Sympson–Hetter calibration",
    "reestimation": "Re-estimation",
    "irt": "Item parameters",
    "rollback": "Rollback",
}
_COLOURS: dict[str, Shade] = {
    "done": "green",
    "running": "blue",
    "proposed": "blue",
    "queued": "gray",
    "canceled": "gray",
    "empty": "gray",
    "rejected": "orange",
    "failed": "red",
}


def follow(run_id: str) -> None:
    """Shows a run; while it is open, live."""
    run = runs.run(session.api(), run_id)
    if run["status"] in OPEN:
        _live(run_id)
    else:
        show(run)


@st.fragment(run_every=POLL_S)
def _live(run_id: str) -> None:
    run = runs.run(session.api(), run_id)
    if run["status"] not in OPEN:
        st.rerun()
    _heading(run)
    history = run["history"]
    if run["status"] == "queued":
        st.progress(0.0, text="Waiting for the orchestrator, which looks every few seconds …")
    elif run["status"] == "proposed":
        st.info(run.get("error") or "Proposed: audited and published within moments …")
    elif not history:
        st.progress(0.0, text="Reading the pool and simulating the first iteration …")
    else:
        last = history[-1]
        st.progress(
            min(1.0, last["iter"] / last["total_iters"]),
            text=f"Iteration {last['iter']} of at most {last['total_iters']}: the most exposed "
            f"item is at {last['max_exp']:.1%}",
        )
        _convergence(run)
    if run.get("cancel_requested_at"):
        st.caption("Canceling at the next iteration …")
    if st.button("Cancel", icon=":material/cancel:", key=f"cancel_{run_id}"):
        try:
            runs.cancel(session.api(), run_id)
        except ApiError as error:
            st.error(said(error), icon=":material/error:")
        else:
            st.toast("Canceling …")


def show(run: dict[str, Any]) -> None:
    """A run that has ended: what came of it."""
    _heading(run)
    _outcome(run)
    result = run.get("result") or {}
    if result.get("certificate"):
        _certificate(result["certificate"], result.get("summary") or {})
    if run.get("history"):
        layout.section("Convergence")
        _convergence(run)
    if result.get("checks"):
        _checks(result["checks"])


def _heading(run: dict[str, Any]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(
            f"{KINDS.get(run['kind'], run['kind'])} of {run['exam_code']}",
            anchor=False,
            width="content",
        )
        st.badge(run["status"], color=_COLOURS.get(run["status"], "gray"))
        if (run.get("params") or {}).get("dry_run"):
            st.badge("dry run", color="violet")
    st.caption(
        f"Asked for by {run['requested_by']}, {moment(run['created_at'])} · run `{run['id']}`"
    )


def moment(text: str | None) -> str:
    """A time of the API as text, UTC."""
    return "–" if not text else f"{pd.Timestamp(text):%-d %b %Y, %H:%M:%S} UTC"


def _outcome(run: dict[str, Any]) -> None:
    status, published = run["status"], (run.get("result") or {}).get("published")
    summary = (run.get("result") or {}).get("summary") or {}
    if status == "failed":
        st.error(
            f"The run failed: {run['error'] or 'no reason was given'}", icon=":material/error:"
        )
    elif status == "rejected":
        st.warning(
            f"The audit refused to publish, the values before stay in force. {run['error'] or ''}",
            icon=":material/gavel:",
        )
    elif status == "canceled":
        st.info("Canceled; nothing was published.", icon=":material/cancel:")
    elif status == "empty":
        st.info(f"There was nothing to do. {run['error'] or run['stopped_reason'] or ''}")
    elif published:
        st.success(
            f"Published: {published.get('changed', 0):,} items changed, "
            f"{published.get('unchanged', 0):,} as before, "
            f"{published.get('pinned', 0):,} pinned and left alone.",
            icon=":material/check_circle:",
        )
    else:
        st.success("Done; a dry run publishes nothing.", icon=":material/check_circle:")
    if summary.get("converged") is False:
        st.warning(
            f"The search did not converge ({summary.get('stopped_reason')}): allow more "
            "iterations, or a higher τ.",
            icon=":material/trending_flat:",
        )


def _certificate(found: dict[str, Any], summary: dict[str, Any]) -> None:
    layout.section(
        "Certificate",
        f"A fresh simulation of {found['n']:,} examinees, with control and without; the change is "
        f"what control does. {conditions(found, summary)}",
    )
    layout.figures(
        [
            Figure(
                "Highest exposure",
                layout.percent(found["max_exposure"]),
                f"Upper bound for all items together ({found['confidence']:.0%}): "
                f"{layout.percent(found['max_exposure_upper'])}.",
                delta=_points(found["max_exposure"] - found["max_exposure_before"]),
                inverse=True,
            ),
            Figure(
                "Test overlap",
                layout.percent(found["overlap"]),
                "Share of items that two examinees have in common.",
                delta=_points(found["overlap"] - found["overlap_before"]),
                inverse=True,
            ),
            Figure(
                "Pool unused",
                layout.percent(found["unused"]),
                "Share of items that nobody was given.",
                delta=_points(found["unused"] - found["unused_before"]),
                inverse=True,
            ),
            Figure(
                "RMSE of θ̂",
                layout.number(found["rmse"], 3),
                "In logits: the price in precision is its rise.",
                delta=f"{found['rmse'] - found['rmse_before']:+.3f}",
                inverse=True,
            ),
            Figure(
                "Bias of θ̂",
                f"{found['bias']:+.3f}",
                f"In logits; {found['bias_before']:+.3f} without control.",
            ),
            Figure(
                "Forced per test",
                layout.number(found["forced"], 3),
                "Items given although held back, since nothing else was left.",
            ),
        ],
        per_row=3,
    )
    if found.get("strata") and found.get("se"):
        layout.section("Price in precision", "Standard error of θ̂ by ability, in logits.")
        layout.chart(
            charts.conditional_error(_strata(found)),
            "Conditional standard error with and without control",
        )


def conditions(found: dict[str, Any], summary: dict[str, Any]) -> str:
    """What a certificate is of; "" where an older run did not say."""
    if "population" not in found:
        return ""
    quota = "the blueprint's quota" if summary.get("quota") == "blueprint" else "no quota"
    why = (summary.get("population") or {}).get("reason", "")
    rule = f"the rule {found['rule']}, " if "rule" in found else ""
    return (
        f"It holds for {rule}ability {found['population']}{f' ({why})' if why else ''} and tests"
        f" of {found['test_length']} items with {quota}."
    )


def _strata(found: dict[str, Any]) -> pd.DataFrame:
    edges = found["strata"]
    names = (
        [f"θ < {edges[0]:g}"]
        + [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
        + [f"θ ≥ {edges[-1]:g}"]
    )
    frames = [
        pd.DataFrame(
            {"stratum": names, "order": range(len(names)), "se": found[key], "with": label}
        )
        for key, label in (("se", "with control"), ("se_before", "without control"))
    ]
    return pd.concat(frames).dropna(subset=["se"])


def _points(difference: float) -> str:
    return f"{difference * 100:+.1f} points"


def _convergence(run: dict[str, Any]) -> None:
    history = pd.DataFrame(run["history"])
    if not {"iter", "max_exp", "overlap", "rmse"} <= set(history.columns):
        return
    tau = (run.get("params") or {}).get("tau") or (
        (run.get("result") or {}).get("summary") or {}
    ).get("tau")
    layout.chart(charts.convergence(history, tau), "Largest exposure rate by iteration")
    layout.chart(charts.price(history), "Test overlap and RMSE by iteration")


def _checks(checks: list[dict[str, Any]]) -> None:
    layout.section("Audit", "Blocking checks decide whether a proposal is published.")
    table = pd.DataFrame(
        {
            "Passed": ["✓" if check["passed"] else "✗" for check in checks],
            "Check": [check["check"].replace("_", " ") for check in checks],
            "Finding": [check["summary"] for check in checks],
            "Kind": ["blocking" if check["blocking"] else "advice" for check in checks],
        }
    )
    st.table(table, hide_index=True, border="horizontal")
