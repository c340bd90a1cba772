"""Items that an exam tries out: fitted on the scale in force, and taken into use or not.

Published items are held at their parameters, so that only new ones are estimated and nothing that
is in use moves. What never lives here: which item is tried out on whom, and reasons of the item
gates (``item_gates``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from qbank.exams.pretest import PretestPolicy, tries_out
from qbank.stores.item_bank import Exam
from qbank.stores.responses import FirstAttempts
from qbank_orchestration.engine import item_gates
from qbank_orchestration.engine.examination import POOR_RMSD, SMALLEST_N
from qbank_orchestration.engine.fairness import FALSE_DISCOVERIES
from qbank_orchestration.engine.finding import first_of
from qbank_orchestration.engine.item_gates import POOR_FIT, WIDE_A, WIDE_B, HeldBack
from qbank_orchestration.engine.scale import FEWEST_ANCHORS, OldScale, Scaled

if TYPE_CHECKING:
    from calibration import CurveFit
    from calibration.irt import FitResult

PROVISIONAL_N = 30
"""Answers that a new item needs for an estimate that is looked at; to be used it needs more."""
SCALING_CONSTANT = 1.7
"""D of the fits."""

Decision = Literal["promoted", "stays", "retire"]


@dataclass(frozen=True)
class TriedOut:
    """A new item's provisional estimate, and what becomes of the item.

    Attributes:
        n: first attempts.
        decision: promoted into use, tried out further, or to be retired.
        reason: of ``item_gates.REASONS``; "" where there is none, or there are too few answers.
        correlation: of the errors of a and b.
        scaling_constant: D of a.
    """

    question_id: int
    version: int
    n: int
    a: float
    b: float
    c: float
    se_a: float
    se_b: float
    decision: Decision
    reason: str = ""
    correlation: float = 0.0
    scaling_constant: float = SCALING_CONSTANT


def are_tried_out(exam: Exam, old: OldScale) -> bool:
    """Whether new items are estimated by themselves, on a scale that is there."""
    return tries_out(exam.policy) and len(old.published) >= FEWEST_ANCHORS


class Short(NamedTuple):
    """A limit that an item's errors do not keep: the reason of its gate, and that in words."""

    reason: str
    words: str


def short_of(policy: PretestPolicy, model: str, se_a: float, se_b: float) -> Short | None:
    """The first of the policy's limits that an item's errors do not keep."""
    limits = [
        (WIDE_B, "b", se_b, policy.max_se_b),
        # the slope of a 1PL is all items' and held
        *([(WIDE_A, "a", se_a, policy.max_se_a)] if model != "1pl" else []),
    ]
    for reason, name, error, limit in limits:
        if not error <= limit:
            return Short(
                reason,
                f"it is new, its {name} is known to ±{error:.2f}, and the exam asks for ±{limit:g}"
                f" (pretest_max_se_{name})",
            )
    return None


def decide(policy: PretestPolicy, needed: int, n: int, reason: str) -> Decision:
    """What becomes of a new item.

    Args:
        policy: the exam's.
        needed: first attempts that an item needs to come into use.
        n: those at the item.
        reason: why it may not come into use; "" where nothing speaks against it.
    """
    if n < needed:
        return "stays"
    if not reason:
        return "promoted"
    return "retire" if n >= policy.retire_after else "stays"


def _limits(exam: Exam, fit: FitResult, curve: CurveFit) -> dict[str, dict[int, str]]:
    """What keeps new items from use beside the gates that all items pass, in words by item code."""
    policy = PretestPolicy.of(exam.code, exam.policy)
    found: dict[str, dict[int, str]] = {WIDE_B: {}, WIDE_A: {}, POOR_FIT: {}}
    for item in np.flatnonzero(fit.estimated).tolist():
        wide = short_of(policy, exam.irt_model, float(fit.se_a[item]), float(fit.se_b[item]))
        if wide is not None:
            found[wide.reason][item] = wide.words
    found[POOR_FIT] = _misfits(fit, curve)
    return found


class _Scored(NamedTuple):
    """Answers to items with parameters, old or new: person codes, item codes, 0 or 1."""

    person: npt.NDArray[np.intp]
    item: npt.NDArray[np.integer[Any]]
    correct: npt.NDArray[Any]


def _scored(attempts: FirstAttempts, fit: FitResult) -> _Scored:
    kept = (fit.estimated | fit.flagged("fixed"))[attempts.item]
    person = np.unique(attempts.person[kept], return_inverse=True)[1]
    return _Scored(person, attempts.item[kept], attempts.correct[kept])


def _curve(scored: _Scored, fit: FitResult) -> CurveFit:
    """How each curve fits those who answered, and what their ability is."""
    import calibration as cal  # kept out of the code location's import

    return cal.curve_fit(fit.bank(), *scored, min_n=SMALLEST_N)


def _correlations(scored: _Scored, fit: FitResult, curve: CurveFit) -> npt.NDArray[np.float64]:
    """Correlation of the errors of a and b of new items, shape (J,); 0 of others."""
    from calibration.cat import correlation_of_errors

    person, item, _ = scored
    new = fit.estimated[item]
    found = np.zeros(fit.n.size)
    if new.any():
        place = np.cumsum(fit.estimated) - 1
        found[fit.estimated] = correlation_of_errors(
            fit.bank().only(fit.estimated), place[item[new]], curve.ability[person[new]]
        )
    return found


def _misfits(fit: FitResult, curve: CurveFit) -> dict[int, str]:
    """New items whose curve is not the model's, as the examination of items in use has it."""
    from calibration.significance import false_discovery_q

    tested = curve.testable & fit.estimated
    q = np.ones(curve.n.size)
    q[tested] = false_discovery_q(curve.p_value[tested])
    poor = tested & (curve.rmsd > POOR_RMSD) & (q < FALSE_DISCOVERIES)
    return {
        item: f"it is new, and its curve is off the model's by {curve.rmsd[item]:.2f} (RMSD)"
        for item in np.flatnonzero(poor).tolist()
    }


@dataclass(frozen=True)
class Taken:
    """Which new items come into use.

    Attributes:
        usable: by item code, shape (J,).
        held: new items with answers enough that do not.
        summary: what a run keeps: each new item's provisional estimate.
        nothing: why none comes into use.
    """

    usable: npt.NDArray[np.bool_]
    held: tuple[HeldBack, ...]
    summary: dict[str, Any]
    nothing: str


def taken(
    exam: Exam,
    attempts: FirstAttempts,
    fit: FitResult,
    refs: Mapping[int, str],
    large_dif: Mapping[int, str],
    needed: int,
) -> Taken:
    """Decides which of the new items of a fit with held published ones come into use.

    Args:
        exam: its model and pretest policy.
        attempts: what was estimated from.
        fit: in which all estimated items are new.
        refs: names of questions where they came from, by id.
        large_dif: those with DIF of class C, by item code: whom they favour.
        needed: first attempts that an item needs to come into use.
    """
    policy = PretestPolicy.of(exam.code, exam.policy)
    scored = _scored(attempts, fit)
    curve = _curve(scored, fit)
    beyond = _limits(exam, fit, curve)
    together = _correlations(scored, fit, curve)
    found = item_gates.held_back(attempts, fit, refs, large_dif, beyond)
    reasons = {(item.question_id, item.version): item.reason for item in found}
    usable = np.zeros(fit.n.size, bool)
    rows = []
    for item in np.flatnonzero(fit.estimated).tolist():
        key = int(attempts.question_id[item]), int(attempts.version[item])
        n, reason = int(fit.n[item]), reasons.get(key, "")
        decision = decide(policy, needed, n, reason)
        usable[item] = decision == "promoted"
        rows.append(
            TriedOut(
                question_id=key[0],
                version=key[1],
                n=n,
                a=float(fit.a[item]),
                b=float(fit.b[item]),
                c=float(fit.c[item]),
                se_a=float(fit.se_a[item]),
                se_b=float(fit.se_b[item]),
                decision=decision,
                reason=reason,
                correlation=float(together[item]),
                scaling_constant=fit.D,
            )
        )
    decided = {(row.question_id, row.version): row.decision for row in rows}
    held = tuple(
        replace(item, retire=decided[item.question_id, item.version] == "retire")
        for item in found
        if item.n >= needed
    )
    summary = {
        "tried_out": [asdict(row) for row in rows],
        "tried_out_count": dict(Counter(row.decision for row in rows)),
    }
    return Taken(usable, held, summary, _nothing(rows, held, needed))


def scaled(fit: FitResult, old: OldScale) -> Scaled:
    """The estimates as they are: published items were held, so they are on the scale in force."""
    told = {
        "method": "fixed parameters",
        "anchors": len(old.published),
        "group_mean": fit.group_mean,
        "group_sd": fit.group_sd,
    }
    return Scaled(fit.a, fit.b, 1.0, told)


def _nothing(rows: Sequence[TriedOut], held: Sequence[HeldBack], needed: int) -> str:
    """Why no new item comes into use."""
    if not rows:
        return f"no new item has {PROVISIONAL_N} first attempts yet"
    waiting = sum(row.n < needed for row in rows)
    few = f"{waiting} have fewer than {needed} first attempts" if waiting else ""
    why = "; ".join(filter(None, (few, first_of([str(item) for item in held]))))
    return f"none of {len(rows)} new items comes into use yet: {why}"


def read(summary: Mapping[str, Any]) -> tuple[TriedOut, ...]:
    """The new items that a run looked at, as it kept them."""
    return tuple(TriedOut(**row) for row in summary.get("tried_out", ()))
