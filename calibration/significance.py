"""Tail probabilities and quantiles of test statistics.

They come from `scipy.special`: importing `scipy.stats` takes longer than the rest of this package.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc


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
