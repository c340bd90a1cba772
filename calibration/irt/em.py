"""The EM map of marginal maximum likelihood (Bock & Aitkin 1981), as one point in and one out.

A point is the flat array of item parameters (J × 3: slope, intercept, asymptote) followed by mean
and log SD of the group. Items that are held fixed are part of the point and never move.

What never lives here: acceleration (`squarem`), gates and flags (`gates`), the public face (`fit`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from calibration.bank import FloatArray, IntArray
from calibration.irt.curves import ASYMPTOTE, SLOPE, to_natural
from calibration.irt.estep import EStep, Expectation
from calibration.irt.mstep import clip_into_range, improve_items
from calibration.irt.onepl import improve_common_slope
from calibration.irt.priors import Priors


@dataclass(frozen=True, eq=False)
class Evaluation:
    """An E-step together with the objective that EM climbs.

    Attributes:
        objective: log-likelihood plus log prior of the free parameters.
        expectation: the E-step.
    """

    objective: float
    expectation: Expectation


@dataclass(frozen=True, eq=False)
class Problem:
    """What is estimated, and from what.

    Attributes:
        estep: the E-step over the responses.
        model: 1, 2 or 3 per item, shape (J,).
        free: items whose parameters are estimated, shape (F,).
        hold_common_slope: the common slope of the 1PL items is given by fixed items.
        group_free: whether mean and SD of ability are estimated.
        priors: of the item parameters.
        D: scaling constant.
        tol: convergence tolerance of the whole fit; the M-step works to a tenth of it.
    """

    estep: EStep
    model: IntArray
    free: IntArray
    hold_common_slope: bool
    group_free: bool
    priors: Priors
    D: float
    tol: float

    def with_estep(self, estep: EStep) -> Problem:
        """The same problem over another quadrature."""
        return replace(self, estep=estep)

    def evaluate(self, x: FloatArray) -> Evaluation:
        """E-step and objective at the point `x`."""
        params, mean, sd = unpack(x)
        log_weights = self.estep.quadrature.log_normal_weights(mean, sd)
        expectation = self.estep(params, log_weights)
        return Evaluation(expectation.log_likelihood + self.log_prior(params), expectation)

    def log_prior(self, params: FloatArray) -> float:
        """Log prior density of the free parameters, constants included."""
        a, b, c = (column[self.free] for column in to_natural(params, self.D))
        own = self.model[self.free]
        slopes = a[own > 1]
        if (own == 1).any() and not self.hold_common_slope:
            slopes = np.append(slopes, a[own == 1][0])
        return (
            self.priors.log_density_a(slopes)
            + self.priors.log_density_b(b)
            + self.priors.log_density_c(c[own == 3])
        )

    def improve(self, x: FloatArray, evaluation: Evaluation) -> FloatArray:
        """M-step: the next point of EM."""
        params, mean, sd = unpack(x.copy())
        expectation = evaluation.expectation
        counts = expectation.right, expectation.total, self.estep.quadrature.theta
        prior, tol = self.priors.packed(), 0.1 * self.tol
        own = self.model[self.free]
        separate, common = self.free[own > 1], self.free[own == 1]
        parts = np.array_split(separate, 8) if separate.size > 32 else [separate]

        def part(items: IntArray) -> None:
            improve_items(*counts, params, self.model, items, prior, self.D, tol)

        self.estep.workers.run(part, parts)
        if common.size:
            improve_common_slope(
                *counts, params, common, prior, self.D, tol, self.hold_common_slope
            )
        if self.group_free:
            mean, sd = _moments(expectation.person, self.estep.quadrature.theta)
        return pack(params, mean, sd)

    def project(self, x: FloatArray, fallback: FloatArray) -> FloatArray:
        """Clips an extrapolated point into range; items it threw out of range fall back."""
        params, mean, sd = unpack(x.copy())
        back, _, _ = unpack(fallback)
        wild = params[:, SLOPE] * back[:, SLOPE] <= 0
        if self.priors.c is not None:
            wild |= (params[:, ASYMPTOTE] <= 0) & (back[:, ASYMPTOTE] > 0)
        params[wild] = back[wild]
        prior = self.priors.packed()
        for j in self.free:
            clip_into_range(params[j], int(self.model[j]), prior)
        own = self.model[self.free]
        common = self.free[own == 1]
        if common.size:
            params[common, SLOPE] = params[common[0], SLOPE]
        return pack(params, mean, float(np.clip(sd, 0.05, 5.0)))


def pack(params: FloatArray, mean: float, sd: float) -> FloatArray:
    """The point of item parameters (J, 3) and group mean and SD."""
    return np.append(params.ravel(), [mean, np.log(sd)])


def unpack(x: FloatArray) -> tuple[FloatArray, float, float]:
    """Item parameters (J, 3) as a view of `x`, group mean and SD."""
    return x[:-2].reshape(-1, 3), float(x[-2]), float(np.exp(x[-1]))


def _moments(person: FloatArray, theta: FloatArray) -> tuple[float, float]:
    total = person.sum()
    mean = float(person @ theta / total)
    return mean, float(np.sqrt(person @ (theta - mean) ** 2 / total))
