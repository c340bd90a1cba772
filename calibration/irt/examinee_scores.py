"""Scores of examinees, projected on orthonormal polynomials of their posteriors.

An examinee's score S_p is a sum of smooth curves of θ. E[S φ_k] for a few polynomials φ_k (see
`posterior_basis`) carries its covariance under the posterior: Cov(S) = Σ_k E[S φ_k] E[S φ_k]ᵀ. The
slope's score is θ times the intercept's, and θ φ_k is a combination of φ_{k−1}, φ_k and φ_{k+1}: it
needs no sum over nodes at all.

What never lives here: sums over examinees (see `missing_information`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from calibration.bank import FloatArray, IntArray
from calibration.compiled import compiled
from calibration.irt.estep import exp_shifted, sum_rows
from calibration.irt.posterior_basis import FAST, MOST_DEGREE, posterior_basis
from calibration.irt.responses import CodeArray


class Evidence(NamedTuple):
    """What the scores of all examinees are made from, as a tuple that compiled code takes.

    Attributes:
        indptr: where each examinee's rows begin, shape (R + 1,).
        rows: 2·item + correct of each response.
        weight: persons that each examinee stands for, shape (R,).
        table: log-probabilities, shape (2J, width).
        base: log weights of the nodes, shape (width,).
        curves: from `score_curves`.
        number: parameter number of slope, intercept, asymptote per item, −1 where held; (J, 3).
        shared_slope: whether parameter 0 is a slope that several items share (1PL).
        group_number: parameter number of mean and log SD of ability, or −1; shape (2,).
        theta: nodes, padded to (width,).
        steepest: slope of the steepest response curve that the basis must carry.
        group: mean and SD of ability, shape (2,).
    """

    indptr: IntArray
    rows: CodeArray
    weight: FloatArray
    table: FloatArray
    base: FloatArray
    curves: FloatArray
    number: IntArray
    shared_slope: bool
    group_number: IntArray
    theta: FloatArray
    steepest: float
    group: FloatArray


@compiled(error_model="numpy")
def score_curves(params: FloatArray, theta: FloatArray, width: int) -> FloatArray:
    """Scores of intercept and asymptote at the nodes: (2, 2J, width), rows 2·item + correct.

    A wrong answer's score in the asymptote is a constant and has no covariance: it is left 0.
    """
    items = params.shape[0]
    out = np.zeros((2, 2 * items, width))
    for j in range(items):
        slope, intercept, c = params[j, 0], params[j, 1], params[j, 2]
        for q in range(theta.size):
            logistic = 1.0 / (1.0 + np.exp(-(slope * theta[q] + intercept)))
            p = c + (1.0 - c) * logistic
            out[0, 2 * j, q] = -logistic
            out[0, 2 * j + 1, q] = (1.0 - p) * logistic / p
            if c > 0.0:
                out[1, 2 * j + 1, q] = (1.0 - p) / (p * (1.0 - c))
    return out


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
        scores: written, shape (≥ 3·rows + 3, MOST_DEGREE); columns beyond the degree are 0.
        columns: parameter number of each row of `scores`, written.

    Returns:
        Rows written, and the degree.
    """
    weighted = np.empty((MOST_DEGREE + 2, post.size))
    centre, off = np.empty(MOST_DEGREE + 2), np.empty(MOST_DEGREE + 3)
    own = np.empty(MOST_DEGREE + 2)
    degree = posterior_basis(post, evidence.theta, evidence.steepest, weighted, centre, off)
    number = evidence.number
    _zero(scores[0])
    columns[0] = 0
    used = 1 if evidence.shared_slope else 0
    for row in rows:
        j = row >> 1
        _project(evidence.curves[0, row], weighted, degree, own)
        if number[j, 0] >= 0:
            to = 0 if evidence.shared_slope and number[j, 0] == 0 else used
            if to == used:
                _zero(scores[to])
                columns[to] = number[j, 0]
                used += 1
            _times_theta(own, root, centre, off, degree, scores[to])
        if number[j, 1] >= 0:
            columns[used] = number[j, 1]
            _zero(scores[used])
            _scaled(own, root, degree, scores[used])
            used += 1
        if number[j, 2] >= 0:
            _project(evidence.curves[1, row], weighted, degree, own)
            columns[used] = number[j, 2]
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
