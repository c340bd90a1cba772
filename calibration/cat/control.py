"""What restrains a selection: exposure parameters and the blueprint quota, checked once.

What never lives here: how exposure parameters are found (calibration.exposure).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, IntArray, refuse_mask, unmasked
from calibration.cat.arrays import Control
from calibration.cat.ranking import RankedBank
from calibration.errors import InvalidParameterError

Quota = Mapping[int, tuple[int, int]]
_FREE = int(np.iinfo(np.int32).max)  # most items of a topic without a bound


@dataclass(frozen=True, eq=False)
class ExposureControl:
    """Exposure parameters and quota of one bank, ready for selection. Immutable: share it freely.

    Attributes:
        sh_p: shape (S, J); S = 1, or one row per stratum of θ̂.
        edges: θ that separate the strata, shape (S − 1,).
        quota_min: fewest items of each of the bank's topics, shape (T,); T = 0 without a quota.
        quota_max: most items of each topic, shape (T,).
        arrays: the same as the compiled kernels take them.
    """

    sh_p: FloatArray
    edges: FloatArray
    quota_min: IntArray
    quota_max: IntArray
    arrays: Control = field(repr=False)

    @classmethod
    def of(
        cls,
        ranked: RankedBank,
        sh_p: ExposureControl | npt.ArrayLike | None = None,
        *,
        edges: npt.ArrayLike = (),
        quota: Quota | None = None,
    ) -> ExposureControl:
        """Checks exposure parameters and a quota against a bank.

        Args:
            ranked: the bank.
            sh_p: (J,) or, by stratum of θ̂, (S, J); None: 1 for all (no control).
            edges: θ between the strata, ascending, shape (S − 1,).
            quota: topic code → (fewest, most) items in one test; a topic not named is free.

        Raises:
            InvalidParameterError: a shape, a value or a topic is wrong.
        """
        if isinstance(sh_p, ExposureControl):
            if quota is None:
                return sh_p
            return cls.of(ranked, sh_p.sh_p, edges=sh_p.edges, quota=quota)
        table = _sh_p(sh_p, len(ranked))
        cuts = unmasked("edges", edges).astype(np.float64)
        if cuts.shape != (len(table) - 1,) or not (np.diff(cuts) > 0).all():
            raise InvalidParameterError(
                f"edges has shape {cuts.shape} and sh_p {len(table)} strata: "
                f"give {len(table) - 1} ascending values of θ between the strata"
            )
        least, most = _quota(ranked, quota)
        arrays = Control(
            sh_p=table,
            row_stratum=np.searchsorted(cuts, ranked.grid, side="right").astype(np.int32),
            quota_min=least.astype(np.int32),
            quota_max=most.astype(np.int32),
        )
        for array in (*arrays, cuts, least, most):
            array.setflags(write=False)
        return cls(table, cuts, least, most, arrays)

    def quota(self, ranked: RankedBank) -> dict[int, tuple[int, int]]:
        """Topic code → (fewest, most) items in one test, of the topics that are bounded."""
        bounds = zip(ranked.topics.tolist(), self.quota_min, self.quota_max, strict=False)
        return {
            code: (int(low), int(high)) for code, low, high in bounds if low > 0 or high < _FREE
        }

    def at(self, ranked: RankedBank, theta: float) -> FloatArray:
        """Exposure parameters that selection looks up at θ̂, shape (J,): those of its stratum."""
        row = int(np.abs(ranked.grid - theta).argmin())
        return self.sh_p[self.arrays.row_stratum[row]]

    def with_sh_p(self, sh_p: FloatArray) -> ExposureControl:
        """The same quota under other exposure parameters that need no check, (J,) or (S, J)."""
        table = np.array(sh_p, dtype=np.float64, ndmin=2)
        table.setflags(write=False)
        arrays = self.arrays._replace(sh_p=table)
        if len(table) != len(self.sh_p):
            if len(table) > 1:
                raise InvalidParameterError(f"sh_p has {len(table)} strata: make a new control")
            rows = np.zeros_like(arrays.row_stratum)
            rows.setflags(write=False)
            arrays = arrays._replace(row_stratum=rows)
        edges = self.edges if len(table) > 1 else self.edges[:0]
        return ExposureControl(table, edges, self.quota_min, self.quota_max, arrays)


def _sh_p(sh_p: npt.ArrayLike | None, items: int) -> FloatArray:
    if sh_p is None:
        return np.ones((1, items))
    refuse_mask("sh_p", sh_p)
    try:
        table = np.atleast_2d(np.array(sh_p, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(f"sh_p is not numeric: {error}") from error
    if table.ndim != 2 or table.shape[1] != items or len(table) == 0:
        raise InvalidParameterError(
            f"sh_p has shape {np.shape(sh_p)}: give ({items},), or (strata, {items})"
        )
    bad = ~((table >= 0) & (table <= 1))
    if bad.any():
        stratum, item = (int(i) for i in np.argwhere(bad)[0])
        raise InvalidParameterError(
            f"sh_p of item {item} is {table[stratum, item]} ({int(bad.sum())} such values): "
            "exposure parameters are probabilities in [0, 1]"
        )
    return np.ascontiguousarray(table)


def _quota(ranked: RankedBank, quota: Quota | None) -> tuple[IntArray, IntArray]:
    if quota is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    codes = {int(code): index for index, code in enumerate(ranked.topics)}
    least = np.zeros(len(codes), np.int64)
    most = np.full(len(codes), _FREE, np.int64)
    for code, bounds in quota.items():
        if code not in codes:
            raise InvalidParameterError(
                f"quota names topic {code}, of which the bank has no item: it has {sorted(codes)}"
            )
        low, high = bounds
        if not 0 <= low <= high:
            raise InvalidParameterError(
                f"quota of topic {code} is {bounds}: give (fewest, most), 0 ≤ fewest ≤ most"
            )
        least[codes[code]], most[codes[code]] = low, min(high, most[codes[code]])
    return least, most


def check_length(
    ranked: RankedBank,
    control: ExposureControl,
    test_length: int,
    available: npt.NDArray[np.bool_],
) -> None:
    """Refuses a test that the available items or the quota cannot fill.

    Args:
        ranked: the bank.
        control: with the quota.
        test_length: items per test.
        available: shape (J,).

    Raises:
        InvalidParameterError: naming what falls short.
    """
    if isinstance(test_length, bool) or not isinstance(test_length, int | np.integer):
        raise InvalidParameterError(f"test_length is {test_length!r}: give an integer ≥ 1")
    if test_length < 1:
        raise InvalidParameterError(f"test_length is {test_length}: give an integer ≥ 1")
    if test_length > available.sum():
        raise InvalidParameterError(
            f"test_length is {test_length}, the pool has {int(available.sum())} items available: "
            "shorten the test or enlarge the pool"
        )
    if control.quota_min.size == 0:
        return
    supply = np.bincount(ranked.pool.topic[available], minlength=ranked.topics.size)
    short = control.quota_min > supply
    if short.any():
        t = int(np.flatnonzero(short)[0])
        raise InvalidParameterError(
            f"quota wants {control.quota_min[t]} items of topic {ranked.topics[t]}, "
            f"the pool has {supply[t]}: lower the quota or add items"
        )
    if control.quota_min.sum() > test_length:
        raise InvalidParameterError(
            f"the quota's minima add up to {control.quota_min.sum()}, test_length is {test_length}"
        )
    most = int(np.minimum(control.quota_max, supply).sum())
    if most < test_length:
        raise InvalidParameterError(
            f"under the quota's maxima the pool gives {most} items, test_length is {test_length}"
        )
