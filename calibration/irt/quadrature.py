"""Quadrature over ability: where the latent distribution is evaluated, and with what weight.

What never lives here: anything that depends on responses or item parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.arrays import FloatArray, check_numbers
from calibration.errors import InvalidParameterError

LANES = 8  # table rows are padded to whole vectors of 8 doubles


def padded(nodes: int) -> int:
    """Row length of the tables for `nodes` nodes."""
    return -(-nodes // LANES) * LANES


@dataclass(frozen=True, eq=False)
class Quadrature:
    """Equally spaced (rectangular) nodes.

    A rectangle rule keeps its nodes apart by the same distance everywhere, so that it stays exact
    when a long test makes a person's posterior narrow. Gauss–Hermite with few nodes does not.

    Attributes:
        theta: nodes, shape (Q,), ascending.
    """

    theta: FloatArray

    def log_normal_weights(self, mean: float = 0.0, sd: float = 1.0) -> FloatArray:
        """Log of the normal density at the nodes, normalised to sum to one; shape (Q,)."""
        log_density = -0.5 * ((self.theta - mean) / sd) ** 2
        peak = log_density.max()
        return log_density - (peak + np.log(np.exp(log_density - peak).sum()))

    def doubled(self) -> Quadrature:
        """The same range with a node half-way between each two."""
        return Quadrature(np.linspace(self.theta[0], self.theta[-1], 2 * self.theta.size - 1))


def rectangular(nodes: int = 61, bounds: tuple[float, float] = (-6.0, 6.0)) -> Quadrature:
    """Builds `nodes` equally spaced nodes over `bounds`.

    Raises:
        InvalidParameterError: fewer than 5 or more than 2,001 nodes, or bounds that are not finite
            and ascending.
    """
    check_numbers(nodes=nodes)
    if int(nodes) != nodes or not 5 <= nodes <= 2001:
        raise InvalidParameterError(f"nodes is {nodes}: give a whole number from 5 to 2001")
    low, high = (float(edge) for edge in bounds)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InvalidParameterError(f"bounds are {bounds}: give two finite, ascending numbers")
    return Quadrature(np.linspace(low, high, int(nodes)))
