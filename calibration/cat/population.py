"""Ability distributions of the examinees that a simulation draws.

What never lives here: estimation of a population (that is calibration.irt's), global random state.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from calibration.arrays import FloatArray, refuse_mask
from calibration.cat.randomness import first_uniforms, seed_of_part
from calibration.errors import InvalidParameterError

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_FORM = re.compile(rf"(normal|uniform)\s*(\(?)\s*({_NUMBER})\s*,\s*({_NUMBER})\s*(\)?)")
_FORMS = '"normal(mean,sd)", "uniform(low,high)" or the short "normal0,1"'
_FARTHEST = 100.0  # logits; what lies beyond overflows, and no examinee does


@dataclass(frozen=True, eq=False)
class Population:
    """A distribution of θ from which any examinee can be drawn by number.

    Attributes:
        kind: "normal", "uniform" or "empirical".
        first: mean, or lower end (uniform).
        second: standard deviation, or upper end (uniform).
        values: sorted abilities of an empirical population, shape (N,); else empty.
    """

    kind: Literal["normal", "uniform", "empirical"]
    first: float
    second: float
    values: FloatArray

    @classmethod
    def of(cls, theta_dist: Population | str | npt.ArrayLike) -> Population:
        """Reads a distribution: {"normal(0,1)", "normal0,1", "uniform(-2,2)"} or an array of θ.

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
        return self.values[(u * self.values.size).astype(np.int64)]

    def __str__(self) -> str:
        if self.kind == "empirical":
            return f"empirical({self.values.size} values)"
        return f"{self.kind}({self.first:g},{self.second:g})"


def _parsed(text: str) -> Population:
    match = _FORM.fullmatch(text.strip().lower())
    if match is None or bool(match[2]) != bool(match[5]):
        raise InvalidParameterError(f"theta_dist is {text!r}: give {_FORMS}")
    first, second = float(match[3]), float(match[4])
    if max(abs(first), abs(second)) > _FARTHEST:
        raise InvalidParameterError(
            f"theta_dist is {text!r}: give logits from -{_FARTHEST:g} to {_FARTHEST:g}"
        )
    if match[1] == "normal" and second <= 0:
        raise InvalidParameterError(f"theta_dist is {text!r}: the sd must be > 0")
    if match[1] == "uniform" and first >= second:
        raise InvalidParameterError(f"theta_dist is {text!r}: low must be below high")
    return Population("normal" if match[1] == "normal" else "uniform", first, second, np.empty(0))


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
