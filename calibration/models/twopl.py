"""The two-parameter logistic model: discrimination and difficulty (Birnbaum 1968)."""

from __future__ import annotations

from calibration.arrays import FloatArray
from calibration.compiled import compiled
from calibration.models import logistic
from calibration.models.dichotomous import ASYMPTOTE, LEAST_SLOPE, Logistic
from calibration.models.newton_step import STEEPEST, hold_parameter, m_step
from calibration.models.priors import PRIOR_A


@compiled(error_model="numpy")
def hold(par: FloatArray, grad: FloatArray, info: FloatArray) -> None:
    """Holds c, which is no parameter."""
    hold_parameter(ASYMPTOTE, grad, info)


@compiled(error_model="numpy")
def clip(par: FloatArray, prior: FloatArray) -> None:
    """Keeps the slope in range."""
    lowest = LEAST_SLOPE if prior[PRIOR_A] > 0 else -STEEPEST
    par[0] = min(max(par[0], lowest), STEEPEST)


class TwoParameterLogistic(Logistic):
    """P(θ) = logistic(D·a·(θ − b))."""

    name = "2pl"
    title = "2PL"
    min_n = 200
    m_step = m_step("2pl", logistic.objective, logistic.derivatives, hold, clip, 1)
