"""What the three logistic models have in common as response models.

What never lives here: the curve itself (see `logistic`), and what sets the models apart.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from calibration.arrays import BoolArray, FloatArray, IntArray
from calibration.models import logistic
from calibration.models.newton_step import STEEPEST, Counts, MStep
from calibration.models.priors import PRIOR_A, Priors, add_prior_hessian, default_priors
from calibration.models.response_model import SLOPE, ResponseModel

INTERCEPT, ASYMPTOTE = 1, 2
LEAST_SLOPE = 1e-4  # with a prior, whose density is 0 at 0


class Logistic(ResponseModel):
    """A model with the logistic curve; rows are 3 wide, c stays 0 where it is no parameter."""

    dichotomous = True

    terms: ClassVar[Any] = staticmethod(logistic.terms)
    moments: ClassVar[Any] = staticmethod(logistic.moments)
    information: ClassVar[Any] = staticmethod(logistic.information)
    probability: ClassVar[Any] = staticmethod(logistic.probability)
    m_step: ClassVar[MStep]

    def width(self, categories: IntArray) -> IntArray:
        return np.full_like(categories, 3)

    def probabilities(self, rows: FloatArray, categories: int, theta: FloatArray) -> FloatArray:
        return logistic.probabilities(rows, theta)

    def natural(self, a: FloatArray, b: FloatArray, c: FloatArray, steps: FloatArray) -> FloatArray:
        return np.column_stack([a, b, c])

    def locations(self, natural: FloatArray) -> FloatArray:
        return natural[:, 1:2]

    def asymptote(self, natural: FloatArray) -> FloatArray:
        return natural[:, ASYMPTOTE]

    def to_natural(self, params: FloatArray, categories: IntArray, D: float) -> FloatArray:
        out = params.copy()
        out[:, 0] = params[:, SLOPE] / D
        out[:, 1] = -params[:, INTERCEPT] / params[:, SLOPE]
        return out

    def from_natural(self, natural: FloatArray, D: float) -> FloatArray:
        out = natural.copy()
        out[:, SLOPE] = D * natural[:, 0]
        out[:, INTERCEPT] = -D * natural[:, 0] * natural[:, 1]
        return out

    def natural_errors(self, params: FloatArray, covariance: FloatArray, D: float) -> FloatArray:
        slope = params[:, SLOPE]
        b = -params[:, INTERCEPT] / slope
        variance_b = (
            b**2 * covariance[:, SLOPE, SLOPE]
            + covariance[:, INTERCEPT, INTERCEPT]
            + 2 * b * covariance[:, SLOPE, INTERCEPT]
        ) / slope**2
        out = np.zeros_like(params)
        out[:, 0] = np.sqrt(np.maximum(covariance[:, SLOPE, SLOPE], 0)) / D
        out[:, 1] = np.sqrt(np.maximum(variance_b, 0))
        out[:, 2] = np.sqrt(np.maximum(covariance[:, ASYMPTOTE, ASYMPTOTE], 0))
        return out

    def expected(
        self, priors: Priors, D: float, categories: IntArray, width: int
    ) -> tuple[FloatArray, FloatArray]:
        usual = default_priors(D)
        prior_a, prior_c = priors.a or usual.a, priors.c or usual.c
        assert prior_a is not None  # noqa: S101  # default_priors sets all three
        assert prior_c is not None  # noqa: S101
        natural, errors = np.zeros((2, categories.size, width))
        natural[:, 0] = prior_a.mode
        natural[:, 1] = 0.0 if priors.b is None else priors.b.mean
        errors[:, 0] = np.inf if priors.a is None else priors.a.sd
        errors[:, 1] = np.inf if priors.b is None else priors.b.sd
        if self.has_asymptote:
            natural[:, 2] = prior_c.mode
            errors[:, 2] = np.inf if priors.c is None else priors.c.sd
        return natural, errors

    def start(
        self, slope: float, difficulty: FloatArray, answers: FloatArray, width: int
    ) -> FloatArray:
        out = np.zeros((difficulty.size, width))
        out[:, SLOPE] = slope
        out[:, INTERCEPT] = -difficulty
        return out

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
        self.m_step.improve(counts, params, items, self.packed(priors), D, tol)

    def project(
        self, params: FloatArray, fallback: FloatArray, items: IntArray, priors: Priors
    ) -> None:
        rows, back = params[items], fallback[items]
        wild = rows[:, SLOPE] * back[:, SLOPE] <= 0
        if self.has_asymptote and priors.c is not None:
            wild |= (rows[:, ASYMPTOTE] <= 0) & (back[:, ASYMPTOTE] > 0)
        rows[wild] = back[wild]
        least = LEAST_SLOPE if priors.a is not None else -STEEPEST
        rows[:, SLOPE] = np.clip(rows[:, SLOPE], least, STEEPEST)
        params[items] = rows

    def log_curves(
        self,
        params: FloatArray,
        items: IntArray,
        theta: FloatArray,
        lower: tuple[FloatArray, IntArray],
        upper: tuple[FloatArray, IntArray],
        categories: IntArray,
    ) -> None:
        logistic.log_curves(params, items, theta, *lower, *upper)

    def free(self, params: FloatArray, items: IntArray, categories: IntArray) -> BoolArray:
        out = np.zeros((items.size, params.shape[1]), np.bool_)
        out[:, SLOPE] = np.abs(params[items, SLOPE]) < STEEPEST
        out[:, INTERCEPT] = True
        return out

    def score_curves(
        self,
        params: FloatArray,
        items: IntArray,
        theta: FloatArray,
        first: IntArray,
        out: FloatArray,
    ) -> None:
        logistic.score_curves(params, items, theta, first, out)

    def gradient(
        self,
        counts: Counts,
        params: FloatArray,
        items: IntArray,
        priors: Priors,
        D: float,
        out: FloatArray,
    ) -> None:
        self.m_step.gradients(counts, params, items, self.packed(priors), D, out)

    def complete_information(
        self,
        counts: Counts,
        params: FloatArray,
        items: IntArray,
        priors: Priors,
        D: float,
        *,
        slope_held: bool,
    ) -> FloatArray:
        right = counts.chosen[counts.first[items]]
        rows = params[items]
        out = logistic.observed_information(right, counts.total[items], counts.theta, rows)
        prior = self.packed(priors)
        for k in range(items.size):
            if self.common_slope and (k > 0 or slope_held):
                prior[PRIOR_A] = 0.0  # a shared slope has one prior
            add_prior_hessian(rows[k], 1, prior, D, out[k])
        return out
