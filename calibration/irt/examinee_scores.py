"""Scores of examinees, projected on orthonormal polynomials of their posteriors.

An examinee's score S_p is a sum of smooth curves of θ. E[S φ_k] for a few polynomials φ_k (see
`posterior_basis`) carries its covariance under the posterior: Cov(S) = Σ_k E[S φ_k] E[S φ_k]ᵀ. The
slope's score is θ times the sum of the intercepts', and θ φ_k is a combination of φ_{k−1}, φ_k and
φ_{k+1}: it needs no sum over nodes at all.

What never lives here: sums over examinees (see `missing_information`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from calibration.arrays import CodeArray, FloatArray, IntArray
from calibration.compiled import compiled
from calibration.irt.estep import exp_shifted, sum_rows
from calibration.irt.posterior_basis import FAST, MOST_DEGREE, posterior_basis


class Evidence(NamedTuple):
    """What the scores of all examinees are made from, as a tuple that compiled code takes.

    Attributes:
        indptr: where each examinee's rows begin, shape (R + 1,).
        rows: table row of each response.
        weight: persons that each examinee stands for, shape (R,).
        table: log-probabilities, a row for each category of each item, shape (R', width).
        owner: item of each row, shape (R',).
        base: log weights of the nodes, shape (width,).
        curves: scores of all parameters but the slope, shape (W − 1, R', width).
        number: number of each parameter per item, slope first, −1 where held; (J, W).
        slope_curves: how many of an item's curves, times θ, make up its slope's score, shape (J,).
        shared: the first so many parameters are slopes that several items share.
        group_number: parameter number of mean and log SD of ability, or −1; shape (2,).
        theta: nodes, padded to (width,).
        steepest: slope of the steepest response curve that the basis must carry.
        group: mean and SD of ability, shape (2,).
    """

    indptr: IntArray
    rows: CodeArray
    weight: FloatArray
    table: FloatArray
    owner: IntArray
    base: FloatArray
    curves: FloatArray
    number: IntArray
    slope_curves: IntArray
    shared: int
    group_number: IntArray
    theta: FloatArray
    steepest: float
    group: FloatArray


@compiled(error_model="numpy", fastmath=FAST)
def _project(curve: FloatArray, weighted: FloatArray, degree: int, into: FloatArray) -> None:
    """into_k = E[curve · φ_k] for k = 0 … degree + 1."""
    for k in range(degree + 2):
        row = weighted[k]
        total = 0.0
        for q in range(curve.size):
            total += curve[q] * row[q]
        into[k] = total


@compiled()
def _scaled(own: FloatArray, root: float, degree: int, into: FloatArray) -> None:
    for k in range(degree):
        into[k] = root * own[k + 1]


@compiled()
def _times_theta(
    own: FloatArray, root: float, centre: FloatArray, off: FloatArray, degree: int, into: FloatArray
) -> None:
    """Adds root·E[θ · curve · φ_k] to into_{k−1}, from own_k = E[curve · φ_k]."""
    for k in range(1, degree + 1):
        value = off[k] * own[k - 1] + centre[k] * own[k] + off[k + 1] * own[k + 1]
        into[k - 1] += root * value


@compiled()
def _group_scores(
    evidence: Evidence, weighted: FloatArray, root: float, degree: int, into: FloatArray
) -> None:
    """Scores of mean and log SD of a normal group, into (2, ≥ degree)."""
    mean, sd = evidence.group[0], evidence.group[1]
    for k in range(degree):
        of_mean, of_log_sd = 0.0, 0.0
        for q in range(evidence.theta.size):
            t = (evidence.theta[q] - mean) / sd
            of_mean += weighted[k + 1, q] * t / sd
            of_log_sd += weighted[k + 1, q] * t * t
        into[0, k] = root * of_mean
        into[1, k] = root * of_log_sd


@compiled()
def _zero(into: FloatArray) -> None:
    for k in range(into.size):
        into[k] = 0.0


@compiled(error_model="numpy")
def examinee_scores(
    evidence: Evidence,
    rows: CodeArray,
    root: float,
    post: FloatArray,
    scores: FloatArray,
    columns: IntArray,
) -> tuple[int, int]:
    """E[S φ_k] of one examinee, k = 1 … degree, times `root` (the root of their weight).

    Args:
        evidence: of all examinees.
        rows: this one's responses.
        root: factor on the result.
        post: posterior at the nodes, summing to one, shape (width,).
        scores: written, shape (≥ W·rows + shared + 2, MOST_DEGREE); 0 beyond the degree.
        columns: parameter number of each row of `scores`, written.

    Returns:
        Rows written, and the degree.
    """
    weighted = np.empty((MOST_DEGREE + 2, post.size))
    centre, off = np.empty(MOST_DEGREE + 2), np.empty(MOST_DEGREE + 3)
    own = np.empty(MOST_DEGREE + 2)
    degree = posterior_basis(post, evidence.theta, evidence.steepest, weighted, centre, off)
    number = evidence.number
    used = evidence.shared
    for r in range(used):
        _zero(scores[r])
        columns[r] = r
    for row in rows:
        j = evidence.owner[row]
        slope = number[j, 0]
        to = slope if slope < evidence.shared else used
        if slope >= 0 and to == used:
            _zero(scores[to])
            columns[to] = slope
            used += 1
        parts = evidence.slope_curves[j] if slope >= 0 else 0
        for m in range(number.shape[1] - 1):
            if m >= parts and number[j, m + 1] < 0:
                continue
            _project(evidence.curves[m, row], weighted, degree, own)
            if m < parts:  # adds up: the slope's score is θ times the sum of the intercepts'
                _times_theta(own, root, centre, off, degree, scores[to])
            if number[j, m + 1] >= 0:
                columns[used] = number[j, m + 1]
                _zero(scores[used])
                _scaled(own, root, degree, scores[used])
                used += 1
    if evidence.group_number[0] >= 0:
        for k in range(2):
            columns[used + k] = evidence.group_number[k]
            _zero(scores[used + k])
        _group_scores(evidence, weighted, root, degree, scores[used : used + 2])
        used += 2
    return used, degree


@compiled(error_model="numpy", fastmath=FAST)
def posterior_of(
    evidence: Evidence, i: int, log_post: FloatArray, post: FloatArray, power: IntArray
) -> None:
    """Posterior of examinee i at the nodes, summing to one; `log_post` and `power` are scratch."""
    start, stop = evidence.indptr[i], evidence.indptr[i + 1]
    sum_rows(evidence.rows, evidence.table, start, stop, evidence.base, log_post)
    exp_shifted(log_post, log_post.max(), post, power)
    mass = post.sum()
    for q in range(post.size):
        post[q] /= mass
