"""Fisher information of a bank's items, and their order by it on a grid of θ.

What never lives here: rules that go by something else (``rules``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, IntArray
from calibration.bank import ItemBank
from calibration.compiled import kernel
from calibration.models import information_of
from calibration.threads import core_count, over_cores

Ranking = npt.NDArray[np.uint32]


def information(bank: ItemBank, theta: FloatArray) -> FloatArray:
    """Fisher information of each item, D²a²·(Q/P)·((P − c)/(1 − c))² in the 3PL, shape (Q, J).

    Args:
        bank: J dichotomous items.
        theta: shape (Q,).
    """
    out = np.empty((theta.size, len(bank)))
    order, weight = np.arange(len(bank), dtype=np.uint32), np.ones(len(bank))
    for at, row in zip(theta, out, strict=True):
        information_along(bank.rows, bank.curves, at, weight, order, row)
    return out


def ranking_on(
    bank: ItemBank, grid: FloatArray, threads: int | None, weight: FloatArray
) -> Ranking:
    """Item indices by falling information at each θ of a grid; ties in the order of the items.

    Args:
        bank: J dichotomous items.
        grid: shape (G,).
        threads: cores to use; None: all.
        weight: what information is multiplied by, shape (J,).

    Returns:
        uint32 (G, J).
    """
    rows, curves = bank.rows, bank.curves
    out = np.empty((grid.size, len(bank)), np.uint32)

    def rank(low: int, high: int) -> None:
        keys = np.empty((1, len(bank)), np.uint64)
        for row in range(low, high):
            information_keys(rows, curves, grid[row], weight, keys[0])
            keys.sort(axis=1)  # NumPy sorts 64-bit integers with vector instructions
            out[row] = keys[0] & np.uint64(0xFFFFFFFF)

    over_cores(rank, 0, grid.size, threads or core_count())
    return out


@kernel
def information_keys(
    rows: FloatArray,
    curves: IntArray,
    theta: float,
    weight: FloatArray,
    out: npt.NDArray[np.uint64],
) -> None:
    """Sort keys at θ: falling float32 weight·information in the high half, item in the low half."""
    for i in range(rows.shape[0]):
        information = weight[i] * information_of(curves, rows, i, 2, theta)
        bits = np.float32(information).view(np.uint32)
        out[i] = (np.uint64(np.uint32(0xFFFFFFFF) - bits) << np.uint64(32)) | np.uint64(i)


@kernel
def information_along(
    rows: FloatArray,
    curves: IntArray,
    theta: float,
    weight: FloatArray,
    order: Ranking,
    out: npt.NDArray[np.floating],
) -> None:
    """Weight·information at θ of the items in an order."""
    for k in range(order.shape[0]):
        item = np.int64(order[k])
        out[k] = weight[item] * information_of(curves, rows, item, 2, theta)
