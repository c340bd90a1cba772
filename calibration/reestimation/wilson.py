"""Wilson's interval of a rate.

What never lives here: what a rate is of.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from calibration.bank import FloatArray


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
    n = np.broadcast_to(np.asarray(trials, np.float64), np.shape(rate))
    some = np.maximum(n, np.finfo(float).tiny)
    centre = (rate + z**2 / (2 * some)) / (1 + z**2 / some)
    half = z / (1 + z**2 / some) * np.sqrt(rate * (1 - rate) / some + (z / (2 * some)) ** 2)
    known = n > 0
    return (
        np.where(known, np.maximum(centre - half, 0.0), 0.0),
        np.where(known, np.minimum(centre + half, 1.0), 1.0),
    )
