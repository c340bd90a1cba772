"""Residuals between answers and the model: infit, outfit, and by ability bin.

What never lives here: fit statistics that condition on the number-correct score (see `s_x2`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import ByteArray, CodeArray, FloatArray, IntArray, unmasked
from calibration.bank import ItemBank
from calibration.compiled import compiled
from calibration.errors import InvalidParameterError
from calibration.irt.responses import Responses
from calibration.models import moments_of
from calibration.scoring.eap import eap, scored_responses
from calibration.scoring.maximum_likelihood import Items


@dataclass(frozen=True, eq=False)
class ResidualFit:
    """Mean-square residuals per item; 1 is expected, below 1 answers are too regular.

    Attributes:
        infit: Σ(x − E)² / ΣVar, shape (J,), with E = P and Var = P(1 − P) where items are scored
            right or wrong; 0 where nobody answered.
        outfit: mean of (x − E)²/Var, shape (J,); 0 where nobody answered.
        n: answers per item, shape (J,).
    """

    infit: FloatArray
    outfit: FloatArray
    n: IntArray


@dataclass(frozen=True, eq=False)
class AbilityBins:
    """Observed against expected mean scores, by item and ability bin: what an ICC plot shows.

    The mean score of an item that is scored right or wrong is the share correct.

    Attributes:
        edges: bin edges, shape (B + 1,).
        n: answers, shape (J, B).
        theta: mean ability of who answered, shape (J, B); the bin's middle where nobody did.
        observed: mean score, shape (J, B); equal to `expected` where nobody answered.
        expected: its expectation under the model, shape (J, B); the curve at `theta` where nobody
            answered.
        standardised: (observed − expected) over its standard error, shape (J, B); 0 there.
    """

    edges: FloatArray
    n: IntArray
    theta: FloatArray
    observed: FloatArray
    expected: FloatArray
    standardised: FloatArray


def residual_fit(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    theta: npt.ArrayLike | None = None,
) -> ResidualFit:
    """Infit and outfit mean squares (Wright & Masters 1982, chapter 5) at estimated abilities.

    Abilities that were estimated from the same answers pull both below 1, on short tests by much:
    compare items with each other rather than with 1.

    Args:
        bank: item parameters.
        person: person codes 0 … N − 1, shape (M,).
        item: positions in the bank, shape (M,).
        correct: 0 or 1, shape (M,).
        theta: abilities, shape (N,); default: EAP.

    Raises:
        InvalidResponsesError: malformed responses, or an item that the bank does not have.
        InvalidParameterError: `theta` is not one finite number per person.
    """
    responses = scored_responses(bank, person, item, correct, None)
    ability = abilities(bank, responses, theta)
    square, variance, standard = _sums(
        responses.indptr, responses.item, responses.correct, ability, Items.of(bank)
    )
    n = responses.answered()
    infit = np.divide(square, variance, out=np.zeros(len(bank)), where=n > 0)
    return ResidualFit(infit, standard / np.maximum(n, 1), n)


def ability_bins(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    theta: npt.ArrayLike | None = None,
    *,
    edges: npt.ArrayLike | None = None,
) -> AbilityBins:
    """Shares correct by ability bin, observed and expected.

    Args:
        bank: item parameters.
        person: person codes 0 … N − 1, shape (M,).
        item: positions in the bank, shape (M,).
        correct: 0 or 1, shape (M,).
        theta: abilities, shape (N,); default: EAP.
        edges: ascending bin edges, shape (B + 1,); abilities beyond count in the outer bins.
            Default: 12 bins on [−3, 3].

    Raises:
        InvalidResponsesError: malformed responses, or an item that the bank does not have.
        InvalidParameterError: edges that do not ascend, or bad abilities.
    """
    limits = np.linspace(-3, 3, 13) if edges is None else unmasked("edges", edges, np.float64)
    if limits.ndim != 1 or limits.size < 2 or not (np.diff(limits) > 0).all():
        raise InvalidParameterError("edges must be a flat ascending array of at least two numbers")
    responses = scored_responses(bank, person, item, correct, None)
    ability = abilities(bank, responses, theta)
    bins = limits.size - 1
    chosen = np.clip(np.searchsorted(limits, ability, side="right") - 1, 0, bins - 1)
    n, right, at, expected, variance = _binned(
        responses.indptr,
        responses.item,
        responses.correct,
        ability,
        chosen.astype(np.int64),
        Items.of(bank),
        bins,
    )
    seen = n > 0
    count = np.maximum(n, 1)
    middle = 0.5 * (limits[:-1] + limits[1:])
    where = np.where(seen, at / count, middle)
    expected = np.where(seen, expected / count, _curves(Items.of(bank), where))
    observed = np.where(seen, right / count, expected)
    error = np.sqrt(np.maximum(variance, 1e-12)) / count
    standardised = np.where(seen, (observed - expected) / error, 0.0)
    return AbilityBins(limits, n.astype(np.int64), where, observed, expected, standardised)


def abilities(bank: ItemBank, responses: Responses, theta: npt.ArrayLike | None) -> FloatArray:
    """Abilities given, or EAP from the answers, shape (N,).

    Raises:
        InvalidParameterError: not one finite ability per person.
    """
    if theta is None:
        return eap(bank, responses.person(), responses.item, responses.correct).theta
    ability = unmasked("theta", theta, np.float64)
    if ability.shape != (responses.person_count,) or not np.isfinite(ability).all():
        raise InvalidParameterError(
            f"theta has shape {ability.shape}: give one finite ability for each of "
            f"{responses.person_count} persons"
        )
    return ability


@compiled(error_model="numpy")
def _curves(bank: Items, theta: FloatArray) -> FloatArray:
    """Expected score of each item at abilities of its own, (J, B)."""
    out = np.empty_like(theta)
    for j in range(theta.shape[0]):
        for g in range(theta.shape[1]):
            mean, _ = moments_of(bank.curve, bank.rows, j, bank.categories[j], theta[j, g])
            out[j, g] = mean
    return out


@compiled(error_model="numpy")
def _sums(
    indptr: IntArray, item: CodeArray, correct: ByteArray, theta: FloatArray, bank: Items
) -> tuple[FloatArray, FloatArray, FloatArray]:
    items = bank.curve.size
    square, variance, standard = np.zeros(items), np.zeros(items), np.zeros(items)
    for i in range(theta.size):
        for k in range(indptr[i], indptr[i + 1]):
            j = item[k]
            mean, spread = moments_of(bank.curve, bank.rows, j, bank.categories[j], theta[i])
            residual = (correct[k] - mean) ** 2
            square[j] += residual
            variance[j] += spread
            standard[j] += residual / spread
    return square, variance, standard


@compiled(error_model="numpy")
def _binned(
    indptr: IntArray,
    item: CodeArray,
    correct: ByteArray,
    theta: FloatArray,
    chosen: IntArray,
    bank: Items,
    bins: int,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Answers, and sums of score, ability, expected score and variance; each (J, B)."""
    items = bank.curve.size
    n, right = np.zeros((items, bins)), np.zeros((items, bins))
    at, expected = np.zeros((items, bins)), np.zeros((items, bins))
    variance = np.zeros((items, bins))
    for i in range(theta.size):
        g = chosen[i]
        for k in range(indptr[i], indptr[i + 1]):
            j = item[k]
            mean, spread = moments_of(bank.curve, bank.rows, j, bank.categories[j], theta[i])
            n[j, g] += 1.0
            right[j, g] += correct[k]
            at[j, g] += theta[i]
            expected[j, g] += mean
            variance[j, g] += spread
    return n, right, at, expected, variance
