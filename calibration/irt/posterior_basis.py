"""Orthonormal polynomials of a posterior over the nodes, as many as its curves need.

What never lives here: what is projected on them (see `missing_information`).
"""

from __future__ import annotations

import numpy as np

from calibration.arrays import FloatArray
from calibration.compiled import compiled

MOST_DEGREE = 24
TAIL = 1e-5  # share of a steep curve's variance that may be left out
FAST = {"reassoc", "contract", "nsz", "arcp"}


@compiled(error_model="numpy")
def posterior_basis(
    post: FloatArray,
    theta: FloatArray,
    steepest: float,
    weighted: FloatArray,
    centre: FloatArray,
    off: FloatArray,
) -> int:
    """Polynomials φ_0 … φ_{degree + 1} by the Stieltjes procedure (Gautschi 2004, section 2.2).

    The degree is where a probe, the steepest response curve placed half a posterior SD beside the
    mean, is represented to `TAIL`; plus one, since a slope's score is θ times a curve.

    Args:
        post: posterior, summing to one, shape (width,).
        theta: nodes, shape (width,).
        steepest: slope of the probe.
        weighted: post·φ_k is written to row k, shape (MOST_DEGREE + 2, width).
        centre: recurrence θφ_k = off_k φ_{k−1} + centre_k φ_k + off_{k+1} φ_{k+1} is written,
            shape (MOST_DEGREE + 2,).
        off: see `centre`, shape (MOST_DEGREE + 3,).

    Returns:
        The degree, at least 1. Where the posterior sits on too few nodes, rows beyond are 0.
    """
    probe = np.empty(post.size)
    left = _probe(post, theta, steepest, probe)
    enough = TAIL * left
    before, now = np.zeros(post.size), np.ones(post.size)
    rows = MOST_DEGREE + 2
    off[0] = 0.0
    for k in range(MOST_DEGREE + 2):
        centre[k], found = _weigh(post, theta, now, probe, weighted[k])
        if k > 0:
            left -= found * found
        if left <= enough:
            rows = min(rows, k + 3)
        off[k + 1] = _advance(post, theta, centre[k], off[k], before, now)
        if k + 1 == rows:
            return rows - 2
        if off[k + 1] == 0.0:
            return _cut(k, weighted, centre, off)
    return MOST_DEGREE


@compiled(error_model="numpy", fastmath=FAST)
def _probe(post: FloatArray, theta: FloatArray, steepest: float, probe: FloatArray) -> float:
    """Writes the probe curve and returns its variance under the posterior."""
    mean, square = 0.0, 0.0
    for q in range(post.size):
        mean += post[q] * theta[q]
        square += post[q] * theta[q] * theta[q]
    at = mean + 0.5 * np.sqrt(max(square - mean * mean, 0.0))
    mean, square = 0.0, 0.0
    for q in range(post.size):
        z = steepest * (theta[q] - at)
        # shaped like a logistic, but its square root vectorises where an exp does not
        probe[q] = z / np.sqrt(1.0 + z * z)
        mean += post[q] * probe[q]
    for q in range(post.size):
        square += post[q] * (probe[q] - mean) ** 2
    return square


@compiled(error_model="numpy", fastmath=FAST)
def _weigh(
    post: FloatArray, theta: FloatArray, now: FloatArray, probe: FloatArray, into: FloatArray
) -> tuple[float, float]:
    """Writes post·φ; returns E[θφ²] and E[probe·φ]."""
    centre, found = 0.0, 0.0
    for q in range(post.size):
        value = post[q] * now[q]
        into[q] = value
        centre += value * now[q] * theta[q]
        found += value * probe[q]
    return centre, found


@compiled(error_model="numpy", fastmath=FAST)
def _advance(
    post: FloatArray,
    theta: FloatArray,
    centre: float,
    off: float,
    before: FloatArray,
    now: FloatArray,
) -> float:
    """Turns φ_{k−1}, φ_k into φ_k, φ_{k+1}; returns off_{k+1}, 0 where there is no such φ."""
    norm = 0.0
    for q in range(post.size):
        value = (theta[q] - centre) * now[q] - off * before[q]
        before[q] = now[q]
        now[q] = value
        norm += post[q] * value * value
    norm = np.sqrt(norm)
    if norm < 1e-7:
        return 0.0
    for q in range(post.size):
        now[q] /= norm
    return norm


@compiled()
def _cut(k: int, weighted: FloatArray, centre: FloatArray, off: FloatArray) -> int:
    """Ends the basis at φ_k; returns the degree."""
    for row in range(k + 1, min(k + 3, weighted.shape[0])):
        centre[row], off[row + 1] = 0.0, 0.0
        for q in range(weighted.shape[1]):
            weighted[row, q] = 0.0
    return max(k, 1)
