"""Complete-data information of the group: mean and log SD of a normal ability.

What never lives here: that of items (it is their model's); the inversion (see `oakes`).
"""

from __future__ import annotations

import numpy as np

from calibration.arrays import FloatArray
from calibration.irt.quadrature import Quadrature


def group_information(
    quadrature: Quadrature, person: FloatArray, mean: float, sd: float
) -> FloatArray:
    """Negative Hessian in mean and log SD of Σ_q n_q log π_q, π normalised over the nodes; (2, 2).

    Args:
        quadrature: the nodes.
        person: expected examinees per node, shape (Q,).
        mean: mean of ability.
        sd: standard deviation of ability.
    """
    t = (quadrature.theta - mean) / sd
    prior = np.exp(quadrature.log_normal_weights(mean, sd))
    score = np.stack([t / sd, t**2])
    hessian = np.stack([np.full_like(t, -1 / sd**2), -2 * t / sd, -2 * t**2])
    centred = score - (score @ prior)[:, None]
    spread = (centred * prior) @ centred.T
    expected = hessian @ prior
    observed = hessian @ person
    n = float(person.sum())
    flat = n * expected - observed
    return np.array([[flat[0], flat[1]], [flat[1], flat[2]]]) + n * spread
