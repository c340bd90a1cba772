"""The M-step: each item's parameters, improved on its expected counts.

Newton's method for the 2PL (its observed and expected information agree), Fisher scoring for the
3PL; a step is halved until the item's own objective rises.

What never lives here: responses (the M-step sees (J, Q) arrays of counts only), and the 1PL, whose
items share a slope (see `onepl`).
"""

from __future__ import annotations

import numpy as np

from calibration.bank import FloatArray, IntArray
from calibration.compiled import compiled

STEEPEST = 20.0  # |slope| beyond this is a step function at any node spacing in use
HIGHEST_ASYMPTOTE = 0.99
LOWEST_WITH_PRIOR = 1e-8  # a beta prior's density is 0 at 0
MOST_STEPS = 6
MOST_HALVINGS = 12


@compiled(error_model="numpy")
def item_objective(
    right: FloatArray,
    total: FloatArray,
    theta: FloatArray,
    par: FloatArray,
    prior: FloatArray,
    D: float,
) -> float:
    """Expected complete-data log-likelihood of one item plus its log prior."""
    slope, intercept, c = par[0], par[1], par[2]
    value = 0.0
    for q in range(theta.size):
        z = slope * theta[q] + intercept
        soft = np.log1p(np.exp(-abs(z)))
        log_right = min(z, 0.0) - soft
        log_wrong = log_right - z + np.log1p(-c)
        if c > 0.0:
            log_right = np.log(c + (1.0 - c) * np.exp(log_right))
        value += right[q] * log_right + (total[q] - right[q]) * log_wrong
    return value + log_prior(par, prior, D)


@compiled(error_model="numpy")
def log_prior(par: FloatArray, prior: FloatArray, D: float) -> float:
    """Log prior density of one item on the natural scale, constants left out; −inf outside."""
    slope, intercept, c = par[0], par[1], par[2]
    value = 0.0
    if prior[0] > 0:
        if slope <= 0:
            return -np.inf
        log_a = np.log(slope / D)
        value += -log_a - 0.5 * ((log_a - prior[1]) / prior[2]) ** 2
    if prior[3] > 0:
        value -= 0.5 * ((-intercept / slope - prior[4]) / prior[5]) ** 2
    if prior[6] > 0:
        if c <= 0 or c >= 1:
            return -np.inf
        value += (prior[7] - 1) * np.log(c) + (prior[8] - 1) * np.log1p(-c)
    return value


@compiled(error_model="numpy")
def add_prior(
    par: FloatArray, prior: FloatArray, D: float, grad: FloatArray, info: FloatArray
) -> None:
    """Adds gradient and (never negative) curvature of the log prior to `grad` and `info`."""
    slope, intercept, c = par[0], par[1], par[2]
    if prior[0] > 0:
        s2 = prior[2] ** 2
        scaled = (np.log(slope / D) - prior[1]) / s2
        grad[0] -= (1.0 + scaled) / slope
        info[0, 0] += max(1.0 / s2 - 1.0 - scaled, 0.1 / s2) / slope**2
    if prior[3] > 0:
        b = -intercept / slope
        pull = -(b - prior[4]) / prior[5] ** 2
        d_slope, d_intercept = -b / slope, -1.0 / slope
        grad[0] += pull * d_slope
        grad[1] += pull * d_intercept
        info[0, 0] += d_slope**2 / prior[5] ** 2
        info[0, 1] += d_slope * d_intercept / prior[5] ** 2
        info[1, 0] = info[0, 1]
        info[1, 1] += d_intercept**2 / prior[5] ** 2
    if prior[6] > 0:
        grad[2] += (prior[7] - 1) / c - (prior[8] - 1) / (1 - c)
        info[2, 2] += (prior[7] - 1) / c**2 + (prior[8] - 1) / (1 - c) ** 2


@compiled()
def _clear(grad: FloatArray, info: FloatArray) -> None:
    for i in range(3):
        grad[i] = 0.0
        for k in range(3):
            info[i, k] = 0.0


@compiled()
def _take(trial: FloatArray, par: FloatArray) -> float:
    """Copies `trial` to `par`; returns the largest move."""
    moved = 0.0
    for k in range(3):
        moved = max(moved, abs(trial[k] - par[k]))
        par[k] = trial[k]
    return moved


@compiled(error_model="numpy")
def item_score(
    right: FloatArray,
    total: FloatArray,
    theta: FloatArray,
    par: FloatArray,
    grad: FloatArray,
    info: FloatArray,
) -> None:
    """Gradient (3,) and expected information (3, 3) of one item's counts, overwritten."""
    slope, intercept, c = par[0], par[1], par[2]
    _clear(grad, info)
    for q in range(theta.size):
        logistic = 1.0 / (1.0 + np.exp(-(slope * theta[q] + intercept)))
        p = c + (1.0 - c) * logistic
        d_z = (1.0 - c) * logistic * (1.0 - logistic)
        d_c = 1.0 - logistic
        variance = max(p * (1.0 - p), 1e-300)
        residual = (right[q] - total[q] * p) / variance
        w = total[q] / variance
        grad[0] += residual * d_z * theta[q]
        grad[1] += residual * d_z
        grad[2] += residual * d_c
        info[0, 0] += w * d_z * d_z * theta[q] * theta[q]
        info[0, 1] += w * d_z * d_z * theta[q]
        info[1, 1] += w * d_z * d_z
        info[0, 2] += w * d_z * d_c * theta[q]
        info[1, 2] += w * d_z * d_c
        info[2, 2] += w * d_c * d_c
    info[1, 0], info[2, 0], info[2, 1] = info[0, 1], info[0, 2], info[1, 2]


@compiled(error_model="numpy")
def solve3(info: FloatArray, grad: FloatArray, out: FloatArray) -> None:
    """Writes info⁻¹·grad to `out`; a small ridge keeps the 3 × 3 matrix positive definite."""
    d = np.empty(3)
    low = np.zeros((3, 3))
    for i in range(3):
        pivot = info[i, i] * (1.0 + 1e-9) + 1e-12
        for k in range(i):
            pivot -= low[i, k] ** 2 * d[k]
        d[i] = max(pivot, 1e-10 * (info[i, i] + 1e-8))
        for r in range(i + 1, 3):
            value = info[r, i]
            for k in range(i):
                value -= low[r, k] * low[i, k] * d[k]
            low[r, i] = value / d[i]
    for i in range(3):
        out[i] = grad[i]
        for k in range(i):
            out[i] -= low[i, k] * out[k]
    for i in range(3):
        out[i] /= d[i]
    for i in range(2, -1, -1):
        for k in range(i + 1, 3):
            out[i] -= low[k, i] * out[k]


@compiled(error_model="numpy")
def _hold(index: int, grad: FloatArray, info: FloatArray) -> None:
    """Takes one parameter out of a step."""
    for k in range(3):
        info[index, k] = 0.0
        info[k, index] = 0.0
    info[index, index] = 1.0
    grad[index] = 0.0


@compiled(error_model="numpy")
def clip_into_range(par: FloatArray, model: int, prior: FloatArray) -> None:
    """Moves one item's parameters (3,) inside their range, in place."""
    lowest = 1e-4 if prior[0] > 0 else -STEEPEST
    par[0] = min(max(par[0], lowest), STEEPEST)
    if model == 3:
        floor = LOWEST_WITH_PRIOR if prior[6] > 0 else 0.0
        par[2] = min(max(par[2], floor), HIGHEST_ASYMPTOTE)


@compiled(error_model="numpy")
def improve_item(
    right: FloatArray,
    total: FloatArray,
    theta: FloatArray,
    par: FloatArray,
    model: int,
    prior: FloatArray,
    D: float,
    tol: float,
) -> None:
    """Maximises one 2PL or 3PL item's objective from `par` (3,), in place."""
    grad, info = np.empty(3), np.empty((3, 3))
    step, trial = np.empty(3), np.empty(3)
    value = item_objective(right, total, theta, par, prior, D)
    for _ in range(MOST_STEPS):
        item_score(right, total, theta, par, grad, info)
        add_prior(par, prior, D, grad, info)
        if model != 3 or (par[2] <= 0.0 and grad[2] < 0.0):
            _hold(2, grad, info)
        solve3(info, grad, step)
        size = 1.0
        moved = 0.0
        for _ in range(MOST_HALVINGS):
            for k in range(3):
                trial[k] = par[k] + size * step[k]
            clip_into_range(trial, model, prior)
            trial_value = item_objective(right, total, theta, trial, prior, D)
            if trial_value >= value:
                moved = _take(trial, par)
                value = trial_value
                break
            size *= 0.5
        if moved < tol:
            break


@compiled(error_model="numpy")
def improve_items(
    right: FloatArray,
    total: FloatArray,
    theta: FloatArray,
    params: FloatArray,
    model: IntArray,
    items: IntArray,
    prior: FloatArray,
    D: float,
    tol: float,
) -> None:
    """`improve_item` for each of `items`; rows of `params` (J, 3) are changed in place."""
    own = prior.copy()
    for j in items:
        own[6] = prior[6] if model[j] == 3 else 0.0
        improve_item(right[j], total[j], theta, params[j], model[j], own, D, tol)
