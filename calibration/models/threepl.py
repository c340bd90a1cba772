"""The three-parameter logistic model: a lower asymptote for guessing (Birnbaum 1968)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from calibration.arrays import BoolArray, FloatArray, IntArray
from calibration.compiled import compiled
from calibration.models import logistic
from calibration.models.dichotomous import ASYMPTOTE, LEAST_SLOPE, Logistic
from calibration.models.newton_step import STEEPEST, hold_parameter, m_step
from calibration.models.priors import PRIOR_A, PRIOR_C, Priors

HIGHEST_ASYMPTOTE = 0.99
LOWEST_WITH_PRIOR = 1e-8  # a beta prior's density is 0 at 0
AT_ZERO = 1e-6
START_ASYMPTOTE = 0.15


@compiled(error_model="numpy")
def hold(par: FloatArray, grad: FloatArray, info: FloatArray) -> None:
    """An asymptote at 0 stays there while the likelihood would have it lower."""
    if par[ASYMPTOTE] <= 0.0 and grad[ASYMPTOTE] < 0.0:
        hold_parameter(ASYMPTOTE, grad, info)


@compiled(error_model="numpy")
def clip(par: FloatArray, prior: FloatArray) -> None:
    """Keeps slope and asymptote in range."""
    lowest = LEAST_SLOPE if prior[PRIOR_A] > 0 else -STEEPEST
    par[0] = min(max(par[0], lowest), STEEPEST)
    floor = LOWEST_WITH_PRIOR if prior[PRIOR_C] > 0 else 0.0
    par[ASYMPTOTE] = min(max(par[ASYMPTOTE], floor), HIGHEST_ASYMPTOTE)


class ThreeParameterLogistic(Logistic):
    """P(θ) = c + (1 − c)·logistic(D·a·(θ − b))."""

    name = "3pl"
    title = "3PL"
    min_n = 500
    has_asymptote = True
    m_step = m_step("3pl", logistic.objective, logistic.derivatives, hold, clip, 1)

    def start(
        self, slope: float, difficulty: FloatArray, answers: FloatArray, width: int
    ) -> FloatArray:
        out = super().start(slope, difficulty, answers, width)
        out[:, ASYMPTOTE] = START_ASYMPTOTE
        return out

    def project(
        self, params: FloatArray, fallback: FloatArray, items: IntArray, priors: Priors
    ) -> None:
        super().project(params, fallback, items, priors)
        floor = LOWEST_WITH_PRIOR if priors.c is not None else 0.0
        params[items, ASYMPTOTE] = np.clip(params[items, ASYMPTOTE], floor, HIGHEST_ASYMPTOTE)

    def free(self, params: FloatArray, items: IntArray, categories: IntArray) -> BoolArray:
        out = super().free(params, items, categories)
        out[:, ASYMPTOTE] = params[items, ASYMPTOTE] > AT_ZERO
        return out

    def flags(self, params: FloatArray) -> Mapping[str, BoolArray]:
        c = params[:, ASYMPTOTE]
        at_bound = (c <= AT_ZERO) | (c >= HIGHEST_ASYMPTOTE)
        return {**super().flags(params), "c_at_bound": at_bound}
