"""The array types that the whole package speaks of, and how what a caller gives becomes one."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.errors import InvalidParameterError

FloatArray = npt.NDArray[np.float64]
SingleArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
CodeArray = npt.NDArray[np.int32]
ByteArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]


def refuse_mask(name: str, values: object) -> None:
    """Refuses masked entries: numpy drops a mask in silence, and what it hides would count.

    Raises:
        InvalidParameterError: some are masked.
    """
    if isinstance(values, np.ma.MaskedArray) and (
        hidden := int(np.sum(np.ma.getmaskarray(values)))
    ):
        raise InvalidParameterError(
            f"{name} is masked in {hidden} of {values.size} places: masks are not read; leave "
            "those entries out, in every array that goes with it"
        )


def unmasked(
    name: str, values: npt.ArrayLike, dtype: npt.DTypeLike | None = None
) -> npt.NDArray[Any]:
    """Values as an array, of which none is masked.

    Raises:
        InvalidParameterError: some are masked.
    """
    refuse_mask(name, values)
    return np.asarray(values, dtype)


def check_numbers(**values: object) -> None:
    """Refuses what is not one number each: a list, an array, a text, True.

    Raises:
        InvalidParameterError: naming the argument and what it is.
    """
    for name, value in values.items():
        if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
            raise InvalidParameterError(f"{name} is {value!r}: give one number")
