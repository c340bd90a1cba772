"""The M-step of items that stand each for itself: Newton's method or Fisher scoring, per model.

A step is halved until the item's own objective rises. Models give what is theirs (objective,
derivatives, what is held, the range) as compiled functions, and get a kernel in which these are
compiled in.

What never lives here: formulas of a model, and items that share parameters (see `onepl`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from calibration.arrays import FloatArray, IntArray
from calibration.compiled import compiled
from calibration.models.priors import add_prior, log_prior

STEEPEST = 20.0  # |slope| beyond this is a step function at any node spacing in use
MOST_STEPS = 6
MOST_HALVINGS = 12


class Counts(NamedTuple):
    """Expected answers of an E-step, as a tuple that compiled code takes.

    Attributes:
        first: where each item's rows of `chosen` begin, shape (J + 1,): one row for each category
            but the lowest.
        chosen: expected answers in these categories per node, shape (U, Q).
        total: expected answers of each item per node, shape (J, Q).
        theta: nodes, shape (Q,).
    """

    first: IntArray
    chosen: FloatArray
    total: FloatArray
    theta: FloatArray


Objective = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], float]
"""(chosen (K − 1, Q), total (Q,), theta (Q,), par) → expected log-likelihood of one item."""
Derivatives = Callable[
    [FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray], None
]
"""The same arguments, then the gradient (W,) and an information (W, W), both overwritten."""
Hold = Callable[[FloatArray, FloatArray, FloatArray], None]
"""(par, gradient, information): takes parameters out of a step, in place."""
Clip = Callable[[FloatArray, FloatArray], None]
"""(par, packed prior): moves one item's parameters inside their range, in place."""
Improve = Callable[[Counts, FloatArray, IntArray, FloatArray, float, float], None]
"""(counts, params (J, W), items, packed prior, D, tol): improves rows of `params`, in place."""
Gradients = Callable[[Counts, FloatArray, IntArray, FloatArray, float, FloatArray], None]
"""(counts, params (J, W), items, packed prior, D, out (J, W)): gradients, into rows of `out`."""


class MStep(NamedTuple):
    """A model's M-step and gradients, compiled."""

    improve: Improve
    gradients: Gradients


def m_step(
    name: str,
    objective: Objective,
    derivatives: Derivatives,
    hold: Hold,
    clip: Clip,
    asymptotes: int,
) -> MStep:
    """Compiles the M-step of a model, and the gradient of its items.

    Args:
        name: of the model.
        objective: see `Objective`.
        derivatives: see `Derivatives`.
        hold: see `Hold`.
        clip: see `Clip`.
        asymptotes: parameters of an item after slope and intercepts.
    """

    @compiled(purpose=name, error_model="numpy")
    def improve(
        counts: Counts,
        params: FloatArray,
        items: IntArray,
        prior: FloatArray,
        D: float,
        tol: float,
    ) -> None:
        for j in items:
            first, last = counts.first[j], counts.first[j + 1]
            locations = last - first
            width = locations + 1 + asymptotes
            chosen, total, theta = counts.chosen[first:last], counts.total[j], counts.theta
            par, trial, step = params[j, :width], np.empty(width), np.empty(width)
            grad, info = np.empty(width), np.empty((width, width))
            value = objective(chosen, total, theta, par) + log_prior(par, locations, prior, D)
            for _ in range(MOST_STEPS):
                derivatives(chosen, total, theta, par, grad, info)
                add_prior(par, locations, prior, D, grad, info)
                hold(par, grad, info)
                solve(info, grad, step)
                size = 1.0
                moved = 0.0
                for _ in range(MOST_HALVINGS):
                    for k in range(width):
                        trial[k] = par[k] + size * step[k]
                    clip(trial, prior)
                    new = objective(chosen, total, theta, trial)
                    new += log_prior(trial, locations, prior, D)
                    if new >= value:
                        moved = take(trial, par)
                        value = new
                        break
                    size *= 0.5
                if moved < tol:
                    break

    @compiled(purpose=name, error_model="numpy")
    def gradients(
        counts: Counts,
        params: FloatArray,
        items: IntArray,
        prior: FloatArray,
        D: float,
        out: FloatArray,
    ) -> None:
        for j in items:
            first, last = counts.first[j], counts.first[j + 1]
            width = last - first + 1 + asymptotes
            par, grad, info = params[j, :width], out[j, :width], np.empty((width, width))
            derivatives(counts.chosen[first:last], counts.total[j], counts.theta, par, grad, info)
            add_prior(par, last - first, prior, D, grad, info)

    return MStep(improve, gradients)


@compiled()
def clear(grad: FloatArray, info: FloatArray) -> None:
    """Sets both to 0."""
    for i in range(grad.size):
        grad[i] = 0.0
        for k in range(grad.size):
            info[i, k] = 0.0


@compiled()
def take(trial: FloatArray, par: FloatArray) -> float:
    """Copies `trial` to `par`; returns the largest move."""
    moved = 0.0
    for k in range(par.size):
        moved = max(moved, abs(trial[k] - par[k]))
        par[k] = trial[k]
    return moved


@compiled(error_model="numpy")
def hold_parameter(index: int, grad: FloatArray, info: FloatArray) -> None:
    """Takes one parameter out of a step."""
    for k in range(grad.size):
        info[index, k] = 0.0
        info[k, index] = 0.0
    info[index, index] = 1.0
    grad[index] = 0.0


@compiled(error_model="numpy")
def solve(info: FloatArray, grad: FloatArray, out: FloatArray) -> None:
    """Writes info⁻¹·grad to `out`; a small ridge keeps the (W, W) matrix positive definite."""
    size = grad.size
    d = np.empty(size)
    low = np.zeros((size, size))
    for i in range(size):
        pivot = info[i, i] * (1.0 + 1e-9) + 1e-12
        for k in range(i):
            pivot -= low[i, k] ** 2 * d[k]
        d[i] = max(pivot, 1e-10 * (info[i, i] + 1e-8))
        for r in range(i + 1, size):
            value = info[r, i]
            for k in range(i):
                value -= low[r, k] * low[i, k] * d[k]
            low[r, i] = value / d[i]
    for i in range(size):
        out[i] = grad[i]
        for k in range(i):
            out[i] -= low[i, k] * out[k]
    for i in range(size):
        out[i] /= d[i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            out[i] -= low[k, i] * out[k]
