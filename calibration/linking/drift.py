"""Item parameter drift: have parameters moved since the last published run?

Both calibrations must be on one scale (see `scale`).

What never lives here: what is done about drift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, check_numbers
from calibration.errors import InvalidParameterError
from calibration.irt.known import KnownItems
from calibration.linking.robust_z import robust_z
from calibration.significance import chi_square_p


@dataclass(frozen=True, eq=False)
class Drift:
    """Drift of K items.

    Attributes:
        robust_z_a: robust z of log a, shape (K,).
        robust_z_b: robust z of b, shape (K,).
        wald: Wald statistic of (a, b), two degrees of freedom (one where an a has no variance, as
            in the 1PL), shape (K,); 0 where neither run gives standard errors.
        p_value: of the Wald statistic, shape (K,); 1 where there is none.
        drifted: beyond the critical robust z and, where there is a Wald statistic, p < alpha.
    """

    robust_z_a: FloatArray
    robust_z_b: FloatArray
    wald: FloatArray
    p_value: FloatArray
    drifted: npt.NDArray[np.bool_]


def drift(
    old: KnownItems, new: KnownItems, *, critical_z: float = 2.7, alpha: float = 0.01
) -> Drift:
    """Compares items that two runs share, on one scale.

    The robust z (Huynh & Meyer 2010) asks whether an item moved further than the others did; the
    Wald statistic (Lord 1980, section 14.2; a and b taken as uncorrelated within a run) whether it
    moved further than its standard errors allow. With large samples the Wald test alone flags
    trifles, with few items the robust z alone flags noise: an item counts as drifted by both.

    Args:
        old: the published run; its item codes must be those of `new`, in order.
        new: the run to judge.
        critical_z: |robust z| beyond which an item has moved.
        alpha: level of the Wald test.

    Raises:
        InvalidParameterError: other items, fewer than 3 of them, or an option out of range.
    """
    if old.item.shape != new.item.shape or (old.item != new.item).any():
        raise InvalidParameterError(
            "old and new hold different items: pass the common ones, in order"
        )
    if old.item.size < 3:
        raise InvalidParameterError(
            f"there are {old.item.size} common items: drift needs at least 3"
        )
    check_numbers(critical_z=critical_z, alpha=alpha)
    if not (critical_z > 0 and 0 < alpha < 1):
        raise InvalidParameterError(
            f"critical_z is {critical_z} and alpha is {alpha}: give > 0 and between 0 and 1"
        )
    z_a = robust_z(np.log(old.a) - np.log(new.a))
    z_b = robust_z(old.b - new.b)
    wald, freedom = np.zeros(old.item.size), np.zeros(old.item.size)
    for before, now, se_before, se_now in (
        (old.a, new.a, old.se_a, new.se_a),
        (old.b, new.b, old.se_b, new.se_b),
    ):
        variance = se_before**2 + se_now**2
        known = np.isfinite(variance) & (variance > 0)
        wald[known] += (before - now)[known] ** 2 / variance[known]
        freedom[known] += 1
    p_value = np.where(freedom > 0, chi_square_p(wald, np.maximum(freedom, 1)), 1.0)
    moved = np.maximum(np.abs(z_a), np.abs(z_b)) > critical_z
    return Drift(z_a, z_b, wald, p_value, moved & ((freedom == 0) | (p_value < alpha)))
