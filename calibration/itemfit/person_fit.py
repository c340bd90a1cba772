"""Whether a person's answers are those of one ability.

What never lives here: fit of items.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import ByteArray, CodeArray, FloatArray, IntArray, check_numbers
from calibration.bank import ItemBank
from calibration.compiled import compiled
from calibration.errors import InvalidParameterError
from calibration.models import moments_of
from calibration.scoring.eap import scored_responses
from calibration.scoring.maximum_likelihood import Items

STEP = 1e-4
MOST_STEPS = 50


@dataclass(frozen=True, eq=False)
class PersonFit:
    """Person fit of N persons.

    Attributes:
        lz_star: standardised log-likelihood, corrected for the estimated ability, shape (N,);
            far below 0 where able persons miss easy items and the like; 0 where not testable.
        testable: answers that differ in what they say of ability, shape (N,).
        n: answers to items of two categories, shape (N,).
    """

    lz_star: FloatArray
    testable: npt.NDArray[np.bool_]
    n: IntArray


def person_fit(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    mean: float = 0.0,
    sd: float = 1.0,
) -> PersonFit:
    """Snijders' (2001) l_z* at the mode of each person's posterior (Magis, Raîche & Béland 2012).

    Without the correction l_z (Drasgow, Levine & Williams 1985) at estimated abilities has too
    small a variance, and misses misfit. In adaptive tests, whose items all suit the person, it has
    little power, and its lower tail is lighter than the normal one.

    Args:
        bank: item parameters; answers to items of more than two categories are left out.
        person: person codes 0 … N − 1, shape (M,).
        item: positions in the bank, shape (M,).
        correct: 0 or 1, shape (M,).
        mean: of ability in the population.
        sd: its standard deviation, > 0.

    Raises:
        InvalidResponsesError: malformed responses, or an item that the bank does not have.
        InvalidParameterError: mean or sd out of range.
    """
    check_numbers(mean=mean, sd=sd)
    if not (np.isfinite(mean) and np.isfinite(sd) and sd > 0):
        raise InvalidParameterError(f"mean and sd are {mean}, {sd}: give finite numbers, sd > 0")
    responses = scored_responses(bank, person, item, correct, None).only(bank.categories == 2)
    statistic = _lz_star(
        responses.indptr, responses.item, responses.correct, Items.of(bank), mean, sd
    )
    testable = np.isfinite(statistic)
    return PersonFit(np.where(testable, statistic, 0.0), testable, np.diff(responses.indptr))


@compiled(error_model="numpy")
def _terms(bank: Items, j: int, theta: float) -> tuple[float, float, float]:
    """P, P(1 − P) and the curve's slope."""
    p, variance = moments_of(bank.curve, bank.rows, j, 2, theta)
    above, _ = moments_of(bank.curve, bank.rows, j, 2, theta + STEP)
    below, _ = moments_of(bank.curve, bank.rows, j, 2, theta - STEP)
    return p, variance, (above - below) / (2 * STEP)


@compiled(error_model="numpy")
def _lz_star(
    indptr: IntArray,
    item: CodeArray,
    correct: ByteArray,
    bank: Items,
    mean: float,
    sd: float,
) -> FloatArray:
    out = np.full(indptr.size - 1, np.nan)
    for i in range(out.size):
        first, last = indptr[i], indptr[i + 1]
        if last - first < 2:
            continue
        theta = mean
        for _ in range(MOST_STEPS):  # Fisher scoring to the posterior's mode
            score, information = (mean - theta) / sd**2, 1 / sd**2
            for k in range(first, last):
                p, variance, rise = _terms(bank, item[k], theta)
                score += (correct[k] - p) * rise / variance
                information += rise * rise / variance
            move = min(max(score / information, -1.0), 1.0)
            theta += move
            if abs(move) < 1e-5:
                break
        weighted, rising, gap, plain = 0.0, 0.0, 0.0, 0.0
        for k in range(first, last):
            p, variance, rise = _terms(bank, item[k], theta)
            odds = np.log(p / (1 - p))
            weighted += rise * odds
            rising += rise * rise / variance
            gap += (correct[k] - p) * odds
            plain += odds * odds * variance
        share = weighted / rising
        spread = 0.0
        for k in range(first, last):
            p, variance, rise = _terms(bank, item[k], theta)
            rest = np.log(p / (1 - p)) - share * rise / variance
            spread += rest * rest * variance
        # items of one difficulty and slope say nothing but how many were right
        if spread > 1e-6 * plain:
            out[i] = (gap - share * (theta - mean) / sd**2) / np.sqrt(spread)
    return out
