"""Ability distributions of the examinees that a simulation draws.

What never lives here: estimation of a population (that is calibration.irt's), global random state.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from calibration.arrays import FloatArray, refuse_mask
from calibration.cat.randomness import first_uniforms, seed_of_part
from calibration.errors import InvalidParameterError

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_FORM = re.compile(rf"(normal|uniform)\s*(\(?)\s*({_NUMBER})\s*,\s*({_NUMBER})\s*(\)?)")
_PART = re.compile(rf"({_NUMBER})\s*\*\s*normal\s*\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)")
_BETWEEN = re.compile(r"\)\s*\+")
_FORMS = (
    '"normal(mean,sd)", "uniform(low,high)", the short "normal0,1", or a mixture as '
    '"0.7*normal(-1,0.5) + 0.3*normal(1,0.6)"'
)
_ROUNDED = 0.005  # by so much weights that were rounded may miss 1
_FARTHEST = 100.0  # logits; what lies beyond overflows, and no examinee does


@dataclass(frozen=True, eq=False)
class Population:
    """A distribution of θ from which any examinee can be drawn by number.

    Attributes:
        kind: "normal", "uniform", "mixture" (of normal ones) or "empirical".
        first: mean, or lower end (uniform).
        second: standard deviation, or upper end (uniform).
        values: sorted abilities of an empirical population, shape (N,); else empty.
        parts: weight, mean and SD of each part of a mixture, shape (K, 3); else (0, 3).
    """

    kind: Literal["normal", "uniform", "mixture", "empirical"]
    first: float
    second: float
    values: FloatArray = field(default_factory=lambda: np.empty(0))
    parts: FloatArray = field(default_factory=lambda: np.empty((0, 3)))

    @classmethod
    def of(cls, theta_dist: Population | str | npt.ArrayLike) -> Population:
        """Reads a distribution: a text such as "normal(0,1)" or "uniform(-2,2)", or an array of θ.

        A mixture of normal distributions is a sum: "0.7*normal(-1,0.5) + 0.3*normal(1,0.6)".

        Raises:
            InvalidParameterError: the text is of no known form, or a parameter is out of range.
        """
        if isinstance(theta_dist, Population):
            return theta_dist
        if isinstance(theta_dist, str):
            return _parsed(theta_dist)
        values = np.sort(abilities(theta_dist))
        return cls("empirical", float(values.mean()), float(values.std()), values)

    @property
    def mean(self) -> float:
        """Mean of θ."""
        return (self.first + self.second) / 2 if self.kind == "uniform" else self.first

    @property
    def sd(self) -> float:
        """Standard deviation of θ."""
        if self.kind == "uniform":
            return (self.second - self.first) / float(np.sqrt(12))
        return self.second

    def draw(self, seed: int, start: int, stop: int) -> FloatArray:
        """Abilities of the examinees start … stop − 1 under a seed, shape (stop − start,).

        Each is the quantile of the examinee's own uniform draw, so shards agree with the whole.
        """
        u = np.empty(stop - start)
        first_uniforms(as_seed(seed), start, u)
        u = np.maximum(u, 2.0**-54)
        if self.kind == "normal":
            return np.asarray(self.first + self.second * ndtri(u))
        if self.kind == "uniform":
            return self.first + (self.second - self.first) * u
        if self.kind == "mixture":
            return self._of_parts(u)
        return self.values[(u * self.values.size).astype(np.int64)]

    def cdf(self, theta: npt.ArrayLike) -> FloatArray:
        """Share of the population at or below each θ, shape (N,)."""
        x = abilities(theta)
        if self.kind == "normal":
            return np.asarray(ndtr((x - self.first) / self.second))
        if self.kind == "uniform":
            return np.clip((x - self.first) / (self.second - self.first), 0, 1)
        if self.kind == "mixture":
            weight, mean, sd = self.parts.T
            return np.asarray(ndtr((x[:, None] - mean) / sd) @ weight)
        return np.searchsorted(self.values, x, side="right") / self.values.size

    def _of_parts(self, u: FloatArray) -> FloatArray:
        """The part that u falls in, and there the quantile of where in it u lies."""
        weight, mean, sd = self.parts.T
        above = np.cumsum(weight)
        part = np.minimum(np.searchsorted(above, u, side="right"), len(above) - 1)
        within = (u - (above - weight)[part]) / weight[part]
        return np.asarray(mean[part] + sd[part] * ndtri(np.clip(within, 2.0**-54, 1 - 2.0**-53)))

    def __str__(self) -> str:
        if self.kind == "mixture":
            return " + ".join(f"{w:g}*normal({mean:g},{sd:g})" for w, mean, sd in self.parts)
        if self.kind == "empirical":
            return f"empirical({self.values.size} values)"
        return f"{self.kind}({self.first:g},{self.second:g})"


def _parsed(text: str) -> Population:
    given = text.strip().lower()
    if "*" in given:
        return _mixture(text, given)
    match = _FORM.fullmatch(given)
    if match is None or bool(match[2]) != bool(match[5]):
        raise InvalidParameterError(f"theta_dist is {text!r}: give {_FORMS}")
    first, second = _logits(text, match[3], match[4])
    if match[1] == "normal":
        _check_sd(text, second)
        return Population("normal", first, second)
    if first >= second:
        raise InvalidParameterError(f"theta_dist is {text!r}: low must be below high")
    return Population("uniform", first, second)


def _mixture(text: str, given: str) -> Population:
    terms = _BETWEEN.sub(")\n", given).split("\n")
    matches = [_PART.fullmatch(term.strip()) for term in terms]
    parts = []
    for match in matches:
        if match is None:
            raise InvalidParameterError(f"theta_dist is {text!r}: give {_FORMS}")
        mean, sd = _logits(text, match[2], match[3])
        _check_sd(text, sd)
        parts.append((float(match[1]), mean, sd))
    table = np.array(parts)
    weight, mean, sd = table.T
    if (weight <= 0).any() or abs(weight.sum() - 1) > _ROUNDED:
        raise InvalidParameterError(
            f"theta_dist is {text!r}: the weights add up to {weight.sum():g}, give numbers above 0 "
            "that add up to 1"
        )
    table[:, 0] = weight = weight / weight.sum()
    whole = float(weight @ mean)
    spread = float(np.sqrt(weight @ (sd**2 + (mean - whole) ** 2)))
    table.setflags(write=False)
    return Population("mixture", whole, spread, parts=table)


def _logits(text: str, *numbers: str) -> list[float]:
    found = [float(number) for number in numbers]
    if max(map(abs, found)) > _FARTHEST:
        raise InvalidParameterError(
            f"theta_dist is {text!r}: give logits from -{_FARTHEST:g} to {_FARTHEST:g}"
        )
    return found


def _check_sd(text: str, sd: float) -> None:
    if sd <= 0:
        raise InvalidParameterError(f"theta_dist is {text!r}: the sd must be > 0")


def abilities(theta: npt.ArrayLike) -> FloatArray:
    """Checks an array of θ, shape (N,): numeric, flat, not empty, finite.

    Raises:
        InvalidParameterError: it is not so.
    """
    refuse_mask("theta", theta)
    try:
        values = np.ascontiguousarray(theta, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(f"theta is not numeric: {error}") from error
    if values.ndim != 1 or values.size == 0:
        raise InvalidParameterError(
            f"theta has shape {values.shape}: give a flat array with at least one examinee"
        )
    if not np.isfinite(values).all():
        first = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InvalidParameterError(f"theta[{first}] is {values[first]}: values must be finite")
    return values


def as_seed(seed: int) -> np.uint64:
    """Checks a seed.

    Raises:
        InvalidParameterError: it is not an integer in [0, 2⁶⁴).
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise InvalidParameterError(f"seed is {seed!r}: give an integer from 0 to 2⁶⁴ − 1")
    return np.uint64(seed)


def derived_seed(seed: int, number: int) -> int:
    """A seed of its own for part `number` of a run, e.g. one iteration."""
    return int(seed_of_part(as_seed(seed), number))
