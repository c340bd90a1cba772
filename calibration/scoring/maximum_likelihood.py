"""Likelihood-based ability: maximum likelihood (MLE) and Warm's weighted likelihood (WLE).

What never lives here: estimates with a prior (see `eap`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from calibration.arrays import BoolArray, ByteArray, CodeArray, FloatArray, IntArray
from calibration.bank import ItemBank
from calibration.compiled import compiled, inlined
from calibration.errors import InvalidParameterError
from calibration.models import terms_for
from calibration.models.response_model import Compiled
from calibration.scoring.eap import scored_responses
from calibration.threads import Workers, chunk_edges

GRID = 121
BISECTIONS = 48


class Items(NamedTuple):
    """Items of a bank, as a tuple that compiled code takes: curve (J,), rows (J, W), K (J,)."""

    curve: IntArray
    rows: FloatArray
    categories: IntArray

    @classmethod
    def of(cls, bank: ItemBank) -> Items:
        """Those of a bank."""
        return cls(bank.curves, bank.rows, bank.categories)


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
    at_bound: BoolArray
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
        correct: 0 or 1 (of a polytomous item the category), shape (M,).
        bounds: range of θ.
        person_count: N, where it is more than the largest code + 1.
        threads: threads to use; default: the CPUs of the process.

    Raises:
        InvalidResponsesError: malformed responses, or an item that the bank does not have.
        InvalidParameterError: bounds that are not finite and ascending.
    """
    return _estimate(bank, person, item, correct, bounds, person_count, threads, weighted=False)


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
    return _estimate(bank, person, item, correct, bounds, person_count, threads, weighted=True)


def _estimate(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    bounds: tuple[float, float],
    person_count: int | None,
    threads: int | None,
    *,
    weighted: bool,
) -> Estimate:
    low, high = (float(edge) for edge in bounds)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InvalidParameterError(f"bounds are {bounds}: give two finite, ascending numbers")
    responses = scored_responses(bank, person, item, correct, person_count)
    models = [model for model, _ in bank.groups]
    items, solve = Items.of(bank), _solver(*terms_for(models), weighted)
    persons = responses.person_count
    theta, se, at_bound = np.empty(persons), np.empty(persons), np.empty(persons, np.bool_)
    edges = chunk_edges(responses.indptr, 20_000, 16)

    def part(k: int) -> None:
        solve(
            responses.indptr,
            responses.item,
            responses.correct,
            items,
            (edges[k], edges[k + 1]),
            (low, high),
            theta,
            se,
            at_bound,
        )

    with Workers(threads if responses.item.size > 20_000 else 1) as workers:
        workers.run(part, range(edges.size - 1))
    return Estimate(theta, se, at_bound, np.diff(responses.indptr))


class _Criterion(NamedTuple):
    """What is climbed, compiled: at one θ, its slope, and where on the grid it is highest."""

    at: Compiled
    slope: Callable[..., float]
    highest: Callable[..., int]


def _criterion(purpose: str, terms: Compiled, weighted: bool) -> _Criterion:
    @inlined
    def likelihood_at(theta: Any, item: Any, correct: Any, items: Any) -> Any:
        log_likelihood, score, information, warm = 0.0, 0.0, 0.0, 0.0
        for k in range(item.size):
            j = item[k]
            log_p, own_score, own_information, own_warm = terms(
                items.curve, items.rows, j, items.categories[j], correct[k], theta
            )
            log_likelihood += log_p
            score += own_score
            information += own_information
            warm += own_warm
        return log_likelihood, score, information, warm

    @compiled(purpose=purpose, error_model="numpy")
    def slope_at(theta: float, item: CodeArray, correct: ByteArray, items: Items) -> float:
        """The function whose root is the estimate."""
        _, score, information, warm = likelihood_at(theta, item, correct, items)
        if weighted and information > 1e-300:
            score += warm / (2.0 * information)
        return score

    @compiled(purpose=purpose, error_model="numpy")
    def highest(item: CodeArray, correct: ByteArray, items: Items, low: float, step: float) -> int:
        """Grid point with the highest (weighted) log-likelihood; the weight is ∫ J/(2I)."""
        best, best_value, weight, before = 0, -np.inf, 0.0, 0.0
        for g in range(GRID):
            value, _, information, warm = likelihood_at(low + g * step, item, correct, items)
            if weighted:
                now = warm / (2.0 * information) if information > 1e-300 else 0.0
                if g > 0:
                    weight += 0.5 * step * (before + now)
                before = now
            if value + weight > best_value:
                best, best_value = g, value + weight
        return best

    return _Criterion(likelihood_at, slope_at, highest)


@cache
def _solver(model: str, terms: Compiled, weighted: bool) -> Callable[..., None]:
    """The solver for one curve (or for a mixture), `weighted` or not, which are compiled in.

    Left as arguments they would cost half as much again where a bank has one curve, as most have.
    """
    purpose = f"{model}-{'wle' if weighted else 'mle'}"
    at, slope_at, highest = _criterion(purpose, terms, weighted)

    @compiled(purpose=purpose, error_model="numpy")
    def solve_many(
        indptr: IntArray,
        item: CodeArray,
        correct: ByteArray,
        items: Items,
        persons: tuple[int, int],
        bounds: tuple[float, float],
        out_theta: FloatArray,
        out_se: FloatArray,
        out_at_bound: BoolArray,
    ) -> None:
        low, high = bounds
        step = (high - low) / (GRID - 1)
        for i in range(persons[0], persons[1]):
            own, answers = item[indptr[i] : indptr[i + 1]], correct[indptr[i] : indptr[i + 1]]
            if own.size == 0:
                out_theta[i], out_se[i], out_at_bound[i] = 0.5 * (low + high), np.inf, True
                continue
            best = highest(own, answers, items, low, step)
            left = max(low, low + (best - 1) * step)
            right = min(high, low + (best + 1) * step)
            at_low = slope_at(left, own, answers, items)
            at_high = slope_at(right, own, answers, items)
            out_at_bound[i] = at_low <= 0.0 or at_high >= 0.0
            theta = left if at_low <= 0.0 else right
            if not out_at_bound[i]:
                for _ in range(BISECTIONS):
                    theta = 0.5 * (left + right)
                    if slope_at(theta, own, answers, items) > 0.0:
                        left = theta
                    else:
                        right = theta
            information = at(theta, own, answers, items)[2]
            out_theta[i] = theta
            out_se[i] = 1.0 / np.sqrt(information) if information > 0.0 else np.inf

    return solve_many
