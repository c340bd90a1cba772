"""Tail probabilities and quantiles of test statistics.

They come from `scipy.special`: importing `scipy.stats` takes longer than the rest of this package.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, gamma


def chi_square_p(statistic: ArrayLike, df: ArrayLike) -> NDArray[np.float64]:
    """Probability that a χ² variable exceeds a statistic.

    Args:
        statistic: χ² values; one that rounding left below zero counts as zero.
        df: degrees of freedom, above zero; broadcast against `statistic`.

    Returns:
        p values in [0, 1], in the broadcast shape; NaN where `statistic` is NaN.
    """
    return np.asarray(chdtrc(df, np.maximum(statistic, 0.0)), dtype=float)


def false_discovery_q(p_value: ArrayLike) -> NDArray[np.float64]:
    """The false discovery rate at which each hypothesis is rejected, after Benjamini & Hochberg.

    Args:
        p_value: of m hypotheses, shape (m,).

    Returns:
        q values in [0, 1], shape (m,): the smallest rate at which the hypothesis is rejected.
    """
    p = np.asarray(p_value, dtype=float)
    order = np.argsort(p, kind="stable")[::-1]
    ranked = p[order] * p.size / np.arange(p.size, 0, -1)
    q = np.empty(p.size)
    q[order] = np.minimum.accumulate(np.minimum(ranked, 1.0))
    return q


def longest_bridge_p(
    x: NDArray[np.float64], length: NDArray[np.float64], dimensions: int
) -> NDArray[np.float64]:
    """Probability that standardised Brownian bridges are ever longer than x.

    Csörgő & Horváth 1997, corollary 1.3.1; not below that of one moment, where there is no other.

    Args:
        x: length that is exceeded, above 1.
        length: log((1 − s) t / ((1 − t) s)) of the range s to t of moments, in the shape of `x`.
        dimensions: how many independent bridges.

    Returns:
        Probabilities in the shape of `x`; beyond 1 where x is too small for the formula.
    """
    at_one = np.asarray(chdtrc(dimensions, x * x), dtype=float)
    height = x**dimensions * np.exp(-0.5 * x * x) / (2 ** (dimensions / 2) * gamma(dimensions / 2))
    ever = height * (length * (1.0 - dimensions / x**2) + 4.0 / x**2)
    return np.where(length > 0, np.maximum(ever, at_one), at_one)
