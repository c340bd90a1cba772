"""Prior densities of the item parameters, which all models share.

Every density is on the natural scale of its parameter (a, b, c), and so is its mode: what a fit
maximises is the posterior density of (a, b, c) itself, in whatever coordinates it moves. The
compiled functions take an item's slope, its intercepts (one per location, b = −intercept/slope)
and, after them, its lower asymptote if it has one.

What never lives here: the likelihood, and priors of ability (see `irt.quadrature`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln

from calibration.arrays import FloatArray, check_numbers
from calibration.compiled import compiled
from calibration.errors import InvalidParameterError

PRIOR_A, PRIOR_B, PRIOR_C = 0, 3, 6  # where each begins in `Priors.packed`


@dataclass(frozen=True)
class LogNormal:
    """a ~ lognormal: log a is normal(mu, sigma). Mode exp(mu − sigma²)."""

    mu: float
    sigma: float

    def __post_init__(self) -> None:
        _positive("sigma of the lognormal prior", self.sigma)

    @property
    def mode(self) -> float:
        """Value of a with the highest density."""
        return float(np.exp(self.mu - self.sigma**2))

    @property
    def sd(self) -> float:
        """Standard deviation of a."""
        variance = self.sigma**2
        return float(np.exp(self.mu + variance / 2) * np.sqrt(np.expm1(variance)))


@dataclass(frozen=True)
class Normal:
    """b ~ normal(mean, sd)."""

    mean: float
    sd: float

    def __post_init__(self) -> None:
        _positive("sd of the normal prior", self.sd)


@dataclass(frozen=True)
class Beta:
    """c ~ beta(alpha, beta). Mode (alpha − 1)/(alpha + beta − 2)."""

    alpha: float
    beta: float

    def __post_init__(self) -> None:
        for name, value in (("alpha", self.alpha), ("beta", self.beta)):
            check_numbers(**{name: value})
            if not np.isfinite(value) or value < 1:
                raise InvalidParameterError(
                    f"{name} of the beta prior is {value}: give a number ≥ 1, so that a mode exists"
                )
        if self.alpha + self.beta <= 2:
            raise InvalidParameterError("beta(1, 1) is flat and has no mode: leave the prior out")

    @property
    def mode(self) -> float:
        """Value of c with the highest density."""
        return (self.alpha - 1) / (self.alpha + self.beta - 2)

    @property
    def sd(self) -> float:
        """Standard deviation of c."""
        total = self.alpha + self.beta
        return float(np.sqrt(self.alpha * self.beta / (total**2 * (total + 1))))


@dataclass(frozen=True)
class Priors:
    """Priors of a, b and c; `None` switches one off.

    Attributes:
        a: of the discrimination, in the metric of the fit (see `default_priors`).
        b: of the difficulty (of each step, where a model has several), in units of ability.
        c: of the lower asymptote; used by 3PL items only.
    """

    a: LogNormal | None = None
    b: Normal | None = None
    c: Beta | None = None

    @property
    def regular(self) -> bool:
        """Whether every item has a finite estimate under them, whatever its answers."""
        return self.a is not None and self.b is not None

    def packed(self) -> FloatArray:
        """(on, location, spread) of a, b and c in one array of 9, as the compiled code takes it."""
        out = np.zeros(9)
        if self.a is not None:
            out[0:3] = 1.0, self.a.mu, self.a.sigma
        if self.b is not None:
            out[3:6] = 1.0, self.b.mean, self.b.sd
        if self.c is not None:
            out[6:9] = 1.0, self.c.alpha, self.c.beta
        return out

    def log_density_a(self, a: FloatArray) -> float:
        """Sum of log densities of the discriminations `a`, shape (J,)."""
        if self.a is None or a.size == 0:
            return 0.0
        log_a = np.log(a)
        scaled = (log_a - self.a.mu) / self.a.sigma
        constant = np.log(self.a.sigma * np.sqrt(2 * np.pi))
        return float(np.sum(-log_a - constant - 0.5 * scaled**2))

    def log_density_b(self, b: FloatArray) -> float:
        """Sum of log densities of the difficulties `b`, shape (J,)."""
        if self.b is None or b.size == 0:
            return 0.0
        scaled = (b - self.b.mean) / self.b.sd
        return float(np.sum(-0.5 * scaled**2 - np.log(self.b.sd * np.sqrt(2 * np.pi))))

    def log_density_c(self, c: FloatArray) -> float:
        """Sum of log densities of the lower asymptotes `c`, shape (J,), c > 0."""
        if self.c is None or c.size == 0:
            return 0.0
        kernel = (self.c.alpha - 1) * np.log(c) + (self.c.beta - 1) * np.log1p(-c)
        return float(np.sum(kernel - betaln(self.c.alpha, self.c.beta)))


def default_priors(D: float) -> Priors:
    """Weakly informative priors.

    a is lognormal(0, 0.5) on the normal metric, b normal(0, 3), c beta(5, 17).

    The prior of a is stated for D = 1.7 and carried over to another D, so that the choice of D
    changes the reported a and nothing else. Beta(5, 17) has its mode at 0.2.
    """
    return Priors(LogNormal(float(np.log(1.7 / D)), 0.5), Normal(0.0, 3.0), Beta(5.0, 17.0))


def resolve_priors(priors: Priors | str | None, D: float) -> Priors:
    """Turns the `priors` argument of `fit` into a `Priors`.

    Raises:
        InvalidParameterError: neither "default", None nor a `Priors`.
    """
    if priors is None:
        return Priors()
    if isinstance(priors, Priors):
        return priors
    if priors == "default":
        return default_priors(D)
    raise InvalidParameterError(f'priors is {priors!r}: give "default", None or a Priors')


def _positive(name: str, value: float) -> None:
    check_numbers(**{name: value})
    if not np.isfinite(value) or value <= 0:
        raise InvalidParameterError(f"{name} is {value}: give a finite number > 0")


@compiled(error_model="numpy")
def log_prior(par: FloatArray, locations: int, prior: FloatArray, D: float) -> float:
    """Log prior density of one item on the natural scale, constants left out; −inf outside.

    Args:
        par: slope, intercepts, and the asymptote where `prior` speaks of one.
        locations: number of intercepts.
        prior: of `Priors.packed`.
        D: scaling constant.
    """
    slope = par[0]
    value = 0.0
    if prior[PRIOR_A] > 0:
        if slope <= 0:
            return -np.inf
        log_a = np.log(slope / D)
        value += -log_a - 0.5 * ((log_a - prior[1]) / prior[2]) ** 2
    if prior[PRIOR_B] > 0:
        for m in range(1, locations + 1):
            value -= 0.5 * ((-par[m] / slope - prior[4]) / prior[5]) ** 2
    if prior[PRIOR_C] > 0:
        c = par[locations + 1]
        if c <= 0 or c >= 1:
            return -np.inf
        value += (prior[7] - 1) * np.log(c) + (prior[8] - 1) * np.log1p(-c)
    return value


@compiled(error_model="numpy")
def add_prior(
    par: FloatArray,
    locations: int,
    prior: FloatArray,
    D: float,
    grad: FloatArray,
    info: FloatArray,
) -> None:
    """Adds gradient and (never negative) curvature of the log prior to `grad` and `info`."""
    slope = par[0]
    if prior[PRIOR_A] > 0:
        s2 = prior[2] ** 2
        scaled = (np.log(slope / D) - prior[1]) / s2
        grad[0] -= (1.0 + scaled) / slope
        info[0, 0] += max(1.0 / s2 - 1.0 - scaled, 0.1 / s2) / slope**2
    if prior[PRIOR_B] > 0:
        for m in range(1, locations + 1):
            b = -par[m] / slope
            pull = -(b - prior[4]) / prior[5] ** 2
            d_slope, d_intercept = -b / slope, -1.0 / slope
            grad[0] += pull * d_slope
            grad[m] += pull * d_intercept
            info[0, 0] += d_slope**2 / prior[5] ** 2
            info[0, m] += d_slope * d_intercept / prior[5] ** 2
            info[m, 0] = info[0, m]
            info[m, m] += d_intercept**2 / prior[5] ** 2
    if prior[PRIOR_C] > 0:
        k = locations + 1
        c = par[k]
        grad[k] += (prior[7] - 1) / c - (prior[8] - 1) / (1 - c)
        info[k, k] += (prior[7] - 1) / c**2 + (prior[8] - 1) / (1 - c) ** 2


@compiled(error_model="numpy")
def add_prior_hessian(
    par: FloatArray, locations: int, prior: FloatArray, D: float, info: FloatArray
) -> None:
    """Adds the negative Hessian of the log prior, exactly, to the upper triangle of `info`."""
    slope = par[0]
    if prior[PRIOR_A] > 0:
        variance = prior[2] ** 2
        scaled = (np.log(slope / D) - prior[1]) / variance
        info[0, 0] += (1.0 / variance - 1.0 - scaled) / slope**2
    if prior[PRIOR_B] > 0:
        variance = prior[5] ** 2
        for m in range(1, locations + 1):
            b = -par[m] / slope
            pull = (b - prior[4]) / variance
            info[0, 0] += (b**2 / variance + 2.0 * pull * b) / slope**2
            info[0, m] += (b / variance + pull) / slope**2
            info[m, m] += 1.0 / (variance * slope**2)
    if prior[PRIOR_C] > 0:
        c = par[locations + 1]
        info[locations + 1, locations + 1] += (prior[7] - 1) / c**2 + (prior[8] - 1) / (1 - c) ** 2
