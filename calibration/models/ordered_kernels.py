"""What follows from the formulas of a model of ordered categories, compiled.

A model says how log P of each category and its derivatives hang on z_m = slope·θ + intercept_m;
from that come curves, scores, M-step and, from P and its derivatives in θ, what scoring needs.

What never lives here: the formulas (see `graded`, `partial_credit`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from calibration.arrays import FloatArray, IntArray
from calibration.compiled import compiled, inlined
from calibration.models.newton_step import Clip, Derivatives, MStep, Objective, clear, m_step
from calibration.models.response_model import Compiled


class Formulas(NamedTuple):
    """A model's own part, compiled; `z` holds z_1 … z_{K−1}.

    Attributes:
        logs: (z, out (K,)): log P of each category.
        scores: (z, out (K, K − 1)): ∂ log P_k / ∂ z_m.
        curvature: (z, counts (K,), out (K − 1, K − 1)): −∂² Σ_k counts_k·log P_k / ∂z∂z, written.
        category: (rows, item, K, k, θ) → P_k and its first two derivatives in θ.
        clip: moves one item's parameters into range.
    """

    logs: Callable[[FloatArray, FloatArray], None]
    scores: Callable[[FloatArray, FloatArray], None]
    curvature: Callable[[FloatArray, FloatArray, FloatArray], None]
    category: Compiled
    clip: Clip


class Kernels(NamedTuple):
    """What `compile_kernels` makes of a model's formulas."""

    log_curves: Callable[..., None]
    score_curves: Callable[..., None]
    derivatives: Derivatives
    m_step: MStep
    terms: Compiled
    moments: Compiled
    information: Compiled


@compiled(error_model="numpy")
def _set_z(par: FloatArray, theta: float, z: FloatArray) -> None:
    for m in range(z.size):
        z[m] = par[0] * theta + par[1 + m]


@compiled(error_model="numpy")
def _observed(chosen: FloatArray, total: FloatArray, q: int, counts: FloatArray) -> None:
    """Expected answers of all categories at node q."""
    counts[0] = total[q]
    for k in range(chosen.shape[0]):
        counts[k + 1] = chosen[k, q]
        counts[0] -= chosen[k, q]


def _curves(name: str, of: Formulas) -> tuple[Compiled, Compiled]:
    """`ResponseModel.log_curves` and `ResponseModel.score_curves`."""
    logs, scores = of.logs, of.scores

    @compiled(purpose=name, error_model="numpy")
    def log_curves(
        params: FloatArray,
        items: IntArray,
        theta: FloatArray,
        lower: FloatArray,
        lower_row: IntArray,
        upper: FloatArray,
        upper_row: IntArray,
        categories: IntArray,
    ) -> None:
        for j in items:
            z, found = np.empty(categories[j] - 1), np.empty(categories[j])
            for q in range(theta.size):
                _set_z(params[j], theta[q], z)
                logs(z, found)
                lower[lower_row[j], q] = found[0]
                for k in range(z.size):
                    upper[upper_row[j] + k, q] = found[k + 1]

    @compiled(purpose=name, error_model="numpy")
    def score_curves(
        params: FloatArray, items: IntArray, theta: FloatArray, first: IntArray, out: FloatArray
    ) -> None:
        for j in items:
            categories = first[j + 1] - first[j]
            z, found = np.empty(categories - 1), np.empty((categories, categories - 1))
            for q in range(theta.size):
                _set_z(params[j], theta[q], z)
                scores(z, found)
                for k in range(categories):
                    for m in range(categories - 1):
                        out[m, first[j] + k, q] = found[k, m]

    return log_curves, score_curves


def _expectation(name: str, of: Formulas) -> tuple[Objective, Derivatives]:
    """What the M-step climbs; see `newton_step`."""
    logs, scores, curvature = of.logs, of.scores, of.curvature

    @compiled(purpose=name, error_model="numpy")
    def objective(
        chosen: FloatArray, total: FloatArray, theta: FloatArray, par: FloatArray
    ) -> float:
        z, found = np.empty(par.size - 1), np.empty(par.size)
        counts = np.empty(par.size)
        value = 0.0
        for q in range(theta.size):
            _set_z(par, theta[q], z)
            logs(z, found)
            _observed(chosen, total, q, counts)
            for k in range(found.size):
                value += counts[k] * found[k]
        return value

    @compiled(purpose=name, error_model="numpy")
    def derivatives(
        chosen: FloatArray,
        total: FloatArray,
        theta: FloatArray,
        par: FloatArray,
        grad: FloatArray,
        info: FloatArray,
    ) -> None:
        steps = par.size - 1
        z, counts = np.empty(steps), np.empty(par.size)
        found, curve = np.empty((par.size, steps)), np.empty((steps, steps))
        clear(grad, info)
        for q in range(theta.size):
            _set_z(par, theta[q], z)
            scores(z, found)
            _observed(chosen, total, q, counts)
            curvature(z, counts, curve)
            for m in range(steps):
                score = 0.0
                for k in range(par.size):
                    score += counts[k] * found[k, m]
                grad[0] += score * theta[q]
                grad[1 + m] += score
                for n in range(steps):
                    info[0, 0] += curve[m, n] * theta[q] * theta[q]
                    info[0, 1 + n] += curve[m, n] * theta[q]
                    info[1 + m, 1 + n] += curve[m, n]
        for m in range(steps):
            info[1 + m, 0] = info[0, 1 + m]

    return objective, derivatives


def _on_rows(category: Compiled) -> tuple[Compiled, Compiled, Compiled]:
    """`terms`, `moments` and `information` of a model from P, P', P'' of its categories."""

    @inlined
    def terms(rows: Any, item: Any, categories: Any, answer: Any, theta: Any) -> Any:
        log_p, score, found, warm = 0.0, 0.0, 0.0, 0.0
        for k in range(categories):
            p, first, second = category(rows, item, categories, k, theta)
            p = max(p, 1e-300)
            found += first * first / p
            warm += first * second / p
            if k == answer:
                log_p, score = np.log(p), first / p
        return log_p, score, found, warm

    @inlined
    def moments(rows: Any, item: Any, categories: Any, theta: Any) -> Any:
        mean, square = 0.0, 0.0
        for k in range(categories):
            p = category(rows, item, categories, k, theta)[0]
            mean += k * p
            square += k * k * p
        return mean, max(square - mean * mean, 1e-10)

    @inlined
    def information(rows: Any, item: Any, categories: Any, theta: Any) -> Any:
        found = 0.0
        for k in range(categories):
            p, first, _ = category(rows, item, categories, k, theta)
            found += first * first / max(p, 1e-300)
        return found

    return terms, moments, information


def compile_kernels(name: str, of: Formulas) -> Kernels:
    """Compiles a model's formulas into the loops that all such models share."""

    @compiled(purpose=name)
    def hold(par: FloatArray, grad: FloatArray, info: FloatArray) -> None:
        pass  # all parameters are free

    objective, derivatives = _expectation(name, of)
    step = m_step(name, objective, derivatives, hold, of.clip, 0)
    return Kernels(*_curves(name, of), derivatives, step, *_on_rows(of.category))
