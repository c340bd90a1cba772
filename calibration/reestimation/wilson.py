"""Wilson's interval of a rate.

What never lives here: what a rate is of.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from calibration.arrays import FloatArray


def wilson_interval(
    rate: FloatArray, trials: FloatArray, confidence: float
) -> tuple[FloatArray, FloatArray]:
    """Score interval of a binomial rate (Wilson 1927).

    Args:
        rate: observed share in [0, 1], any shape.
        trials: number of trials, ≥ 0, broadcast; 0 gives (0, 1).
        confidence: coverage in (0, 1).

    Returns:
        Lower and upper bound, of the shape of `rate`.
    """
    z = -ndtri((1 - confidence) / 2)
    n = np.asarray(trials, np.float64)
    centre = (rate * n + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(rate * (1 - rate) * n + z**2 / 4)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
