"""Complete-data information at the posterior counts, exact Hessians of the priors included.

What never lives here: the missing information and the inversion (see `oakes`).
"""

from __future__ import annotations

import numpy as np

from calibration.bank import FloatArray
from calibration.irt.curves import ASYMPTOTE, INTERCEPT, SLOPE
from calibration.irt.em import Problem
from calibration.irt.quadrature import Quadrature


def item_information(
    right: FloatArray,
    total: FloatArray,
    theta: FloatArray,
    params: FloatArray,
    problem: Problem,
    shared_slope: bool,
) -> FloatArray:
    """Negative Hessian of each item's objective in slope, intercept, asymptote; shape (J, 3, 3).

    Where 1PL items share a slope, its prior is counted once, on the first of them.

    Args:
        right: expected correct answers, shape (J, Q).
        total: expected answers, shape (J, Q).
        theta: nodes, shape (Q,).
        params: slope, intercept, asymptote, shape (J, 3).
        problem: models and priors.
        shared_slope: whether the 1PL items' slope is estimated.
    """
    out = _likelihood(right, total, theta, params)
    model, free, priors = problem.model, problem.free, problem.priors
    with_slope = free[model[free] > 1]
    common = free[model[free] == 1]
    if shared_slope:
        with_slope = np.append(with_slope, common[:1])
    slope, b = params[:, SLOPE], -params[:, INTERCEPT] / params[:, SLOPE]
    if priors.a is not None:
        own = slope[with_slope]
        variance = priors.a.sigma**2
        scaled = (np.log(own / problem.D) - priors.a.mu) / variance
        out[with_slope, SLOPE, SLOPE] += (1 / variance - 1 - scaled) / own**2
    if priors.b is not None:
        own, at = slope[free], b[free]
        variance = priors.b.sd**2
        pull = (at - priors.b.mean) / variance
        out[free, SLOPE, SLOPE] += (at**2 / variance + 2 * pull * at) / own**2
        out[free, SLOPE, INTERCEPT] += (at / variance + pull) / own**2
        out[free, INTERCEPT, INTERCEPT] += 1 / (variance * own**2)
    if priors.c is not None:
        items = free[model[free] == 3]
        c = params[items, ASYMPTOTE]
        curve = (priors.c.alpha - 1) / c**2 + (priors.c.beta - 1) / (1 - c) ** 2
        out[items, ASYMPTOTE, ASYMPTOTE] += curve
    return out


def _likelihood(
    right: FloatArray, total: FloatArray, theta: FloatArray, params: FloatArray
) -> FloatArray:
    """The likelihood's part, upper triangle: −Σ_q (f''·P_u·P_v + f'·P_uv), f = log density."""
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
    out = np.zeros((params.shape[0], 3, 3))
    out[:, 0, 0] = (zz * theta**2).sum(axis=1)
    out[:, 0, 1] = (zz * theta).sum(axis=1)
    out[:, 1, 1] = zz.sum(axis=1)
    out[:, 0, 2] = (zc * theta).sum(axis=1)
    out[:, 1, 2] = zc.sum(axis=1)
    out[:, 2, 2] = cc.sum(axis=1)
    return out


def group_information(
    quadrature: Quadrature, person: FloatArray, mean: float, sd: float
) -> FloatArray:
    """Negative Hessian in mean and log SD of Σ_q n_q log π_q, π normalised over the nodes; (2, 2).

    Args:
        quadrature: the nodes.
        person: expected examinees per node, shape (Q,).
        mean: mean of ability.
        sd: standard deviation of ability.
    """
    t = (quadrature.theta - mean) / sd
    prior = np.exp(quadrature.log_normal_weights(mean, sd))
    score = np.stack([t / sd, t**2])
    hessian = np.stack([np.full_like(t, -1 / sd**2), -2 * t / sd, -2 * t**2])
    centred = score - (score @ prior)[:, None]
    spread = (centred * prior) @ centred.T
    expected = hessian @ prior
    observed = hessian @ person
    n = float(person.sum())
    flat = n * expected - observed
    return np.array([[flat[0], flat[1]], [flat[1], flat[2]]]) + n * spread
