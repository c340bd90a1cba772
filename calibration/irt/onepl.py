"""The M-step of the 1PL: items that share one slope are improved together.

What never lives here: items with slopes of their own (see `mstep`).
"""

from __future__ import annotations

import numpy as np

from calibration.bank import FloatArray, IntArray
from calibration.compiled import compiled
from calibration.irt.mstep import (
    MOST_HALVINGS,
    MOST_STEPS,
    STEEPEST,
    add_prior,
    item_objective,
    item_score,
    log_prior,
)


@compiled(error_model="numpy")
def _common_slope_objective(
    right: FloatArray,
    total: FloatArray,
    theta: FloatArray,
    params: FloatArray,
    items: IntArray,
    prior_a: FloatArray,
    prior_b: FloatArray,
    D: float,
) -> float:
    value = log_prior(params[items[0]], prior_a, D)
    for j in items:
        value += item_objective(right[j], total[j], theta, params[j], prior_b, D)
    return value


@compiled(error_model="numpy")
def improve_common_slope(
    right: FloatArray,
    total: FloatArray,
    theta: FloatArray,
    params: FloatArray,
    items: IntArray,
    prior: FloatArray,
    D: float,
    tol: float,
    hold_slope: bool,
) -> None:
    """Maximises the 1PL items together: one slope, an intercept each; `params` changes in place.

    The information matrix is an arrow (slope against diagonal intercepts), so that a Newton step
    costs O(items). `hold_slope` keeps the slope and improves the intercepts.
    """
    prior_a, prior_b = prior.copy(), prior.copy()
    prior_a[3], prior_a[6], prior_b[0], prior_b[6] = 0.0, 0.0, 0.0, 0.0
    grad, info = np.empty(3), np.empty((3, 3))
    count = items.size
    own_grad, own_info, cross = np.empty(count), np.empty(count), np.empty(count)
    before, step = np.empty(count), np.empty(count)
    value = _common_slope_objective(right, total, theta, params, items, prior_a, prior_b, D)
    for _ in range(MOST_STEPS):
        grad[0], info[0, 0] = 0.0, 0.0
        add_prior(params[items[0]], prior_a, D, grad, info)
        slope_grad, slope_info = grad[0], info[0, 0]
        for k in range(count):
            j = items[k]
            item_score(right[j], total[j], theta, params[j], grad, info)
            add_prior(params[j], prior_b, D, grad, info)
            own_grad[k], own_info[k], cross[k] = grad[1], max(info[1, 1], 1e-10), info[0, 1]
            before[k] = params[j, 1]
            slope_grad += grad[0] - cross[k] * own_grad[k] / own_info[k]
            slope_info += info[0, 0] - cross[k] ** 2 / own_info[k]
        slope_step = 0.0 if hold_slope else slope_grad / max(slope_info, 1e-10)
        for k in range(count):
            step[k] = (own_grad[k] - cross[k] * slope_step) / own_info[k]
        slope = params[items[0], 0]
        size, moved = 1.0, 0.0
        for _ in range(MOST_HALVINGS):
            new_slope = min(max(slope + size * slope_step, 1e-4), STEEPEST)
            for k in range(count):
                params[items[k], 0] = new_slope
                params[items[k], 1] = before[k] + size * step[k]
            trial = _common_slope_objective(right, total, theta, params, items, prior_a, prior_b, D)
            if trial >= value:
                value = trial
                moved = max(abs(new_slope - slope), size * np.abs(step).max())
                break
            size *= 0.5
        if moved == 0.0:
            for k in range(count):
                params[items[k], 0] = slope
                params[items[k], 1] = before[k]
        if moved < tol:
            break
