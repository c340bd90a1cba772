"""The EM map of marginal maximum likelihood (Bock & Aitkin 1981), as one point in and one out.

A point is the flat array of item parameters (J × W: slope, intercepts, asymptote as the models lay
them out) followed by mean and log SD of the group. Items that are held fixed are part of the point
and never move.

What never lives here: acceleration (`squarem`), gates and flags (`gates`), the public face (`fit`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from calibration.arrays import FloatArray, IntArray
from calibration.irt.estep import EStep, Expectation
from calibration.models import ResponseModel
from calibration.models.priors import Priors


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
        models: the model of each item.
        free: items whose parameters are estimated, shape (F,).
        groups: each model among these with its items.
        held_slopes: models whose common slope is given by fixed items.
        width: W.
        group_free: whether mean and SD of ability are estimated.
        priors: of the item parameters.
        D: scaling constant.
        tol: convergence tolerance of the whole fit; the M-step works to a tenth of it.
    """

    estep: EStep
    models: tuple[ResponseModel, ...]
    free: IntArray
    groups: tuple[tuple[ResponseModel, IntArray], ...]
    held_slopes: frozenset[str]
    width: int
    group_free: bool
    priors: Priors
    D: float
    tol: float

    def with_estep(self, estep: EStep) -> Problem:
        """The same problem over another quadrature."""
        return replace(self, estep=estep)

    @property
    def has_unknowns(self) -> bool:
        """Whether anything is estimated: an item, or the group."""
        return self.free.size > 0 or self.group_free

    @property
    def categories(self) -> IntArray:
        """K of each item, shape (J,)."""
        return self.estep.layout.categories

    def slope_held(self, model: ResponseModel) -> bool:
        """Whether the model's items share a slope that fixed items give."""
        return model.name in self.held_slopes

    def unpack(self, x: FloatArray) -> tuple[FloatArray, float, float]:
        """Item parameters (J, W) as a view of `x`, group mean and SD."""
        return x[:-2].reshape(-1, self.width), float(x[-2]), float(np.exp(x[-1]))

    def to_natural(self, params: FloatArray) -> FloatArray:
        """Natural parameters (J, W) of the free items; rows of others are 0."""
        out = np.zeros_like(params)
        for model, items in self.groups:
            out[items] = model.to_natural(params[items], self.categories[items], self.D)
        return out

    def evaluate(self, x: FloatArray) -> Evaluation:
        """E-step and objective at the point `x`."""
        params, mean, sd = self.unpack(x)
        log_weights = self.estep.quadrature.log_normal_weights(mean, sd)
        expectation = self.estep(params, log_weights)
        return Evaluation(expectation.log_likelihood + self.log_prior(params), expectation)

    def log_prior(self, params: FloatArray) -> float:
        """Log prior density of the free parameters, constants included."""
        return sum(
            model.log_prior(
                model.to_natural(params[items], self.categories[items], self.D),
                self.priors,
                slope_held=self.slope_held(model),
            )
            for model, items in self.groups
        )

    def improve(self, x: FloatArray, evaluation: Evaluation) -> FloatArray:
        """M-step: the next point of EM."""
        params, mean, sd = self.unpack(x.copy())
        expectation = evaluation.expectation
        for model, items in self.groups:

            def part(some: IntArray, model: ResponseModel = model) -> None:
                model.improve(
                    expectation.counts,
                    params,
                    some,
                    self.priors,
                    self.D,
                    0.1 * self.tol,
                    slope_held=self.slope_held(model),
                )

            whole = model.joint or items.size <= 32
            self.estep.workers.run(part, [items] if whole else np.array_split(items, 8))
        if self.group_free:
            mean, sd = _moments(expectation.person, self.estep.quadrature.theta)
        return pack(params, mean, sd)

    def project(self, x: FloatArray, fallback: FloatArray) -> FloatArray:
        """Clips an extrapolated point into range; items it threw out of range fall back."""
        params, mean, sd = self.unpack(x.copy())
        back, _, _ = self.unpack(fallback)
        for model, items in self.groups:
            model.project(params, back, items, self.priors)
        return pack(params, mean, float(np.clip(sd, 0.05, 5.0)))


def pack(params: FloatArray, mean: float, sd: float) -> FloatArray:
    """The point of item parameters (J, W) and group mean and SD."""
    return np.append(params.ravel(), [mean, np.log(sd)])


def _moments(person: FloatArray, theta: FloatArray) -> tuple[float, float]:
    total = person.sum()
    mean = float(person @ theta / total)
    return mean, float(np.sqrt(person @ (theta - mean) ** 2 / total))
