"""What a search for exposure parameters reports while it runs, and how it is stopped.

What never lives here: the searches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from calibration.arrays import FloatArray, check_numbers
from calibration.cat.results import Simulation
from calibration.errors import InvalidParameterError

StoppedReason = Literal["converged", "max_iterations", "canceled"]


@dataclass(frozen=True)
class Iteration:
    """One iteration: the rates that the exposure parameters of its start produced.

    Attributes:
        iter: number of the iteration, from 1.
        total_iters: most iterations there will be.
        avg_exp: mean P(A) over the items that were administered at all.
        max_exp: largest P(A).
        max_over: largest P(A) − cap.
        overlap: test overlap.
        rmse: of θ̂.
        bias: of θ̂.
        gain: exponent α of the update that follows.
    """

    iter: int
    total_iters: int
    avg_exp: float
    max_exp: float
    max_over: float
    overlap: float
    rmse: float
    bias: float
    gain: float


OnIteration = Callable[[Iteration], object]
"""Called after each iteration; returning False cancels the search."""


def iteration_of(
    sim: Simulation, cap: FloatArray, number: int, total: int, gain: float
) -> Iteration:
    """Summarises a simulation as an iteration."""
    rate = sim.administered
    return Iteration(
        iter=number,
        total_iters=total,
        avg_exp=float(rate[rate > 0].mean()),
        max_exp=float(rate.max()),
        max_over=float((rate - cap).max()),
        overlap=sim.overlap,
        rmse=sim.rmse,
        bias=sim.bias,
        gain=gain,
    )


def check_search(n: int, iters: int, alpha: float, floor: float, ceil: float, tol: float) -> None:
    """Refuses settings of a search that are out of range.

    Raises:
        InvalidParameterError: naming the setting and its value.
    """
    for name, value in (("n", n), ("iters", iters)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise InvalidParameterError(f"{name} is {value!r}: give an integer ≥ 1")
    check_numbers(alpha=alpha, floor=floor, ceil=ceil, tol=tol)
    if not (np.isfinite(alpha) and 0 < alpha <= 1):
        raise InvalidParameterError(f"alpha is {alpha}: give a value in (0, 1]")
    if not (np.isfinite(floor) and np.isfinite(ceil) and 0 <= floor <= ceil <= 1 and ceil > 0):
        raise InvalidParameterError(
            f"floor is {floor} and ceil {ceil}: give 0 ≤ floor ≤ ceil ≤ 1, ceil > 0"
        )
    if not (np.isfinite(tol) and tol >= 0):
        raise InvalidParameterError(f"tol is {tol}: give a value ≥ 0")
