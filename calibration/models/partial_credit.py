"""The generalized partial credit model (Muraki 1992): step m is taken with logit D·a·(θ − b_m).

P_k is proportional to exp(z_1 + … + z_k), z_m = D·a·(θ − b_m): an exponential family, so that the
Hessian in z is minus a covariance and does not depend on the answer. Steps need no order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from calibration.arrays import FloatArray, IntArray
from calibration.compiled import compiled, inlined
from calibration.models.newton_step import STEEPEST
from calibration.models.ordered import LEAST_SLOPE, Ordered
from calibration.models.ordered_kernels import Formulas, compile_kernels


@compiled(error_model="numpy")
def _logs(z: FloatArray, out: FloatArray) -> None:
    out[0], peak = 0.0, 0.0
    for m in range(z.size):
        out[m + 1] = out[m] + z[m]
        peak = max(peak, out[m + 1])
    mass = 0.0
    for k in range(out.size):
        mass += np.exp(out[k] - peak)
    for k in range(out.size):
        out[k] -= peak + np.log(mass)


@compiled(error_model="numpy")
def _reached(z: FloatArray, out: FloatArray) -> None:
    """P(X ≥ m) for m = 0 … K − 1."""
    _logs(z, out)
    total = 0.0
    for k in range(out.size - 1, -1, -1):
        total += np.exp(out[k])
        out[k] = total


@compiled(error_model="numpy")
def _scores(z: FloatArray, out: FloatArray) -> None:
    reached = np.empty(z.size + 1)
    _reached(z, reached)
    for k in range(reached.size):
        for m in range(z.size):
            out[k, m] = (1.0 if k > m else 0.0) - reached[m + 1]


@compiled(error_model="numpy")
def _curvature(z: FloatArray, counts: FloatArray, out: FloatArray) -> None:
    reached = np.empty(z.size + 1)
    _reached(z, reached)
    total = counts.sum()
    for m in range(z.size):
        for n in range(m, z.size):
            out[m, n] = total * reached[n + 1] * (1.0 - reached[m + 1])
            out[n, m] = out[m, n]


@inlined
def _category(rows: Any, item: Any, categories: Any, k: Any, theta: Any) -> Any:
    slope = rows[item, 0]
    logit, peak, own = 0.0, 0.0, 0.0
    for m in range(1, categories):
        logit += slope * (theta - rows[item, m])
        peak = max(peak, logit)
        if m == k:
            own = logit
    logit, mass, mean, square = 0.0, np.exp(-peak), 0.0, 0.0
    for m in range(1, categories):
        logit += slope * (theta - rows[item, m])
        weight = np.exp(logit - peak)
        mass += weight
        mean += m * weight
        square += m * m * weight
    mean /= mass
    variance = square / mass - mean * mean
    p = np.exp(own - peak) / mass
    away = k - mean
    return p, slope * p * away, slope * slope * p * (away * away - variance)


@compiled(error_model="numpy")
def _clip(par: FloatArray, prior: FloatArray) -> None:
    par[0] = min(max(par[0], LEAST_SLOPE), STEEPEST)


class GeneralizedPartialCredit(Ordered):
    """P_k ∝ exp Σ_{m ≤ k} D·a·(θ − b_m)."""

    name = "gpcm"
    title = "generalized partial credit model"
    min_n = 500
    kernels = compile_kernels("gpcm", Formulas(_logs, _scores, _curvature, _category, _clip))
    terms = staticmethod(kernels.terms)
    moments = staticmethod(kernels.moments)
    information = staticmethod(kernels.information)

    def probabilities(self, rows: FloatArray, categories: int, theta: FloatArray) -> FloatArray:
        z = rows[:, :1, None] * (theta - rows[:, 1:categories, None])
        logit = np.cumsum(np.concatenate([np.zeros_like(z[:, :1]), z], axis=1), axis=1)
        weight = np.exp(logit - logit.max(axis=1, keepdims=True))
        return np.asarray(weight / weight.sum(axis=1, keepdims=True))

    def start(
        self, slope: float, difficulty: FloatArray, answers: FloatArray, width: int
    ) -> FloatArray:
        reached = np.maximum.accumulate(answers[:, ::-1] > 0, axis=1)[:, ::-1][:, 1:]
        logits = np.log((answers[:, 1:] + 0.5) / (answers[:, :-1] + 0.5))
        return self._start(slope, difficulty, np.where(reached, logits, np.nan), width)

    def steepness(self, params: FloatArray, items: IntArray, categories: IntArray) -> FloatArray:
        # between its outermost categories an item's curve is as steep as all steps together
        return params[items, 0] * (categories[items] - 1)
