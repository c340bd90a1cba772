"""The one-parameter logistic model: items that share one slope, and are improved together.

Under D = 1 and a normal ability with free variance this is the Rasch (1960) model in another unit:
here the variance is 1 and the common slope is estimated.
"""

from __future__ import annotations

import numpy as np

from calibration.arrays import BoolArray, FloatArray, IntArray
from calibration.compiled import compiled
from calibration.models import logistic
from calibration.models.dichotomous import LEAST_SLOPE, Logistic
from calibration.models.newton_step import MOST_HALVINGS, MOST_STEPS, STEEPEST, Counts
from calibration.models.priors import PRIOR_A, PRIOR_B, Priors, add_prior, log_prior
from calibration.models.response_model import SLOPE
from calibration.models.twopl import TwoParameterLogistic


class OneParameterLogistic(Logistic):
    """P(θ) = logistic(D·a·(θ − b)) with one a for all items of the model."""

    name = "1pl"
    title = "1PL"
    min_n = 100
    common_slope = True
    of_known_items = TwoParameterLogistic.name
    joint = True
    m_step = TwoParameterLogistic.m_step  # of which the gradient is used

    def improve(
        self,
        counts: Counts,
        params: FloatArray,
        items: IntArray,
        priors: Priors,
        D: float,
        tol: float,
        *,
        slope_held: bool,
    ) -> None:
        improve_common_slope(counts, params, items, self.packed(priors), D, tol, slope_held)

    def project(
        self, params: FloatArray, fallback: FloatArray, items: IntArray, priors: Priors
    ) -> None:
        super().project(params, fallback, items, priors)
        params[items, SLOPE] = params[items[0], SLOPE]

    def free(self, params: FloatArray, items: IntArray, categories: IntArray) -> BoolArray:
        out = super().free(params, items, categories)
        out[:, SLOPE] = True
        return out

    def gradient(
        self,
        counts: Counts,
        params: FloatArray,
        items: IntArray,
        priors: Priors,
        D: float,
        out: FloatArray,
    ) -> None:
        prior = self.packed(priors)
        self.m_step.gradients(counts, params, items[:1], prior, D, out)
        prior[PRIOR_A] = 0.0  # a shared slope has one prior
        self.m_step.gradients(counts, params, items[1:], prior, D, out)


@compiled(error_model="numpy")
def _objective(
    counts: Counts,
    params: FloatArray,
    items: IntArray,
    prior_a: FloatArray,
    prior_b: FloatArray,
    D: float,
) -> float:
    value = log_prior(params[items[0]], 1, prior_a, D)
    for j in items:
        first = counts.first[j]
        value += logistic.objective(
            counts.chosen[first : first + 1], counts.total[j], counts.theta, params[j]
        )
        value += log_prior(params[j], 1, prior_b, D)
    return value


@compiled(error_model="numpy")
def improve_common_slope(
    counts: Counts,
    params: FloatArray,
    items: IntArray,
    prior: FloatArray,
    D: float,
    tol: float,
    hold_slope: bool,
) -> None:
    """Maximises the items together: one slope, an intercept each; `params` changes in place.

    The information matrix is an arrow (slope against diagonal intercepts), so that a Newton step
    costs O(items). `hold_slope` keeps the slope and improves the intercepts.
    """
    prior_a, prior_b = prior.copy(), prior.copy()
    prior_a[PRIOR_B], prior_b[PRIOR_A] = 0.0, 0.0
    grad, info = np.empty(3), np.empty((3, 3))
    count = items.size
    own_grad, own_info, cross = np.empty(count), np.empty(count), np.empty(count)
    before, step = np.empty(count), np.empty(count)
    value = _objective(counts, params, items, prior_a, prior_b, D)
    for _ in range(MOST_STEPS):
        grad[0], info[0, 0] = 0.0, 0.0
        add_prior(params[items[0]], 1, prior_a, D, grad, info)
        slope_grad, slope_info = grad[0], info[0, 0]
        for k in range(count):
            j = items[k]
            first = counts.first[j]
            logistic.derivatives(
                counts.chosen[first : first + 1],
                counts.total[j],
                counts.theta,
                params[j],
                grad,
                info,
            )
            add_prior(params[j], 1, prior_b, D, grad, info)
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
            new_slope = min(max(slope + size * slope_step, LEAST_SLOPE), STEEPEST)
            for k in range(count):
                params[items[k], 0] = new_slope
                params[items[k], 1] = before[k] + size * step[k]
            trial = _objective(counts, params, items, prior_a, prior_b, D)
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
