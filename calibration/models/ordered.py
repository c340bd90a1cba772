"""What models of ordered categories have in common: K − 1 steps, each z_m = D·a·(θ − b_m).

The log-likelihood must be concave in the z, so that Newton's method with the exact Hessian climbs.

What never lives here: the categories' formulas (see `graded`, `partial_credit`) and the loops over
items and nodes (see `ordered_kernels`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from calibration.arrays import BoolArray, FloatArray, IntArray
from calibration.models.newton_step import STEEPEST, Counts
from calibration.models.ordered_kernels import Kernels
from calibration.models.priors import Priors, add_prior_hessian, default_priors
from calibration.models.response_model import SLOPE, ResponseModel

LEAST_SLOPE = 1e-4  # a negative slope would turn the order of the categories around
WIDEST_STEP = 5.0  # logits from the item's middle, at the start


class Ordered(ResponseModel):
    """A model of K ordered categories: rows hold the slope and K − 1 intercepts; a, b_1 … b_{K−1}.

    Steps that an item does not have are 0 in `params` and ∞ among its locations.
    """

    dichotomous = False
    kernels: ClassVar[Kernels]

    def width(self, categories: IntArray) -> IntArray:
        return categories

    def natural(self, a: FloatArray, b: FloatArray, c: FloatArray, steps: FloatArray) -> FloatArray:
        return np.column_stack([a, steps])

    def locations(self, natural: FloatArray) -> FloatArray:
        return natural[:, 1:]

    def to_natural(self, params: FloatArray, categories: IntArray, D: float) -> FloatArray:
        out = -params / params[:, :1]
        out[:, 0] = params[:, SLOPE] / D
        out[np.arange(params.shape[1]) >= categories[:, None]] = np.inf
        return out

    def from_natural(self, natural: FloatArray, D: float) -> FloatArray:
        out = natural.copy()
        out[:, SLOPE] = D * natural[:, 0]
        here = np.isfinite(natural[:, 1:])
        out[:, 1:] = np.where(here, -D * natural[:, :1] * np.where(here, natural[:, 1:], 0.0), 0.0)
        return out

    def natural_errors(self, params: FloatArray, covariance: FloatArray, D: float) -> FloatArray:
        variance = np.einsum("nkk->nk", covariance)
        slope = params[:, :1]
        b = -params / slope
        out = (b**2 * variance[:, :1] + variance + 2 * b * covariance[:, SLOPE, :]) / slope**2
        out[:, 0] = variance[:, 0] / D**2
        return np.asarray(np.sqrt(np.maximum(out, 0)))

    def expected(
        self, priors: Priors, D: float, categories: IntArray, width: int
    ) -> tuple[FloatArray, FloatArray]:
        prior_a = priors.a or default_priors(D).a
        assert prior_a is not None  # noqa: S101  # default_priors sets all three
        natural, errors = np.zeros((2, categories.size, width))
        natural[:, 0] = prior_a.mode
        errors[:, 0] = np.inf if priors.a is None else priors.a.sd
        # steps a logit apart around the prior's mean
        step = np.arange(width - 1)
        centre = 0.0 if priors.b is None else priors.b.mean
        apart = (step - (categories[:, None] - 2) / 2) / (D * prior_a.mode)
        here = step < categories[:, None] - 1
        natural[:, 1:] = np.where(here, centre + apart, np.inf)
        errors[:, 1:] = np.where(here, np.inf if priors.b is None else priors.b.sd, 0.0)
        return natural, errors

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
        self.kernels.m_step.improve(counts, params, items, self.packed(priors), D, tol)

    def _start(
        self, slope: float, difficulty: FloatArray, logits: FloatArray, width: int
    ) -> FloatArray:
        """Steps around the difficulty, as far apart as `logits` (n, K − 1; NaN: no step) are."""
        here = np.isfinite(logits)
        count = np.maximum(here.sum(axis=1, keepdims=True), 1)
        logits = np.where(here, logits, 0.0)
        apart = np.clip(
            logits - logits.sum(axis=1, keepdims=True) / count, -WIDEST_STEP, WIDEST_STEP
        )
        out = np.zeros((difficulty.size, width))
        out[:, SLOPE] = slope
        out[:, 1 : 1 + logits.shape[1]] = np.where(here, apart - difficulty[:, None], 0.0)
        return out

    def project(
        self, params: FloatArray, fallback: FloatArray, items: IntArray, priors: Priors
    ) -> None:
        rows = params[items]
        wild = (rows[:, SLOPE] <= 0) | self._disordered(rows, fallback[items])
        rows[wild] = fallback[items][wild]
        rows[:, SLOPE] = np.clip(rows[:, SLOPE], LEAST_SLOPE, STEEPEST)
        params[items] = rows

    def _disordered(self, rows: FloatArray, fallback: FloatArray) -> BoolArray:
        """Rows whose steps the model cannot have."""
        return np.zeros(rows.shape[0], np.bool_)

    def flags(self, params: FloatArray) -> Mapping[str, BoolArray]:
        slope = params[:, SLOPE]
        return {"a_at_bound": (slope <= LEAST_SLOPE) | (slope >= STEEPEST)}

    def log_curves(
        self,
        params: FloatArray,
        items: IntArray,
        theta: FloatArray,
        lower: tuple[FloatArray, IntArray],
        upper: tuple[FloatArray, IntArray],
        categories: IntArray,
    ) -> None:
        self.kernels.log_curves(params, items, theta, *lower, *upper, categories)

    def free(self, params: FloatArray, items: IntArray, categories: IntArray) -> BoolArray:
        out = np.arange(params.shape[1]) < categories[items, None]
        slope = params[items, SLOPE]
        out[:, SLOPE] = (slope > LEAST_SLOPE) & (slope < STEEPEST)
        return out

    def score_curves(
        self,
        params: FloatArray,
        items: IntArray,
        theta: FloatArray,
        first: IntArray,
        out: FloatArray,
    ) -> None:
        self.kernels.score_curves(params, items, theta, first, out)

    def gradient(
        self,
        counts: Counts,
        params: FloatArray,
        items: IntArray,
        priors: Priors,
        D: float,
        out: FloatArray,
    ) -> None:
        self.kernels.m_step.gradients(counts, params, items, self.packed(priors), D, out)

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
        out = np.zeros((items.size, params.shape[1], params.shape[1]))
        prior = self.packed(priors)
        for k, j in enumerate(items):
            first, last = counts.first[j], counts.first[j + 1]
            width = int(last - first) + 1
            par, grad, info = params[j, :width], np.empty(width), np.empty((width, width))
            chosen, total = counts.chosen[first:last], counts.total[j]
            self.kernels.derivatives(chosen, total, counts.theta, par, grad, info)
            add_prior_hessian(par, width - 1, prior, D, info)
            out[k, :width, :width] = info
        return out
