"""Exposure parameters brought up to date from what was really served.

A pure function of its arguments: the caller gives the parameters that were in force at the start of
the day, so a rerun of the same day gives the same answer.

What never lives here: reading sessions, publishing, the date.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, check_numbers, unmasked
from calibration.errors import InvalidParameterError
from calibration.reestimation.counts import Observed, observed
from calibration.reestimation.wilson import wilson_interval

Rule = Literal["nudge", "eligibility"]
Basis = Literal["sessions", "attempts"]

NUDGE_RAISE = 0.25  # share of the gap below τ by which the nudge rule raises sh_p


@dataclass(frozen=True, eq=False)
class Reestimation:
    """New exposure parameters and why they are so. `np.asarray` of it is `sh_p`.

    Attributes:
        sh_p: new exposure parameters, shape (J,).
        before: those it started from, shape (J,).
        rate: observed exposure rate, shape (J,).
        lower: lower Wilson bound of the rate, shape (J,).
        upper: upper Wilson bound, shape (J,).
        selection_rate: estimated P(S), shape (J,).
        held_still: within the dead band or pinned, so left as it was, bool (J,).
        trials: effective number of sessions (or attempts) behind each rate.
    """

    sh_p: FloatArray
    before: FloatArray
    rate: FloatArray
    lower: FloatArray
    upper: FloatArray
    selection_rate: FloatArray
    held_still: npt.NDArray[np.bool_]
    trials: float

    @property
    def changed(self) -> npt.NDArray[np.bool_]:
        """Items whose parameter moved, bool (J,)."""
        return self.sh_p != self.before

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> FloatArray:
        return np.array(self.sh_p, dtype=dtype)


def reestimate(
    sh_p: npt.ArrayLike,
    served: npt.ArrayLike,
    sessions: npt.ArrayLike,
    tau: npt.ArrayLike = 0.2,
    floor: float = 0.02,
    ceil: float = 1.0,
    rule: Rule = "nudge",
    *,
    held_back: npt.ArrayLike | None = None,
    pinned: npt.ArrayLike | None = None,
    basis: Basis = "sessions",
    fading: float = 1.0,
    confidence: float | None = 0.95,
) -> Reestimation:
    """Moves exposure parameters towards a target rate by the exposure observed.

    - `nudge`: rate > τ: sh_p·τ/rate; else sh_p·(1 + 0.25·(τ − rate)).
    - `eligibility`: K ← min(1, τ/P(S)) (van der Linden & Veldkamp 2004), with P(S) from the
      logged hold-backs where there are any, else rate/K.

    Both are clipped to [floor, ceil], but no limit raises an item: one that is served too often
    never rises, and one that is in force below the floor stays there. Where τ lies within the
    Wilson interval of the rate, what was seen may be noise, and the item is left alone; so are
    pinned items.

    Args:
        sh_p: parameters in force at the start of the day, shape (J,).
        served: times each item was served, shape (J,), or by day (days, J), latest last.
        sessions: sessions in the window, a number, or by day (days,).
        tau: target rate in (0, 1], one for all items or a cap for each, (J,).
        floor: least sh_p that an item is lowered to.
        ceil: largest sh_p.
        rule: "nudge" or "eligibility".
        held_back: times each item was selected and held back, shaped as `served`; None: not logged.
        pinned: items never to move, bool (J,).
        basis: "sessions": rate = served ÷ sessions; "attempts": served ÷ all that was served.
        fading: weight of each day relative to the next, in (0, 1]; 1 weighs all days alike.
        confidence: of the Wilson dead band; None moves items on any evidence.

    Raises:
        InvalidParameterError: a shape or a value is out of range.
    """
    before = _checked(sh_p, floor, ceil, rule, confidence)
    cap = _caps(tau, before.size)
    seen = observed(served, sessions, held_back, basis, fading, before.size)
    still = _pinned(pinned, before.size)
    lower, upper = wilson_interval(seen.rate, np.array(seen.trials), confidence or 0.95)
    if confidence is not None:
        still = still | ((lower <= cap) & (cap <= upper))
    if seen.trials == 0:
        still = np.ones_like(still)
    selection = _selection_rate(before, seen)
    if rule == "nudge":
        moved = _nudged(before, seen.rate, cap)
    else:
        moved = np.divide(cap, selection, out=np.ones_like(selection), where=selection > cap)
    moved = np.clip(moved, np.minimum(floor, before), ceil)
    moved = np.where(seen.rate > cap, np.minimum(moved, before), moved)
    after = np.where(still, before, moved)
    return Reestimation(after, before, seen.rate, lower, upper, selection, still, seen.trials)


def _nudged(before: FloatArray, rate: FloatArray, cap: FloatArray) -> FloatArray:
    over = rate > cap
    lowered = before * np.divide(cap, rate, out=np.ones_like(rate), where=over)
    return np.where(over, lowered, before * (1 + NUDGE_RAISE * (cap - rate)))


def _selection_rate(before: FloatArray, seen: Observed) -> FloatArray:
    """P(S): served or held back per trial where hold-backs were logged, else rate/K."""
    certain = np.where(seen.rate > 0, 1.0, 0.0)  # served more often than K allows: always selected
    implied = np.divide(seen.rate, before, out=certain, where=before > seen.rate)
    if seen.held_rate is None:
        return implied
    return np.minimum(np.where(seen.held_rate > 0, seen.rate + seen.held_rate, implied), 1.0)


def _checked(
    sh_p: npt.ArrayLike, floor: float, ceil: float, rule: str, confidence: float | None
) -> FloatArray:
    before = unmasked("sh_p", sh_p, np.float64).copy()
    if before.ndim != 1 or before.size == 0:
        raise InvalidParameterError(f"sh_p has shape {before.shape}: give one value per item, (J,)")
    bad = ~((before >= 0) & (before <= 1))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise InvalidParameterError(
            f"sh_p[{first}] is {before[first]} ({int(bad.sum())} such items): give values in [0, 1]"
        )
    check_numbers(floor=floor, ceil=ceil)
    if not (np.isfinite(floor) and np.isfinite(ceil) and 0 <= floor <= ceil <= 1):
        raise InvalidParameterError(f"floor is {floor}, ceil {ceil}: give 0 ≤ floor ≤ ceil ≤ 1")
    if rule not in ("nudge", "eligibility"):
        raise InvalidParameterError(f'rule is {rule!r}: give "nudge" or "eligibility"')
    if confidence is not None:
        check_numbers(confidence=confidence)
        if not 0 < confidence < 1:
            raise InvalidParameterError(
                f"confidence is {confidence}: give a value in (0, 1), or None"
            )
    return before


def _caps(tau: npt.ArrayLike, items: int) -> FloatArray:
    given = unmasked("tau", tau, np.float64)
    if given.shape not in ((), (items,)):
        raise InvalidParameterError(f"tau has shape {given.shape}: give a number, or ({items},)")
    bad = ~(np.isfinite(given) & (given > 0) & (given <= 1))
    if bad.any():
        value = given[bad].flat[0]
        raise InvalidParameterError(f"tau is {value}: give an exposure rate in (0, 1]")
    return np.broadcast_to(given, (items,))


def _pinned(pinned: npt.ArrayLike | None, items: int) -> npt.NDArray[np.bool_]:
    if pinned is None:
        return np.zeros(items, bool)
    mask = unmasked("pinned", pinned)
    if mask.shape != (items,) or mask.dtype != bool:
        raise InvalidParameterError(
            f"pinned has shape {mask.shape} and dtype {mask.dtype}: give bool ({items},)"
        )
    return mask
