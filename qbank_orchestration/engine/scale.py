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
    from calibration import ItemBank
    from calibration.irt import FitResult, KnownItems

FEWEST_ANCHORS = 10
"""Fewer cannot tell a drifted anchor from the rest, so a scale is not hung on them."""


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

    def known(self, scaling_constant: float) -> KnownItems | None:
        """The published items as a fit with that constant takes them, None without any."""
        if not self.published:
            return None
        from calibration.irt import KnownItems

        rows = self.published
        unit = [row.scaling_constant / scaling_constant for row in rows]
        return KnownItems(
            self.item,
            [row.a * own for row, own in zip(rows, unit, strict=True)],
            [row.b for row in rows],
            [row.c for row in rows],
            D=scaling_constant,
            se_a=[(row.se_a or 0.0) * own for row, own in zip(rows, unit, strict=True)],
            se_b=[row.se_b or 0.0 for row in rows],
            se_c=[row.se_c or 0.0 for row in rows],
        )


@dataclass(frozen=True, eq=False)
class Scaled:
    """Parameters on the published scale: a/A and A·b + B.

    Attributes:
        a: shape (J,).
        b: shape (J,).
        A: slope of the linking, 1 where there was nothing to link to.
        summary: method, A, B, anchors used and dropped, items that drifted.
    """

    a: npt.NDArray[np.float64]
    b: npt.NDArray[np.float64]
    A: float
    summary: dict[str, Any]


def on_old_scale(
    fit: FitResult, usable: npt.NDArray[np.bool_], old: OldScale, *, method: str
) -> Scaled:
    """Links a free fit to the published scale by the items that both have.

    Args:
        fit: a free calibration.
        usable: items whose estimates may be used, shape (J,).
        old: the published items among them.
        method: of ``calibration.linking``: "stocking_lord", "haebara" or "mean_sigma".

    Raises:
        calibration.InvalidParameterError: the method is unknown.
    """
    from calibration.linking import link

    anchors = usable[old.item]
    published = old.known(fit.D)
    if published is None or int(anchors.sum()) < FEWEST_ANCHORS:
        reason = "no published items" if published is None else "too few published items"
        return Scaled(fit.a, fit.b, 1.0, {"method": f"none: {reason}", "anchors": 0})
    codes = old.item[anchors]
    found = link(_bank(published, anchors, fit), _bank(fit, codes, fit), method=method)
    a, b = fit.a / found.A, found.A * fit.b + found.B
    return Scaled(
        a,
        b,
        found.A,
        {
            "method": method,
            "A": found.A,
            "B": found.B,
            "anchors": int(found.anchors.size),
            "dropped": int(found.dropped.size),
            "moved_together": found.moved_together,
            "loss": found.loss,
            **_drift(published, anchors, codes, fit, a, b, found.A),
        },
    )


def _bank(items: FitResult | KnownItems, chosen: npt.NDArray[Any], fit: FitResult) -> ItemBank:
    from calibration import ItemBank

    return ItemBank(items.a[chosen], items.b[chosen], items.c[chosen], D=fit.D)


def _drift(
    published: KnownItems,
    anchors: npt.NDArray[np.bool_],
    codes: npt.NDArray[np.int64],
    fit: FitResult,
    a: npt.NDArray[np.float64],
    b: npt.NDArray[np.float64],
    slope: float,
) -> dict[str, int]:
    """How many published items moved further than the others and than their errors allow."""
    from calibration.irt import KnownItems
    from calibration.linking import drift

    before = KnownItems(
        codes,
        published.a[anchors],
        published.b[anchors],
        se_a=published.se_a[anchors],
        se_b=published.se_b[anchors],
    )
    now = KnownItems(
        codes, a[codes], b[codes], se_a=fit.se_a[codes] / slope, se_b=fit.se_b[codes] * slope
    )
    return {"compared": int(codes.size), "drifted": int(drift(before, now).drifted.sum())}
