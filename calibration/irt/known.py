"""Item parameters known before a fit: anchors that are held, and the last published values.

What never lives here: estimation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.bank import FloatArray, IntArray, ItemBank
from calibration.errors import InvalidParameterError


@dataclass(frozen=True, init=False, eq=False)
class KnownItems:
    """Parameters of some items of a fit, by item code.

    Attributes:
        item: item codes, shape (K,), each once.
        a: discriminations, shape (K,), > 0.
        b: difficulties, shape (K,).
        c: lower asymptotes, shape (K,).
        se_a: standard errors, shape (K,); 0 where the value counts as exact.
        se_b: as `se_a`.
        se_c: as `se_a`.
    """

    item: IntArray
    a: FloatArray
    b: FloatArray
    c: FloatArray
    se_a: FloatArray
    se_b: FloatArray
    se_c: FloatArray

    def __init__(
        self,
        item: npt.ArrayLike,
        a: npt.ArrayLike,
        b: npt.ArrayLike,
        c: npt.ArrayLike | None = None,
        *,
        se_a: npt.ArrayLike | None = None,
        se_b: npt.ArrayLike | None = None,
        se_c: npt.ArrayLike | None = None,
    ) -> None:
        """Copies and checks the parameters.

        Raises:
            InvalidParameterError: shapes differ, a code is negative or twice there, a value is out
                of its range, or a standard error is negative or NaN.
        """
        bank = ItemBank(a, b, c)
        codes = np.asarray(item)
        if codes.shape != bank.a.shape or not np.issubdtype(codes.dtype, np.integer):
            raise InvalidParameterError(
                f"item of the known items has shape {codes.shape} and dtype {codes.dtype}: give "
                f"one integer code for each of {bank.a.size} parameters"
            )
        if (codes < 0).any() or np.unique(codes).size != codes.size:
            raise InvalidParameterError("item codes of the known items must be ≥ 0 and unique")
        object.__setattr__(self, "item", codes.astype(np.int64))
        for name in ("a", "b", "c"):
            object.__setattr__(self, name, getattr(bank, name))
        for name, value in (("se_a", se_a), ("se_b", se_b), ("se_c", se_c)):
            object.__setattr__(self, name, _errors(name, value, codes.size))

    def within(self, item_count: int) -> None:
        """Refuses codes beyond the items of a fit.

        Raises:
            InvalidParameterError: a code is `item_count` or more.
        """
        beyond = self.item[self.item >= item_count]
        if beyond.size:
            raise InvalidParameterError(
                f"known item {beyond[0]} is not among the {item_count} items of the fit: pass "
                "item_count, or drop it"
            )


def _errors(name: str, value: npt.ArrayLike | None, size: int) -> FloatArray:
    array = np.zeros(size) if value is None else np.array(value, np.float64)
    if array.shape != (size,):
        raise InvalidParameterError(f"{name} has shape {array.shape}: give one per item ({size})")
    if not (array >= 0).all():
        raise InvalidParameterError(f"{name} must be ≥ 0 and not NaN")
    return array
