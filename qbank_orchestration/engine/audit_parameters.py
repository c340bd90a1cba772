"""Audits of proposed item parameters: bounds, convergence, coverage and drift.

What never lives here: reading, publishing, Dagster.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from qbank.exams.needs import smallest_n
from qbank.exams.pretest import PretestPolicy
from qbank.stores.item_bank import Pool
from qbank.stores.item_parameters import ItemParameters
from qbank_orchestration.engine import new_items
from qbank_orchestration.engine.finding import Finding, first_of
from qbank_orchestration.engine.item_gates import HeldBack
from qbank_orchestration.engine.proposal import ParameterProposal

# Outside these an estimate says more about sparse or broken data than about the item.
A_BOUNDS = (0.05, 5.0)
B_BOUND = 8.0
C_BOUND = 0.6
# On one scale, published difficulties and new ones must rank alike and keep their place; a lower
# correlation or a larger shift means that the link, or the data, is wrong.
DRIFT_CORRELATION = 0.8
DRIFT_SHIFT = 0.3
DRIFTED_SHARE = 0.05


def audit(
    proposal: ParameterProposal, pool: Pool, published: Sequence[ItemParameters]
) -> tuple[Finding, ...]:
    """Audits a parameter proposal against the live pool and what is published."""
    return (
        parameters_in_bounds(proposal),
        fit_converged(proposal),
        drift_bounded(proposal, published),
        few_items_drifted(proposal),
        estimates_fit_for_use(proposal),
        new_items_known_well(proposal, pool),
        live_items_have_parameters(proposal, pool, published),
    )


def parameters_in_bounds(proposal: ParameterProposal) -> Finding:
    """Every a, b, c lies where an item can have it."""
    wrong = [row for row in proposal.parameters if not plausible(row)]
    numbers: dict[str, Any] = {"items": len(proposal.parameters), "out_of_bounds": len(wrong)}
    summary = f"{len(proposal.parameters)} items lie within the bounds"
    if wrong:
        first = wrong[0]
        numbers |= {"question_id": first.question_id, "a": first.a, "b": first.b, "c": first.c}
        summary = (
            f"{len(wrong)} of {len(proposal.parameters)} items lie outside, the first is question"
            f" {first.question_id} v{first.version} with a {first.a:.3g}, b {first.b:.3g},"
            f" c {first.c:.3g}"
        )
    return Finding("parameters_in_bounds", summary, numbers, passed=not wrong, blocking=True)


def plausible(row: ItemParameters) -> bool:
    """Whether an item can have these; its slope is judged at D = 1.7, whatever its own D."""
    slope = row.a * row.scaling_constant / 1.7
    return (
        all(map(math.isfinite, (row.a, row.b, row.c)))
        and A_BOUNDS[0] <= slope <= A_BOUNDS[1]
        and abs(row.b) <= B_BOUND
        and 0 <= row.c <= C_BOUND
    )


def fit_converged(proposal: ParameterProposal) -> Finding:
    """The fit converged; parameters on their way are not published."""
    summary = proposal.summary
    return Finding(
        "fit_converged",
        f"{summary['stopped_reason']} after {summary['cycles']} cycles",
        {"converged": summary["converged"], "cycles": summary["cycles"]},
        passed=bool(summary["converged"]),
        blocking=True,
    )


def drift_bounded(proposal: ParameterProposal, published: Sequence[ItemParameters]) -> Finding:
    """Difficulties agree with the published ones of the same items."""
    old = {(row.question_id, row.version): row.b for row in published}
    pairs = [
        (old[row.question_id, row.version], row.b)
        for row in proposal.parameters
        if (row.question_id, row.version) in old
    ]
    if len(pairs) < 3:
        return Finding(
            "drift_bounded",
            f"{len(pairs)} items were published before: nothing to compare",
            {"compared": len(pairs)},
            passed=True,
            blocking=True,
        )
    before, after = np.array(pairs).T
    shift = float(np.median(after - before))
    spread = min(before.std(), after.std())
    correlation = float(np.corrcoef(before, after)[0, 1]) if spread > 0 else 1.0
    passed = correlation >= DRIFT_CORRELATION and abs(shift) <= DRIFT_SHIFT
    return Finding(
        "drift_bounded",
        f"b of {len(pairs)} published items correlates {correlation:.3f} with the new ones, median"
        f" shift {shift:+.3f} (allowed from {DRIFT_CORRELATION:g}, up to ±{DRIFT_SHIFT:g})",
        {"compared": len(pairs), "correlation": correlation, "median_shift": shift},
        passed=passed,
        blocking=True,
    )


def few_items_drifted(proposal: ParameterProposal) -> Finding:
    """Few published items moved against the others; those that did may be known or miskeyed."""
    scale = proposal.summary.get("scale") or {}
    compared, drifted = int(scale.get("compared", 0)), int(scale.get("drifted", 0))
    return Finding(
        "few_items_drifted",
        f"{drifted} of {compared} published items drifted",
        {"compared": compared, "drifted": drifted, "dropped_anchors": scale.get("dropped", 0)},
        passed=drifted <= DRIFTED_SHARE * compared,
        blocking=False,
    )


def estimates_fit_for_use(proposal: ParameterProposal) -> Finding:
    """No estimated item is held back; those that are keep what is published of them."""
    held = [HeldBack(**item) for item in proposal.summary.get("held_back", ())]
    estimated = len(held) + len(proposal.parameters)
    return Finding(
        "estimates_fit_for_use",
        f"{len(held)} of {estimated} estimated items are held back: "
        f"{first_of([str(item) for item in held])}"
        if held
        else f"none of {estimated} estimated items is held back",
        {"estimated": estimated, "held_back": len(held)}
        | dict(Counter(item.reason for item in held)),
        passed=not held,
        blocking=False,
    )


def new_items_known_well(proposal: ParameterProposal, pool: Pool) -> Finding:
    """Each item that was tried out and comes into use keeps the limits that the exam has now."""
    proposed = {(row.question_id, row.version) for row in proposal.parameters}
    rows = new_items.read(proposal.summary)
    taken = [row for row in rows if (row.question_id, row.version) in proposed]
    needed = smallest_n(pool.exam)
    policy = PretestPolicy.of(pool.exam.code, pool.exam.policy)
    wrong = []
    for row in taken:
        short = new_items.short_of(policy, proposal.model, row.se_a, row.se_b)
        reason = row.reason or (short.reason if short else "")
        if new_items.decide(policy, needed, row.n, reason) != "promoted":
            why = short.words if short else reason or f"{row.n} of {needed} first attempts"
            wrong.append(f"question {row.question_id} v{row.version}: {why}")
    retired = sum(row.decision == "retire" for row in rows)
    summary = (
        f"{len(wrong)} of {len(taken)} new items may not come into use: {first_of(wrong)}"
        if wrong
        else f"{len(taken)} of {len(rows)} new items come into use"
        + (f", and {retired} are to be retired" if retired else "")
    )
    numbers = {"tried_out": len(rows), "promoted": len(taken), "retire": retired}
    return Finding(
        "new_items_known_well",
        summary,
        numbers | {"short": len(wrong)},
        passed=not wrong,
        blocking=True,
    )


def live_items_have_parameters(
    proposal: ParameterProposal, pool: Pool, published: Sequence[ItemParameters]
) -> Finding:
    """Each live item has parameters after this publication."""
    covered = {(row.question_id, row.version) for row in (*proposal.parameters, *published)}
    live = list(zip(pool.question_id.tolist(), pool.version.tolist(), strict=True))
    without = [key for key in live if key not in covered]
    return Finding(
        "live_items_have_parameters",
        f"{len(live) - len(without)} of {len(live)} live items have parameters"
        + ("; the others have too few first attempts or are held back" if without else ""),
        {"live": len(live), "without": len(without)},
        passed=not without,
        blocking=False,
    )
