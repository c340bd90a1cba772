"""Likelihood-based ability: maximum likelihood (MLE) and Warm's weighted likelihood (WLE).

What never lives here: estimates with a prior (see `eap`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.bank import FloatArray, IntArray, ItemBank
from calibration.compiled import compiled
from calibration.errors import InvalidParameterError
from calibration.irt.responses import ByteArray, CodeArray
from calibration.scoring.eap import scored_responses
from calibration.threads import Workers, chunk_edges

GRID = 121
BISECTIONS = 48


@dataclass(frozen=True, eq=False)
class Estimate:
    """Likelihood-based ability of each person.

    Attributes:
        theta: estimates, shape (N,), within the bounds.
        se: 1/√I(θ̂), shape (N,); ∞ where no answer carries information.
        at_bound: no finite maximum within the bounds (all right, all wrong, no answer); θ̂ is then
            the bound, or the middle where nothing was answered; shape (N,).
        n: answers per person, shape (N,).
    """

    theta: FloatArray
    se: FloatArray
    at_bound: npt.NDArray[np.bool_]
    n: IntArray


def mle(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    bounds: tuple[float, float] = (-6.0, 6.0),
    person_count: int | None = None,
    threads: int | None = None,
) -> Estimate:
    """Scores every person by maximum likelihood.

    With c > 0 the likelihood can have several maxima (Samejima 1973); a grid finds the highest.

    Args:
        bank: item parameters.
        person: person codes 0 … N − 1, shape (M,).
        item: positions in the bank, shape (M,).
        correct: 0 or 1, shape (M,).
        bounds: range of θ.
        person_count: N, where it is more than the largest code + 1.
        threads: threads to use; default: the CPUs of the process.

    Raises:
        InvalidResponsesError: malformed responses, or an item that the bank does not have.
        InvalidParameterError: bounds that are not finite and ascending.
    """
    return _estimate(bank, person, item, correct, bounds, person_count, threads, False)


def wle(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    bounds: tuple[float, float] = (-6.0, 6.0),
    person_count: int | None = None,
    threads: int | None = None,
) -> Estimate:
    """Scores every person by weighted likelihood (Warm 1989), which is finite for every pattern.

    Arguments, result and errors as for `mle`; its bias is of a smaller order.
    """
    return _estimate(bank, person, item, correct, bounds, person_count, threads, True)


def _estimate(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    bounds: tuple[float, float],
    person_count: int | None,
    threads: int | None,
    weighted: bool,
) -> Estimate:
    low, high = (float(edge) for edge in bounds)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InvalidParameterError(f"bounds are {bounds}: give two finite, ascending numbers")
    responses = scored_responses(bank, person, item, correct, person_count)
    params = np.column_stack([bank.D * bank.a, -bank.D * bank.a * bank.b, bank.c])
    persons = responses.person_count
    theta, se, at_bound = np.empty(persons), np.empty(persons), np.empty(persons, np.bool_)
    edges = chunk_edges(responses.indptr, 20_000, 16)

    def part(k: int) -> None:
        _solve_many(
            responses.indptr,
            responses.item,
            responses.correct,
            params,
            (edges[k], edges[k + 1]),
            (low, high),
            weighted,
            theta,
            se,
            at_bound,
        )

    with Workers(threads if responses.item.size > 20_000 else 1) as workers:
        workers.run(part, range(edges.size - 1))
    return Estimate(theta, se, at_bound, np.diff(responses.indptr))


@compiled(error_model="numpy")
def _likelihood_at(
    theta: float, item: CodeArray, correct: ByteArray, params: FloatArray
) -> tuple[float, float, float, float]:
    """Log-likelihood, score, information and Warm's J = Σ P'P''/(PQ) at one θ."""
    log_likelihood, score, information, warm = 0.0, 0.0, 0.0, 0.0
    for k in range(item.size):
        slope, c = params[item[k], 0], params[item[k], 2]
        z = slope * theta + params[item[k], 1]
        logistic = 1.0 / (1.0 + np.exp(-z))
        rest = 1.0 / (1.0 + np.exp(z))
        p = c + (1.0 - c) * logistic
        # P'/P and P'/(1 − P) written without a difference that could cancel
        over_p = (1.0 - c) * slope * logistic * rest / max(p, 1e-300)
        over_q = slope * logistic
        if correct[k]:
            log_likelihood += np.log(max(p, 1e-300))
            score += over_p
        else:
            log_likelihood += np.log1p(-c) + min(-z, 0.0) - np.log1p(np.exp(-abs(z)))
            score -= over_q
        information += over_p * over_q
        warm += over_p * over_q * slope * (rest - logistic)
    return log_likelihood, score, information, warm


@compiled(error_model="numpy")
def _slope_at(
    theta: float, item: CodeArray, correct: ByteArray, params: FloatArray, weighted: bool
) -> float:
    """The function whose root is the estimate."""
    _, score, information, warm = _likelihood_at(theta, item, correct, params)
    if weighted and information > 1e-300:
        score += warm / (2.0 * information)
    return score


@compiled(error_model="numpy")
def _start(
    item: CodeArray,
    correct: ByteArray,
    params: FloatArray,
    low: float,
    step: float,
    weighted: bool,
) -> int:
    """Grid point with the highest (weighted) log-likelihood; the weight is ∫ J/(2I)."""
    best, best_value, weight, before = 0, -np.inf, 0.0, 0.0
    for g in range(GRID):
        value, _, information, warm = _likelihood_at(low + g * step, item, correct, params)
        if weighted:
            now = warm / (2.0 * information) if information > 1e-300 else 0.0
            if g > 0:
                weight += 0.5 * step * (before + now)
            before = now
        if value + weight > best_value:
            best, best_value = g, value + weight
    return best


@compiled(error_model="numpy")
def _solve_many(
    indptr: IntArray,
    item: CodeArray,
    correct: ByteArray,
    params: FloatArray,
    persons: tuple[int, int],
    bounds: tuple[float, float],
    weighted: bool,
    out_theta: FloatArray,
    out_se: FloatArray,
    out_at_bound: npt.NDArray[np.bool_],
) -> None:
    low, high = bounds
    step = (high - low) / (GRID - 1)
    for i in range(persons[0], persons[1]):
        own, answers = item[indptr[i] : indptr[i + 1]], correct[indptr[i] : indptr[i + 1]]
        if own.size == 0:
            out_theta[i], out_se[i], out_at_bound[i] = 0.5 * (low + high), np.inf, True
            continue
        best = _start(own, answers, params, low, step, weighted)
        left = max(low, low + (best - 1) * step)
        right = min(high, low + (best + 1) * step)
        at_low = _slope_at(left, own, answers, params, weighted)
        at_high = _slope_at(right, own, answers, params, weighted)
        out_at_bound[i] = at_low <= 0.0 or at_high >= 0.0
        theta = left if at_low <= 0.0 else right
        if not out_at_bound[i]:
            for _ in range(BISECTIONS):
                theta = 0.5 * (left + right)
                if _slope_at(theta, own, answers, params, weighted) > 0.0:
                    left = theta
                else:
                    right = theta
        information = _likelihood_at(theta, own, answers, params)[2]
        out_theta[i] = theta
        out_se[i] = 1.0 / np.sqrt(information) if information > 0.0 else np.inf
