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
