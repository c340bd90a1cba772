"""Response curves at the quadrature nodes, from slope, intercept and lower asymptote.

Estimation works with slope = D·a and intercept = −D·a·b, in which the complete-data problem of the
2PL is concave; a and b are made at the end. Parameters travel as one array (J, 3) of slope,
intercept, asymptote.

What never lives here: responses, priors, updates.
"""

from __future__ import annotations

import numpy as np

from calibration.bank import FloatArray
from calibration.compiled import compiled

SLOPE, INTERCEPT, ASYMPTOTE = 0, 1, 2
LANES = 8  # table rows are padded to whole vectors of 8 doubles


def padded(nodes: int) -> int:
    """Row length of the tables for `nodes` nodes."""
    return -(-nodes // LANES) * LANES


def to_natural(params: FloatArray, D: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(a, b, c), each (J,), from slope–intercept parameters (J, 3)."""
    a = params[:, SLOPE] / D
    b = -params[:, INTERCEPT] / params[:, SLOPE]
    return a, b, params[:, ASYMPTOTE].copy()


def from_natural(a: FloatArray, b: FloatArray, c: FloatArray, D: float) -> FloatArray:
    """Slope–intercept parameters (J, 3) from a, b, c, each (J,)."""
    return np.column_stack([D * a, -D * a * b, c])


@compiled(error_model="numpy")
def log_curves(
    params: FloatArray,
    theta: FloatArray,
    first: int,
    last: int,
    right: FloatArray,
    wrong: FloatArray,
) -> None:
    """Writes log P and log(1 − P) of the items first … last − 1 into rows of (J, ≥ Q) arrays."""
    for j in range(first, last):
        slope, intercept, c = params[j, 0], params[j, 1], params[j, 2]
        log_rest = np.log1p(-c)
        for q in range(theta.size):
            z = slope * theta[q] + intercept
            soft = np.log1p(np.exp(-abs(z)))
            log_logistic = min(z, 0.0) - soft
            log_wrong = log_logistic - z
            right[j, q] = log_logistic if c == 0.0 else np.log(c + (1.0 - c) * np.exp(log_logistic))
            wrong[j, q] = log_rest + log_wrong


def probability(
    theta: FloatArray, a: FloatArray, b: FloatArray, c: FloatArray, D: float
) -> FloatArray:
    """P(θ) = c + (1 − c)·logistic(D·a·(θ − b)) for each θ and item; shape (N, J)."""
    z = D * a * (np.asarray(theta)[:, None] - b)
    return np.asarray(c + (1 - c) * np.exp(-np.logaddexp(0.0, -z)))
