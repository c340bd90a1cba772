"""Which estimated items may not come into use, why, and what a person does about each.

A prior gives every item a slope above 0 and a difficulty, also one whose key is wrong: what is
asked here, the prior cannot answer.

What never lives here: estimation, and audits of a whole proposal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from qbank.stores.responses import FirstAttempts

if TYPE_CHECKING:
    from calibration.irt import FitResult

FALLS = "falls_with_ability"
LARGE_DIF = "large_dif"
WIDE_B = "se_b_above_limit"
WIDE_A = "se_a_above_limit"
POOR_FIT = "poor_fit"
LARGEST_SE_B = 1.0
"""A difficulty that is this uncertain says no more than the population's spread does."""


@dataclass(frozen=True)
class Reason:
    """Why an item is held back.

    Attributes:
        means: what was seen.
        remedy: what a person does.
    """

    means: str
    remedy: str


REASONS: Mapping[str, Reason] = {
    "all_incorrect": Reason(
        "nobody answered it right", "look at its key, and at how its import scored it"
    ),
    "all_correct": Reason(
        "everybody answered it right", "look at its key; if it is right, the item measures nothing"
    ),
    FALLS: Reason(
        "its answers do not rise with the ability that the other items show",
        "its key is likely wrong: look which option the able choose",
    ),
    LARGE_DIF: Reason(
        "it is new, and far harder for one group of people than for another of equal ability",
        "read it with somebody of that group: what does it ask for beside what it should measure?",
    ),
    "negative_a": Reason("its slope is negative", "its key is likely wrong"),
    "a_at_bound": Reason(
        "its slope is as steep as a fit allows", "look for items that give its answer away"
    ),
    "c_at_bound": Reason(
        "its guessing is as high or low as a fit allows", "use a simpler model, or more answers"
    ),
    "b_extreme": Reason(
        "its difficulty lies beyond every examinee", "look at its key, or retire it"
    ),
    "se_not_available": Reason(
        "its answers do not determine its parameters", "collect more answers"
    ),
    "se_b_too_large": Reason(
        f"its difficulty is known to ±{LARGEST_SE_B:g} at best",
        "collect answers of examinees whose ability is near its difficulty",
    ),
    POOR_FIT: Reason(
        "it is new, and its curve is not the model's",
        "read it: may it be understood in two ways, or be known to some?",
    ),
    WIDE_B: Reason(
        "it is new, and its difficulty is known less well than the exam asks",
        "nothing, it is tried out further",
    ),
    WIDE_A: Reason(
        "it is new, and its slope is known less well than the exam asks",
        "nothing, it is tried out further",
    ),
}
"""The reasons, the gravest first; an item is held back for the first that holds."""


@dataclass(frozen=True)
class HeldBack:
    """One item that was estimated and does not come into use.

    Attributes:
        external_ref: its name where it came from; None where it has none.
        reason: of ``REASONS``.
        n: first attempts.
        p_value: share correct.
        z: of its slope on the other items' ability, as a standard normal; below 0 it falls.
        seen: what else was seen, in words; "" where the reason says all.
        retire: it was tried out on so many that it is to be retired.
    """

    question_id: int
    version: int
    reason: str
    n: int
    p_value: float
    z: float
    external_ref: str | None = None
    seen: str = ""
    retire: bool = False

    def __str__(self) -> str:
        why = REASONS[self.reason]
        name = f"item {self.external_ref}, " if self.external_ref else ""
        return (
            f"{name}question {self.question_id} v{self.version} ({self.n} answers,"
            f" {self.p_value:.0%} right): {self.seen or why.means};"
            f" {'retire it, or write a new version' if self.retire else why.remedy}"
        )


def held_back(
    attempts: FirstAttempts,
    fit: FitResult,
    refs: Mapping[int, str],
    large_dif: Mapping[int, str],
    limits: Mapping[str, Mapping[int, str]] | None = None,
) -> tuple[HeldBack, ...]:
    """The estimated items that are held back, by item code.

    Args:
        attempts: what was estimated from.
        fit: the estimates.
        refs: names of questions where they came from, by id.
        large_dif: new items with DIF of class C, by item code: whom they favour.
        limits: what else keeps items from use, by reason and item code, in words.
    """
    import calibration as cal  # kept out of the code location's import

    known = (fit.estimated | fit.flagged("fixed"))[attempts.item]
    right = np.bincount(attempts.item, attempts.correct, minlength=fit.n.size)
    person = np.unique(attempts.person[known], return_inverse=True)[1]
    slopes = cal.rest_slope(fit.bank(), person, attempts.item[known], attempts.correct[known])
    marks: dict[str, npt.NDArray[np.bool_]] = {
        FALLS: (slopes.n > 0) & (slopes.z <= 0),
        "se_b_too_large": fit.se_b > LARGEST_SE_B,
    }
    seen = {**(limits or {}), LARGE_DIF: large_dif}
    marks |= {reason: np.isin(np.arange(fit.n.size), [*told]) for reason, told in seen.items()}
    first = np.full(fit.n.size, "", dtype=object)
    for reason in reversed(tuple(REASONS)):
        holds = marks[reason] if reason in marks else fit.flagged(reason)
        first[fit.estimated & holds] = reason
    return tuple(
        HeldBack(
            question_id=int(attempts.question_id[item]),
            version=int(attempts.version[item]),
            reason=str(first[item]),
            n=int(fit.n[item]),
            p_value=float(right[item] / fit.n[item]),
            z=float(slopes.z[item]),
            external_ref=refs.get(int(attempts.question_id[item])),
            seen=seen.get(str(first[item]), {}).get(item, ""),
        )
        for item in np.flatnonzero(first != "").tolist()
    )


def usable(
    attempts: FirstAttempts, fit: FitResult, held: Sequence[HeldBack]
) -> npt.NDArray[np.bool_]:
    """Which items are estimated and not held back, (J,)."""
    keys = {(item.question_id, item.version) for item in held}
    own = zip(attempts.question_id.tolist(), attempts.version.tolist(), strict=True)
    return fit.estimated & np.array([key not in keys for key in own], dtype=np.bool_)
