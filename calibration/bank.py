"""The item bank that every other module takes: item parameters as arrays.

What never lives here: estimation, selection, or anything that reads a file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.errors import InvalidParameterError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, init=False, eq=False)
class ItemBank:
    """Item parameters of the three-parameter logistic model.

    P(θ) = c + (1 − c)·logistic(D·a·(θ − b)); the 2PL has c = 0, the 1PL also a common a.

    Attributes:
        a: discriminations, shape (J,), > 0.
        b: difficulties, shape (J,), in units of θ.
        c: lower asymptotes, shape (J,), in [0, 1).
        topic: topic codes, shape (J,), or None where topics play no part.
        D: scaling constant, 1.7 for the normal-ogive metric and 1.0 for the logistic metric.
    """

    a: FloatArray
    b: FloatArray
    c: FloatArray
    topic: IntArray | None
    D: float

    def __init__(
        self,
        a: npt.ArrayLike,
        b: npt.ArrayLike,
        c: npt.ArrayLike | None = None,
        topic: npt.ArrayLike | None = None,
        D: float = 1.7,
    ) -> None:
        """Copies and checks the parameters.

        Raises:
            InvalidParameterError: shapes differ, the bank is empty, a value is not finite, a ≤ 0,
                c outside [0, 1), or D ≤ 0.
        """
        a_ = _column("a", a)
        b_ = _column("b", b)
        c_ = np.zeros_like(a_) if c is None else _column("c", c)
        if a_.size == 0:
            raise InvalidParameterError("the item bank is empty: give at least one item")
        for name, values in (("b", b_), ("c", c_)):
            if values.shape != a_.shape:
                raise InvalidParameterError(
                    f"{name} has {values.size} items and a has {a_.size}: give one value per item"
                )
        _refuse("a", a_, a_ <= 0, "discriminations must be > 0; drop or reverse the item")
        _refuse("c", c_, (c_ < 0) | (c_ >= 1), "lower asymptotes must be in [0, 1)")
        if not np.isfinite(D) or D <= 0:
            raise InvalidParameterError(f"D is {D}: use 1.7 (normal metric) or 1.0 (logistic)")
        object.__setattr__(self, "a", a_)
        object.__setattr__(self, "b", b_)
        object.__setattr__(self, "c", c_)
        object.__setattr__(self, "topic", _topic(topic, a_.size))
        object.__setattr__(self, "D", float(D))

    def __len__(self) -> int:
        return int(self.a.size)


def _column(name: str, values: npt.ArrayLike) -> FloatArray:
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(f"{name} is not numeric: {error}") from error
    if array.ndim != 1:
        raise InvalidParameterError(f"{name} has shape {array.shape}: give a flat array (J,)")
    _refuse(name, array, ~np.isfinite(array), "values must be finite")
    array.setflags(write=False)
    return array


def _refuse(name: str, values: FloatArray, bad: npt.NDArray[np.bool_], remedy: str) -> None:
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise InvalidParameterError(
            f"{name}[{first}] is {values[first]} ({int(bad.sum())} such items): {remedy}"
        )


def _topic(topic: npt.ArrayLike | None, size: int) -> IntArray | None:
    if topic is None:
        return None
    array = np.asarray(topic)
    if array.shape != (size,):
        raise InvalidParameterError(f"topic has shape {array.shape}: give one code per item")
    if not np.issubdtype(array.dtype, np.integer):
        raise InvalidParameterError(f"topic has dtype {array.dtype}: give integer codes")
    codes = array.astype(np.int64)
    codes.setflags(write=False)
    return codes
