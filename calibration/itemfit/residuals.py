"""Residuals between answers and the model: infit, outfit, and by ability bin.

What never lives here: fit statistics that condition on the number-correct score (see `s_x2`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.bank import FloatArray, IntArray, ItemBank
from calibration.compiled import compiled
from calibration.errors import InvalidParameterError
from calibration.irt.responses import ByteArray, CodeArray, Responses
from calibration.scoring.eap import eap, scored_responses


@dataclass(frozen=True, eq=False)
class ResidualFit:
    """Mean-square residuals per item; 1 is expected, below 1 answers are too regular.

    Attributes:
        infit: Σ(x − P)² / ΣP(1 − P), shape (J,); 0 where nobody answered.
        outfit: mean of (x − P)²/(P(1 − P)), shape (J,); 0 where nobody answered.
        n: answers per item, shape (J,).
    """

    infit: FloatArray
    outfit: FloatArray
    n: IntArray


@dataclass(frozen=True, eq=False)
class AbilityBins:
    """Observed against expected shares correct, by item and ability bin: what an ICC plot shows.

    Attributes:
        edges: bin edges, shape (B + 1,).
        n: answers, shape (J, B).
        theta: mean ability of who answered, shape (J, B); the bin's middle where nobody did.
        observed: share correct, shape (J, B); equal to `expected` where nobody answered.
        expected: mean model probability, shape (J, B); the curve at `theta` where nobody answered.
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
    ability = _ability(bank, responses, theta)
    square, variance, standard = _sums(
        responses.indptr, responses.item, responses.correct, ability, _columns(bank)
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
    limits = np.linspace(-3, 3, 13) if edges is None else np.asarray(edges, np.float64)
    if limits.ndim != 1 or limits.size < 2 or not (np.diff(limits) > 0).all():
        raise InvalidParameterError("edges must be a flat ascending array of at least two numbers")
    responses = scored_responses(bank, person, item, correct, None)
    ability = _ability(bank, responses, theta)
    bins = limits.size - 1
    chosen = np.clip(np.searchsorted(limits, ability, side="right") - 1, 0, bins - 1)
    n, right, at, expected, variance = _binned(
        responses.indptr,
        responses.item,
        responses.correct,
        ability,
        chosen.astype(np.int64),
        _columns(bank),
        bins,
    )
    seen = n > 0
    count = np.maximum(n, 1)
    middle = 0.5 * (limits[:-1] + limits[1:])
    where = np.where(seen, at / count, middle)
    slope = bank.D * bank.a[:, None] * (where - bank.b[:, None])
    curve = bank.c[:, None] + (1 - bank.c[:, None]) * np.exp(-np.logaddexp(0, -slope))
    expected = np.where(seen, expected / count, curve)
    observed = np.where(seen, right / count, expected)
    error = np.sqrt(np.maximum(variance, 1e-12)) / count
    standardised = np.where(seen, (observed - expected) / error, 0.0)
    return AbilityBins(limits, n.astype(np.int64), where, observed, expected, standardised)


def _ability(bank: ItemBank, responses: Responses, theta: npt.ArrayLike | None) -> FloatArray:
    if theta is None:
        return eap(bank, responses.person(), responses.item, responses.correct).theta
    ability = np.asarray(theta, np.float64)
    if ability.shape != (responses.person_count,) or not np.isfinite(ability).all():
        raise InvalidParameterError(
            f"theta has shape {ability.shape}: give one finite ability for each of "
            f"{responses.person_count} persons"
        )
    return ability


def _columns(bank: ItemBank) -> FloatArray:
    return np.column_stack([bank.D * bank.a, bank.b, bank.c])


@compiled(error_model="numpy")
def _probability(columns: FloatArray, j: int, theta: float) -> float:
    logistic = 1.0 / (1.0 + np.exp(-columns[j, 0] * (theta - columns[j, 1])))
    # away from 0 and 1, so that one answer against the odds cannot make a residual infinite
    return min(max(columns[j, 2] + (1.0 - columns[j, 2]) * logistic, 1e-10), 1.0 - 1e-10)


@compiled(error_model="numpy")
def _sums(
    indptr: IntArray, item: CodeArray, correct: ByteArray, theta: FloatArray, columns: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    items = columns.shape[0]
    square, variance, standard = np.zeros(items), np.zeros(items), np.zeros(items)
    for i in range(theta.size):
        for k in range(indptr[i], indptr[i + 1]):
            j = item[k]
            p = _probability(columns, j, theta[i])
            residual = (correct[k] - p) ** 2
            square[j] += residual
            variance[j] += p * (1.0 - p)
            standard[j] += residual / (p * (1.0 - p))
    return square, variance, standard


@compiled(error_model="numpy")
def _binned(
    indptr: IntArray,
    item: CodeArray,
    correct: ByteArray,
    theta: FloatArray,
    chosen: IntArray,
    columns: FloatArray,
    bins: int,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Answers, right answers, and sums of ability, probability and variance; each (J, B)."""
    items = columns.shape[0]
    n, right = np.zeros((items, bins)), np.zeros((items, bins))
    at, expected = np.zeros((items, bins)), np.zeros((items, bins))
    variance = np.zeros((items, bins))
    for i in range(theta.size):
        g = chosen[i]
        for k in range(indptr[i], indptr[i + 1]):
            j = item[k]
            p = _probability(columns, j, theta[i])
            n[j, g] += 1.0
            right[j, g] += correct[k]
            at[j, g] += theta[i]
            expected[j, g] += p
            variance[j, g] += p * (1.0 - p)
    return n, right, at, expected, variance
