"""Exposure as it was observed beside what a certificate predicted, item by item.

What never lives here: why they part (population, pool, conditions), and reading counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from calibration.arrays import BoolArray, FloatArray, IntArray, check_numbers, unmasked
from calibration.errors import InvalidParameterError


@dataclass(frozen=True, eq=False)
class ObservedExposure:
    """Observed rates against predicted ones.

    Attributes:
        sittings: N, of all days.
        predicted: P(A) as simulated, shape (J,).
        observed: share of the sittings in which the item was served, shape (J,).
        p: two-sided mid-p values, shape (J,): uniform where the prediction holds.
        parted: items whose rate is another one, shape (J,): false-discovery rate and margin.
        dispersion: variance of the days' counts over that of independent sittings; at least 1.
        fdr: false-discovery rate of `parted`.
        margin: difference of rates up to which an item counts as served as predicted.
    """

    sittings: int
    predicted: FloatArray
    observed: FloatArray
    p: FloatArray
    parted: BoolArray
    dispersion: float
    fdr: float
    margin: float

    @property
    def largest(self) -> float:
        """Largest |observed − predicted|; 0 without items."""
        return float(np.abs(self.observed - self.predicted).max(initial=0.0))


def observed_exposure(
    predicted: npt.ArrayLike,
    served: npt.ArrayLike,
    sittings: npt.ArrayLike,
    *,
    predicted_n: int,
    fdr: float = 0.01,
    margin: float = 0.01,
) -> ObservedExposure:
    """Tests each item's observed rate against its predicted one.

    Given the rate, the count of N independent sittings is binomial. Sittings of one day may be
    alike (a school, a course), so the variance is multiplied by the dispersion that the days show
    (McCullagh & Nelder 1989, §4.5), and the prediction's own simulation error is added. Items part
    by Benjamini & Hochberg (1995), so that where all predictions hold the probability of any alarm
    is `fdr`; and by more than `margin`, since with many sittings the smallest difference is
    significant.

    Args:
        predicted: P(A) of a simulation, shape (J,).
        served: sittings in which each item was served, by day, shape (D, J).
        sittings: by day, shape (D,).
        predicted_n: examinees of the simulation.
        fdr: false-discovery rate, in (0, 1).
        margin: smallest difference of rates that matters, ≥ 0.

    Raises:
        InvalidParameterError: shapes differ, a rate is none, an item was served in more sittings
            than there were, or an option is out of range.
    """
    rate, count, days = _checked(predicted, served, sittings)
    check_numbers(predicted_n=predicted_n, fdr=fdr, margin=margin)
    if predicted_n < 1 or not 0 < fdr < 1 or not margin >= 0:
        raise InvalidParameterError(
            f"predicted_n is {predicted_n}, fdr {fdr}, margin {margin}:"
            " give predicted_n ≥ 1, 0 < fdr < 1 and margin ≥ 0"
        )
    n, total = int(days.sum()), count.sum(axis=0)
    if n == 0 or rate.size == 0:
        nothing = np.zeros(rate.size)
        parted = np.zeros(rate.size, bool)
        return ObservedExposure(n, rate, nothing, np.ones(rate.size), parted, 1.0, fdr, margin)
    observed = total / n
    dispersion = _dispersion(count, days, observed)
    # nobody of predicted_n is not "never"
    expected = np.clip(rate, 0.5 / predicted_n, 1 - 0.5 / predicted_n)
    p = _mid_p(total, n, expected, dispersion + n / predicted_n)
    parted = _discoveries(p, fdr) & (np.abs(observed - rate) > margin)
    return ObservedExposure(n, rate, observed, p, parted, dispersion, fdr, margin)


def _dispersion(count: IntArray, days: IntArray, rate: FloatArray) -> float:
    """Variance of the days' counts within items over the binomial one; 1 where it is less.

    Summed over the items before it is divided, so that rare items add no noise.
    """
    n = days.sum()
    binomial = (rate * (1 - rate)).sum() * (days * (1 - days / n)).sum()
    seen = ((count - days[:, None] * rate) ** 2).sum()
    return max(1.0, float(seen / binomial)) if binomial > 0 else 1.0


def _mid_p(count: IntArray, n: int, rate: FloatArray, spread: float) -> FloatArray:
    """Two-sided mid-p of a binomial count whose variance is `spread` times as large.

    Count and number are those of the smaller binomial sample that has this variance.
    """
    x, size = count / spread, n / spread
    at_least = np.where(x > 0, betainc(np.maximum(x, 1e-12), size - x + 1, rate), 1.0)
    more = np.where(size - x > 0, betainc(x + 1, np.maximum(size - x, 1e-12), rate), 0.0)
    upper = (at_least + more) / 2
    return np.asarray(np.minimum(1.0, 2 * np.minimum(upper, 1 - upper)))


def _discoveries(p: FloatArray, fdr: float) -> BoolArray:
    """Benjamini & Hochberg: items up to the last of the ascending p that is ≤ fdr·rank/J."""
    order = np.argsort(p, kind="stable")
    below = np.flatnonzero(p[order] <= fdr * np.arange(1, p.size + 1) / p.size)
    found = np.zeros(p.size, bool)
    if below.size:
        found[order[: below[-1] + 1]] = True
    return found


def _checked(
    predicted: npt.ArrayLike, served: npt.ArrayLike, sittings: npt.ArrayLike
) -> tuple[FloatArray, IntArray, IntArray]:
    rate = unmasked("predicted", predicted, np.float64)
    count, days = unmasked("served", served), unmasked("sittings", sittings)
    if rate.ndim != 1 or days.ndim != 1 or count.shape != (days.size, rate.size):
        raise InvalidParameterError(
            f"predicted has shape {rate.shape}, served {count.shape}, sittings {days.shape}:"
            " give (J,), (D, J) and (D,)"
        )
    wrong = ~((rate >= 0) & (rate <= 1))
    if wrong.any():
        item = int(np.flatnonzero(wrong)[0])
        raise InvalidParameterError(f"predicted[{item}] is {rate[item]}: rates lie in [0, 1]")
    if (count < 0).any() or (count > days[:, None]).any():
        day, item = (int(i) for i in np.argwhere((count < 0) | (count > days[:, None]))[0])
        raise InvalidParameterError(
            f"served[{day}, {item}] is {count[day, item]} of {days[day]} sittings: an item is"
            " served in none to all of them"
        )
    return rate, count.astype(np.int64), days.astype(np.int64)
