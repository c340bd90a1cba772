"""Prior densities of the item parameters.

Every density is on the natural scale of its parameter (a, b, c), and so is its mode: what a fit
maximises is the posterior density of (a, b, c) itself, in whatever coordinates it moves.

What never lives here: the likelihood, and priors of ability (see `quadrature`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln

from calibration.bank import FloatArray
from calibration.errors import InvalidParameterError


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
        b: of the difficulty, in units of ability.
        c: of the lower asymptote; used by 3PL items only.
    """

    a: LogNormal | None = None
    b: Normal | None = None
    c: Beta | None = None

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
    if not np.isfinite(value) or value <= 0:
        raise InvalidParameterError(f"{name} is {value}: give a finite number > 0")
