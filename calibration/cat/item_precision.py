"""What an answer at some θ adds to what is known of an item's a and b.

Which of several new items an examinee should have is asked here (restricted D-optimal design). What
never lives here: estimation, and the choice for one examinee.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray
from calibration.bank import ItemBank
from calibration.cat.information import information
from calibration.cat.ranking import normal_weights
from calibration.errors import InvalidParameterError

SPAN = np.linspace(-4.0, 4.0, 33)
"""θ, in SDs from the population's mean, at which gains are averaged."""


def precision_gain(
    bank: ItemBank,
    se_a: npt.ArrayLike,
    se_b: npt.ArrayLike,
    correlation: npt.ArrayLike,
    theta: npt.ArrayLike,
) -> FloatArray:
    """Gain in the log determinant of the precision of (a, b) by one answer, shape (Q, J).

    The information of an answer on (a, b) is I(θ)·v·vᵀ with v = ((θ − b)/a, −1), so that the gain
    is log(1 + I(θ)·vᵀΣv) (van der Linden & Ren 2015, D-optimality). c counts as known.

    Args:
        bank: J dichotomous items, provisional.
        se_a: standard errors of a, shape (J,); 0 where a is known.
        se_b: of b, shape (J,).
        correlation: of the two, shape (J,).
        theta: shape (Q,).

    Raises:
        InvalidParameterError: an error is negative or no number, or a correlation is beyond ±1.
    """
    at = np.atleast_1d(np.asarray(theta, float))
    errors = np.broadcast_arrays(*(np.asarray(x, float) for x in (se_a, se_b, correlation)), bank.b)
    wide_a, wide_b, together = errors[:3]
    if not (np.isfinite(wide_a) & np.isfinite(wide_b) & (wide_a >= 0) & (wide_b >= 0)).all():
        raise InvalidParameterError("a standard error is negative or no number: give values ≥ 0")
    if not (np.abs(together) <= 1).all():
        raise InvalidParameterError("a correlation lies beyond ±1")
    slope = (at[:, None] - bank.b) / bank.a * wide_a
    spread = slope**2 - 2 * slope * wide_b * together + wide_b**2
    return np.log1p(information(bank, at) * np.maximum(spread, 0.0))


def relative_gain(
    bank: ItemBank,
    se_a: npt.ArrayLike,
    se_b: npt.ArrayLike,
    correlation: npt.ArrayLike,
    theta: npt.ArrayLike,
    *,
    mean: float = 0.0,
    sd: float = 1.0,
) -> FloatArray:
    """The same as a multiple of what the item gains of a random examinee, shape (Q, J).

    Where items are to have equal shares it says whose answers each should have: the gain itself
    would give most to those that are learnt most easily.

    Args:
        bank: J dichotomous items, provisional.
        se_a: standard errors of a, shape (J,); 0 where a is known.
        se_b: of b, shape (J,).
        correlation: of the two, shape (J,).
        theta: shape (Q,).
        mean: of ability in the population.
        sd: its standard deviation.
    """
    known = (bank, se_a, se_b, correlation)
    nodes = mean + sd * SPAN
    usual = normal_weights(nodes, mean, sd) @ precision_gain(*known, nodes)
    gain = precision_gain(*known, theta)
    return np.divide(gain, usual, out=np.zeros_like(gain), where=usual > 0)


def correlation_of_errors(bank: ItemBank, item: npt.ArrayLike, theta: npt.ArrayLike) -> FloatArray:
    """Correlation of the errors of a and b by who answered, shape (J,); 0 without two abilities.

    Args:
        bank: J dichotomous items.
        item: positions in the bank, shape (M,).
        theta: ability of who answered, shape (M,).
    """
    code, ability = np.asarray(item, np.int64), np.asarray(theta, float)
    count = len(bank)
    weight = np.empty(code.size)
    by_item = np.argsort(code, kind="stable")
    edges = np.searchsorted(code[by_item], np.arange(1, count))
    for j, own in enumerate(np.split(by_item, edges)):
        if own.size:
            alone = bank.only(np.arange(count) == j)
            weight[own] = information(alone, ability[own])[:, 0]
    slope = (ability - bank.b[code]) / bank.a[code]
    of_a = np.bincount(code, weight * slope**2, count)
    of_b = np.bincount(code, weight, count)
    both = np.bincount(code, -weight * slope, count)
    scale = np.sqrt(of_a * of_b)
    # of the inverse of [[of_a, both], [both, of_b]]
    found = np.divide(-both, scale, out=np.zeros(count), where=scale > 0)
    return np.clip(found, -0.999, 0.999)
