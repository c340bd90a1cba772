"""The logistic curve P(θ) = c + (1 − c)·logistic(D·a·(θ − b)) (Birnbaum 1968), compiled.

Everything that the 1PL, the 2PL and the 3PL share, on rows (n, 3): slope, intercept, asymptote for
estimation (the complete-data problem of the 2PL is concave in these), and D·a, b, c elsewhere.

What never lives here: what sets the three models apart (see `onepl`, `twopl`, `threepl`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from calibration.arrays import FloatArray, IntArray
from calibration.compiled import compiled, inlined
from calibration.models.newton_step import clear

A, B, C = 0, 1, 2


# --- on rows of D·a, b, c


@inlined
def probability(rows: Any, item: Any, theta: Any) -> Any:
    """P(θ)."""
    odds = math.exp(-rows[item, A] * (theta - rows[item, B]))
    return rows[item, C] + (1.0 - rows[item, C]) / (1.0 + odds)


@inlined
def information(rows: Any, item: Any, _categories: Any, theta: Any) -> Any:
    """Fisher information: D²a²·(Q/P)·((P − c)/(1 − c))²."""
    x = rows[item, A] * (theta - rows[item, B])
    logistic = 1.0 / (1.0 + np.exp(-x))
    p = rows[item, C] + (1.0 - rows[item, C]) * logistic
    found = rows[item, A] ** 2 * (1.0 - rows[item, C]) * (1.0 - logistic)
    return found * (logistic * (logistic / p if p > 0 else 1.0))


@inlined
def moments(rows: Any, item: Any, _categories: Any, theta: Any) -> Any:
    """Mean and variance of the answer."""
    # away from 0 and 1, so that one answer against the odds cannot make a residual infinite
    p = min(max(probability(rows, item, theta), 1e-10), 1.0 - 1e-10)
    return p, p * (1.0 - p)


@inlined
def terms(rows: Any, item: Any, _categories: Any, answer: Any, theta: Any) -> Any:
    """Log P of the answer, score, information, and Warm's J = Σ P'P''/P."""
    slope, c = rows[item, A], rows[item, C]
    z = slope * (theta - rows[item, B])
    logistic = 1.0 / (1.0 + np.exp(-z))
    rest = 1.0 / (1.0 + np.exp(z))
    p = c + (1.0 - c) * logistic
    # P'/P and P'/(1 − P) written without a difference that could cancel
    over_p = (1.0 - c) * slope * logistic * rest / max(p, 1e-300)
    over_q = slope * logistic
    if answer:
        log_p = np.log(max(p, 1e-300))
        score = over_p
    else:
        log_p = np.log1p(-c) + min(-z, 0.0) - np.log1p(np.exp(-abs(z)))
        score = -over_q
    return log_p, score, over_p * over_q, over_p * over_q * slope * (rest - logistic)


def probabilities(rows: FloatArray, theta: FloatArray) -> FloatArray:
    """1 − P and P at the nodes, (n, 2, Q); each computed for itself, not as 1 minus the other."""
    logit = np.clip(rows[:, A, None] * (theta - rows[:, B, None]), -700, 700)
    guess = 1 - rows[:, C, None]
    wrong = guess / (1 + np.exp(logit))
    right = rows[:, C, None] + guess / (1 + np.exp(-logit))
    return np.stack([wrong, right], axis=1)


# --- on rows of slope, intercept, asymptote


@compiled(error_model="numpy")
def log_curves(
    params: FloatArray,
    items: IntArray,
    theta: FloatArray,
    lower: FloatArray,
    lower_row: IntArray,
    upper: FloatArray,
    upper_row: IntArray,
) -> None:
    """Writes log(1 − P) and log P of the items into rows of (·, ≥ Q) tables."""
    for j in items:
        slope, intercept, c = params[j, 0], params[j, 1], params[j, 2]
        wrong, right = lower[lower_row[j]], upper[upper_row[j]]
        log_rest = np.log1p(-c)
        for q in range(theta.size):
            z = slope * theta[q] + intercept
            soft = np.log1p(np.exp(-abs(z)))
            log_logistic = min(z, 0.0) - soft
            log_wrong = log_logistic - z
            right[q] = log_logistic if c == 0.0 else np.log(c + (1.0 - c) * np.exp(log_logistic))
            wrong[q] = log_rest + log_wrong


@compiled(error_model="numpy")
def objective(chosen: FloatArray, total: FloatArray, theta: FloatArray, par: FloatArray) -> float:
    """Expected complete-data log-likelihood of one item."""
    slope, intercept, c = par[0], par[1], par[2]
    right = chosen[0]
    value = 0.0
    for q in range(theta.size):
        z = slope * theta[q] + intercept
        soft = np.log1p(np.exp(-abs(z)))
        log_right = min(z, 0.0) - soft
        log_wrong = log_right - z + np.log1p(-c)
        if c > 0.0:
            log_right = np.log(c + (1.0 - c) * np.exp(log_right))
        value += right[q] * log_right + (total[q] - right[q]) * log_wrong
    return value


@compiled(error_model="numpy")
def derivatives(
    chosen: FloatArray,
    total: FloatArray,
    theta: FloatArray,
    par: FloatArray,
    grad: FloatArray,
    info: FloatArray,
) -> None:
    """Gradient (3,) and expected information (3, 3) of one item's counts, overwritten.

    Where c = 0 expected and observed information agree, and the step is Newton's.
    """
    slope, intercept, c = par[0], par[1], par[2]
    right = chosen[0]
    clear(grad, info)
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
def score_curves(
    params: FloatArray, items: IntArray, theta: FloatArray, first: IntArray, out: FloatArray
) -> None:
    """Scores of intercept and asymptote at the nodes, to rows first[j] (wrong) and the next.

    A wrong answer's score in the asymptote is a constant and has no covariance: it is left 0.
    """
    for j in items:
        slope, intercept, c = params[j, 0], params[j, 1], params[j, 2]
        wrong, right = first[j], first[j] + 1
        for q in range(theta.size):
            logistic = 1.0 / (1.0 + np.exp(-(slope * theta[q] + intercept)))
            p = c + (1.0 - c) * logistic
            out[0, wrong, q] = -logistic
            out[0, right, q] = (1.0 - p) * logistic / p
            if c > 0.0:
                out[1, right, q] = (1.0 - p) / (p * (1.0 - c))


def observed_information(
    right: FloatArray, total: FloatArray, theta: FloatArray, params: FloatArray
) -> FloatArray:
    """Negative Hessian of the items' expected log-likelihoods, upper triangle; shape (n, W, W).

    −Σ_q (f''·P_u·P_v + f'·P_uv), f = log density.
    """
    slope, intercept, c = params[:, 0:1], params[:, 1:2], params[:, 2:3]
    z = np.clip(slope * theta + intercept, -300.0, 300.0)
    logistic = 1 / (1 + np.exp(-z))
    rest = 1 / (1 + np.exp(z))
    p, q = c + (1 - c) * logistic, (1 - c) * rest
    wrong = total - right
    first = right / p - wrong / q
    second = -right / p**2 - wrong / q**2
    p_z = (1 - c) * logistic * rest
    zz = -(second * p_z**2 + first * p_z * (rest - logistic))
    zc = -(second * p_z * rest - first * logistic * rest)
    cc = -(second * rest**2)
    out = np.zeros((params.shape[0], params.shape[1], params.shape[1]))
    out[:, 0, 0] = (zz * theta**2).sum(axis=1)
    out[:, 0, 1] = (zz * theta).sum(axis=1)
    out[:, 1, 1] = zz.sum(axis=1)
    out[:, 0, 2] = (zc * theta).sum(axis=1)
    out[:, 1, 2] = zc.sum(axis=1)
    out[:, 2, 2] = cc.sum(axis=1)
    return out
