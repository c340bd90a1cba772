"""The graded response model (Samejima 1969): P(X ≥ m | θ) = logistic(D·a·(θ − b_m)), b ascending.

In logits z_1 > z_2 > … the probability of a category is a difference of two logistics,
σ(u) − σ(v) = σ(u)·(1 − σ(v))·(1 − e^(v − u)), whose last factor does not depend on θ.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from calibration.arrays import BoolArray, FloatArray
from calibration.compiled import compiled, inlined
from calibration.models.newton_step import STEEPEST
from calibration.models.ordered import LEAST_SLOPE, Ordered
from calibration.models.ordered_kernels import Formulas, compile_kernels

CLOSEST = 1e-6  # between two intercepts: closer, a category is never the likeliest by far


@compiled(error_model="numpy")
def _logs(z: FloatArray, out: FloatArray) -> None:
    steps = z.size
    for k in range(steps + 1):
        value = 0.0
        if k > 0:
            value += min(z[k - 1], 0.0) - np.log1p(np.exp(-abs(z[k - 1])))
        if k < steps:
            value += min(-z[k], 0.0) - np.log1p(np.exp(-abs(z[k])))
        if 0 < k < steps:
            value += np.log(max(-np.expm1(z[k] - z[k - 1]), 1e-300))
        out[k] = value


@compiled(error_model="numpy")
def _scores(z: FloatArray, out: FloatArray) -> None:
    steps = z.size
    for k in range(steps + 1):
        for m in range(steps):
            out[k, m] = 0.0
    for m in range(steps):
        logistic = 1.0 / (1.0 + np.exp(-z[m]))
        out[m, m] -= logistic
        out[m + 1, m] += 1.0 - logistic
        if m + 1 < steps:  # the category between this step and the next
            gap = 1.0 / np.expm1(max(z[m] - z[m + 1], CLOSEST))
            out[m + 1, m] += gap
            out[m + 1, m + 1] -= gap


@compiled(error_model="numpy")
def _curvature(z: FloatArray, counts: FloatArray, out: FloatArray) -> None:
    steps = z.size
    for m in range(steps):
        for n in range(steps):
            out[m, n] = 0.0
    for m in range(steps):
        logistic = 1.0 / (1.0 + np.exp(-z[m]))
        out[m, m] += (counts[m] + counts[m + 1]) * logistic * (1.0 - logistic)
        if m + 1 < steps:
            gap = max(z[m] - z[m + 1], CLOSEST)
            bend = counts[m + 1] * (0.25 / np.sinh(0.5 * gap) ** 2)
            out[m, m] += bend
            out[m + 1, m + 1] += bend
            out[m, m + 1] -= bend
            out[m + 1, m] -= bend


@inlined
def _category(rows: Any, item: Any, categories: Any, k: Any, theta: Any) -> Any:
    slope = rows[item, 0]
    p, first, second = 1.0, 0.0, 0.0
    if k > 0:
        u = slope * (theta - rows[item, k])
        here = 1.0 / (1.0 + np.exp(-u))
        rest = 1.0 / (1.0 + np.exp(u))
        p = here
        first = slope * here * rest
        second = slope * first * (rest - here)
    if k < categories - 1:
        v = slope * (theta - rows[item, k + 1])
        here = 1.0 / (1.0 + np.exp(-v))
        rest = 1.0 / (1.0 + np.exp(v))
        p *= rest
        if k > 0:
            p *= -np.expm1(-slope * (rows[item, k + 1] - rows[item, k]))
        change = slope * here * rest
        first -= change
        second -= slope * change * (rest - here)
    return p, first, second


@compiled(error_model="numpy")
def _clip(par: FloatArray, prior: FloatArray) -> None:
    par[0] = min(max(par[0], LEAST_SLOPE), STEEPEST)
    for m in range(2, par.size):
        par[m] = min(par[m], par[m - 1] - CLOSEST)


class GradedResponse(Ordered):
    """P(X ≥ m) = logistic(D·a·(θ − b_m))."""

    name = "grm"
    title = "graded response model"
    min_n = 500
    ascending_steps = True
    kernels = compile_kernels("grm", Formulas(_logs, _scores, _curvature, _category, _clip))
    terms = staticmethod(kernels.terms)
    moments = staticmethod(kernels.moments)
    information = staticmethod(kernels.information)

    def probabilities(self, rows: FloatArray, categories: int, theta: FloatArray) -> FloatArray:
        z = np.clip(rows[:, :1, None] * (theta - rows[:, 1:categories, None]), -700, 700)
        above = 1 / (1 + np.exp(-z))
        edge = np.ones((rows.shape[0], 1, theta.size))
        return -np.diff(np.concatenate([edge, above, 0 * edge], axis=1), axis=1)

    def start(
        self, slope: float, difficulty: FloatArray, answers: FloatArray, width: int
    ) -> FloatArray:
        at_least = np.cumsum(answers[:, ::-1], axis=1)[:, ::-1]
        total = at_least[:, :1]
        reached = np.maximum.accumulate(answers[:, ::-1] > 0, axis=1)[:, ::-1][:, 1:]
        share = (at_least[:, 1:] + 0.5) / (total + 1.0)
        logits = np.where(reached, np.log(share / (1 - share)), np.nan)
        return self._start(slope, difficulty, logits, width)

    def _disordered(self, rows: FloatArray, fallback: FloatArray) -> BoolArray:
        last = fallback[:, 2:] == 0  # a step that the item does not have
        return np.asarray(((np.diff(rows[:, 1:]) > -CLOSEST) & ~last).any(axis=1))
