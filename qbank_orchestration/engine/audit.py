"""Audits of proposals: pure functions from a proposal and what it is judged against to findings.

Publication runs the same audits again, in the transaction that publishes. What never lives here:
reading, publishing, Dagster.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from qbank.stores.item_bank import Pool
from qbank_orchestration.engine.finding import Finding
from qbank_orchestration.engine.proposal import ExposureProposal

BOUND_TOLERANCE = 0.01
"""How far the certificate's upper bound of P(A) may lie above the cap."""


def exposure(proposal: ExposureProposal, pool: Pool) -> tuple[Finding, ...]:
    """Audits a Sympson–Hetter proposal against the pool as it is now."""
    return (
        sh_p_in_range(proposal),
        live_items_covered(proposal, pool),
        pool_unchanged(proposal, pool),
        exposure_bound(proposal),
        test_can_be_completed(proposal),
        search_converged(proposal),
        all_items_calibrated(pool),
    )


def reestimation(proposal: ExposureProposal, pool: Pool) -> tuple[Finding, ...]:
    """Audits a re-estimation: ranges, and that what was observed is possible."""
    return (
        sh_p_in_range(proposal),
        rates_are_possible(proposal),
        live_items_covered(proposal, pool),
        enough_sessions(proposal),
    )


def sh_p_in_range(proposal: ExposureProposal) -> Finding:
    """Every sh_p is a probability."""
    wrong = [
        (q, v, k)
        for q, v, k in zip(proposal.question_id, proposal.version, proposal.sh_p, strict=True)
        if k is not None and not (math.isfinite(k) and 0 <= k <= 1)
    ]
    numbers: dict[str, Any] = {"items": len(proposal.sh_p), "out_of_range": len(wrong)}
    summary = f"{len(proposal.sh_p)} values lie in [0, 1]"
    if wrong:
        question, version, value = wrong[0]
        numbers |= {"question_id": question, "version": version, "sh_p": value}
        summary = (
            f"{len(wrong)} of {len(proposal.sh_p)} values are no probability,"
            f" the first is {value} of question {question} v{version}"
        )
    return Finding("sh_p_in_range", summary, numbers, passed=not wrong, blocking=True)


def live_items_covered(proposal: ExposureProposal, pool: Pool) -> Finding:
    """Each live, calibrated item is in the proposal, and nothing is in it twice."""
    usable = pool.calibrated
    live = set(zip(pool.question_id[usable].tolist(), pool.version[usable].tolist(), strict=True))
    named = list(zip(proposal.question_id, proposal.version, strict=True))
    missing, twice = live - set(named), len(named) - len(set(named))
    return Finding(
        "live_items_covered",
        f"{len(live) - len(missing)} of {len(live)} calibrated live items are covered,"
        f" {twice} named twice",
        {"live": len(live), "missing": len(missing), "named_twice": twice},
        passed=not missing and not twice,
        blocking=True,
    )


def pool_unchanged(proposal: ExposureProposal, pool: Pool) -> Finding:
    """The pool is the one the proposal was made for: exposure depends on all of it."""
    now = pool.fingerprint()
    same = now == proposal.input_fingerprint
    return Finding(
        "pool_unchanged",
        "the pool is the one that was calibrated"
        if same
        else "the pool changed since it was calibrated: calibrate again",
        {"calibrated": proposal.input_fingerprint, "now": now},
        passed=same,
        blocking=True,
    )


def exposure_bound(proposal: ExposureProposal) -> Finding:
    """The certificate bounds every item's exposure at its cap, within the tolerance."""
    over = proposal.certificate.get("max_over_upper")
    bounded = over is not None and over <= BOUND_TOLERANCE
    upper = proposal.certificate.get("max_exposure_upper")
    return Finding(
        "exposure_bound",
        f"upper bound of P(A) is {_shown(upper)}, {_shown(over)} above its cap"
        f" (allowed {BOUND_TOLERANCE:g})",
        {
            "max_exposure": proposal.certificate.get("max_exposure"),
            "max_exposure_upper": upper,
            "max_over_upper": over,
            "tolerance": BOUND_TOLERANCE,
        },
        passed=bounded,
        blocking=True,
    )


def test_can_be_completed(proposal: ExposureProposal) -> Finding:
    """At least a test's length of items is never held back, so every examinee can finish."""
    free = sum(1 for k in proposal.sh_p if k is None or k >= 1)
    needed = int(proposal.summary["test_len"])
    return Finding(
        "test_can_be_completed",
        f"{free} items have sh_p = 1, a test takes {needed}",
        {"items_free": free, "test_len": needed},
        passed=free >= needed,
        blocking=True,
    )


def search_converged(proposal: ExposureProposal) -> Finding:
    """What is left of excess exposure in the last simulation is no more than its noise."""
    summary = proposal.summary
    numbers = {name: summary.get(name) for name in ("converged", "iterations", "max_over", "noise")}
    return Finding(
        "search_converged",
        f"{summary['iterations']} iterations, {summary['stopped_reason']}: largest excess"
        f" {_shown(summary.get('max_over'))}, noise {_shown(summary.get('noise'))}",
        numbers,
        passed=bool(summary["converged"]),
        blocking=False,
    )


def all_items_calibrated(pool: Pool) -> Finding:
    """Every live item has parameters; one without cannot be chosen adaptively."""
    without = int((~pool.calibrated).sum())
    return Finding(
        "all_items_calibrated",
        f"{without} of {len(pool)} live items have no parameters yet",
        {"live": len(pool), "without_parameters": without},
        passed=without == 0,
        blocking=False,
    )


def rates_are_possible(proposal: ExposureProposal) -> Finding:
    """No item was served in more sessions than there were."""
    rates = np.asarray(proposal.summary.get("rate", []), dtype=np.float64)
    impossible = int((~((rates >= 0) & (rates <= 1))).sum())
    return Finding(
        "rates_are_possible",
        f"{impossible} of {rates.size} exposure rates lie outside [0, 1]",
        {"rates": int(rates.size), "impossible": impossible},
        passed=impossible == 0,
        blocking=True,
    )


def enough_sessions(proposal: ExposureProposal) -> Finding:
    """The window holds enough sessions for a rate to say something."""
    sessions = int(proposal.summary.get("sessions", 0))
    needed = int(proposal.summary.get("enough_sessions", 0))
    return Finding(
        "enough_sessions",
        f"{sessions} sessions in the window, {needed} say something about tau",
        {"sessions": sessions, "enough": needed},
        passed=sessions >= needed,
        blocking=False,
    )


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"
