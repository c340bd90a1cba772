"""The robust z statistic of drift: how far a difference lies from the bulk of differences.

What never lives here: what is done about it.
"""

from __future__ import annotations

import numpy as np

from calibration.arrays import FloatArray

IQR_OF_NORMAL = 0.74  # makes the interquartile range an SD, as Huynh & Meyer (2010) write it
SMALLEST_SPREAD = 1e-6  # below this, differences are rounding, not drift
FEWEST_OF_TWO = 10  # differences in which two groups can be told apart
HALF_OF_NORMAL = 1.349  # width of the shortest half of normal values, in SDs


def robust_z(difference: FloatArray) -> FloatArray:
    """(d − median) / (0.74·IQR) (Huynh & Meyer 2010, equation 1).

    Where more than a quarter moved together the quartiles lie among them, and nothing would stand
    out: there the z is from the middle and the width of the shortest half, which up to half of the
    items cannot bend (Rousseeuw & Leroy 1987, ch. 4).

    Args:
        difference: old minus new per item, shape (K,).

    Returns:
        Robust z per item, shape (K,).
    """
    middle, spread, _ = _bulk(difference)
    return np.asarray((difference - middle) / max(spread, SMALLEST_SPREAD))


def moved_together(difference: FloatArray) -> bool:
    """Whether the differences fall in two groups: quartiles too far apart for one.

    Of K normal differences the range of the quartiles exceeds 1 + 5/√K widths of the shortest half
    once in a thousand times (once in a hundred where K is 10; simulated). Fewer than ten do not
    tell; nor does one group beside equal differences, as of parameters that were copied.

    Args:
        difference: old minus new per item, shape (K,).
    """
    return _bulk(difference)[2]


def _bulk(difference: FloatArray) -> tuple[float, float, bool]:
    """Middle and SD of the bulk of the differences, and whether there are two groups of them."""
    low, middle, high = np.percentile(difference, [25, 50, 75])
    all_alike = float(middle), float(IQR_OF_NORMAL * (high - low)), False
    if difference.size < FEWEST_OF_TWO:
        return all_alike
    values = np.sort(difference)
    most = values.size // 2 + 1
    widths = values[most - 1 :] - values[: values.size - most + 1]
    first = int(widths.argmin())
    width = float(widths[first])
    if width <= SMALLEST_SPREAD or high - low <= width * (1 + 5 / np.sqrt(values.size)):
        return all_alike
    return float(values[first : first + most].mean()), width / HALF_OF_NORMAL, True
