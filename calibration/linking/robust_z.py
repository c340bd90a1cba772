"""The robust z statistic of drift: how far a difference lies from the bulk of differences.

What never lives here: what is done about it.
"""

from __future__ import annotations

import numpy as np

from calibration.arrays import FloatArray

IQR_OF_NORMAL = 0.74  # makes the interquartile range an SD, as Huynh & Meyer (2010) write it
SMALLEST_SPREAD = 1e-6  # below this, differences are rounding, not drift


def robust_z(difference: FloatArray) -> FloatArray:
    """(d − median) / (0.74·IQR) (Huynh & Meyer 2010, equation 1).

    Args:
        difference: old minus new per item, shape (K,).

    Returns:
        Robust z per item, shape (K,).
    """
    low, middle, high = np.percentile(difference, [25, 50, 75])
    spread = max(IQR_OF_NORMAL * (high - low), SMALLEST_SPREAD)
    return np.asarray((difference - middle) / spread)
