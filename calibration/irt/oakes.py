"""Covariance of the estimates from the observed information (Oakes 1999; Louis 1982).

Observed information = complete-data information at the posterior counts (a small block per item)
− missing information (see `missing_information`) − Hessian of the log prior. It is exact for the
marginal likelihood at the quadrature in use, and costs about as much as a few cycles of EM.

What never lives here: estimation, and the change to a and b (see `assemble`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from calibration.arrays import BoolArray, FloatArray, IntArray, SingleArray
from calibration.irt.em import Evaluation, Problem
from calibration.irt.estep import NO_MASS
from calibration.irt.examinee_scores import Evidence
from calibration.irt.group_information import group_information
from calibration.irt.layout import all_rows
from calibration.irt.missing_information import add_sparse, fill_dense
from calibration.irt.posterior_basis import MOST_DEGREE
from calibration.irt.quadrature import padded
from calibration.models.response_model import SLOPE
from calibration.threads import chunk_edges

DENSE_SHARE = 0.25  # beyond this share of the items answered, a dense product beats scattered sums
MOST_PARAMETERS = 12_000  # an information matrix of 1.2 GB
BLOCK_BYTES = 4_000_000  # score rows per dense product
LANES = 4  # partial sums of scattered products
LANE_BYTES = 400_000_000  # and what they may take together
MOST_CHUNKS = 16
STEEPEST_CARRIED = 8.0


Chunks = list[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Numbering:
    """Numbers of the free parameters, −1 where a parameter is held.

    Attributes:
        item: of slope, intercepts and asymptote, shape (J, W).
        group: of mean and log SD of ability, shape (2,).
        count: P, free parameters.
        shared: the first so many are slopes that the items of a model share.
    """

    item: IntArray
    group: IntArray
    count: int
    shared: int


@dataclass(frozen=True, eq=False)
class Covariance:
    """Covariance of the estimates.

    Attributes:
        numbering: which row is which parameter.
        matrix: covariance, shape (P, P); rows of `lost` parameters are 0.
        lost: parameters whose variance cannot be given, shape (P,).
    """

    numbering: Numbering
    matrix: FloatArray
    lost: BoolArray


def number_parameters(problem: Problem, params: FloatArray) -> Numbering:
    """Numbers the free parameters, items in order and the group last.

    A parameter at the edge of its range is held: the likelihood is not quadratic there.
    """
    used = np.zeros(params.shape, bool)
    shared = []
    for model, items in problem.groups:
        own = model.free(params, items, problem.categories)
        if model.common_slope:
            own[:, SLOPE] = False
            if not problem.slope_held(model):
                shared.append(items)
        used[items] = own
    item = np.where(used, np.cumsum(used).reshape(used.shape) - 1 + len(shared), -1)
    for number, items in enumerate(shared):
        item[items, SLOPE] = number
    count = int(used.sum()) + len(shared)
    group = np.full(2, -1, np.int64)
    if problem.group_free:
        group[:] = count, count + 1
        count += 2
    return Numbering(item.astype(np.int64), group, count, len(shared))


def covariance(problem: Problem, x: FloatArray, evaluation: Evaluation) -> Covariance | None:
    """Inverts the observed information at the point `x`, whose evaluation is given.

    Returns:
        The covariance, or None where there are too many parameters to invert.
    """
    params, mean, sd = problem.unpack(x)
    numbering = number_parameters(problem, params)
    if numbering.count > MOST_PARAMETERS:
        return None
    information = _missing(problem, params, (mean, sd), numbering)
    np.negative(information, out=information)
    _add_complete(information, problem, params, (mean, sd), evaluation, numbering)
    return _inverse(information, numbering)


def _add_complete(
    information: FloatArray,
    problem: Problem,
    params: FloatArray,
    group: tuple[float, float],
    evaluation: Evaluation,
    numbering: Numbering,
) -> None:
    expectation, quadrature = evaluation.expectation, problem.estep.quadrature
    for model, items in problem.groups:
        blocks = model.complete_information(
            expectation.counts,
            params,
            items,
            problem.priors,
            problem.D,
            slope_held=problem.slope_held(model),
        )
        number = numbering.item[items]
        for u in range(problem.width):
            for v in range(u, problem.width):
                row, column = number[:, u], number[:, v]
                both = (row >= 0) & (column >= 0)
                np.add.at(information, (row[both], column[both]), blocks[both, u, v])
    if problem.group_free:
        first = numbering.group[0]
        information[first:, first:] += group_information(quadrature, expectation.person, *group)


def _missing(
    problem: Problem, params: FloatArray, group: tuple[float, float], numbering: Numbering
) -> FloatArray:
    """Σ_p Cov(S_p | responses of p) in the upper triangle of a (P, P) array."""
    layout, theta = problem.estep.layout, problem.estep.quadrature.theta
    width, categories, first = padded(theta.size), layout.categories, layout.first
    indptr, rows = all_rows(layout)
    table = np.zeros((int(first[-1]), width))
    curves = np.zeros((problem.width - 1, *table.shape))
    slope_curves, steepest = np.zeros(categories.size, np.int64), 0.5
    for model, items in problem.estep.groups:
        lower, upper = (table, first[:-1]), (table, first[:-1] + 1)
        model.log_curves(params, items, theta, lower, upper, categories)
        model.score_curves(params, items, theta, first, curves)
        slope_curves[items] = model.slope_curves(categories[items])
    for model, items in problem.groups:
        steepest = max(steepest, float(model.steepness(params, items, categories).max()))
    base = np.full(width, NO_MASS)
    base[: theta.size] = problem.estep.quadrature.log_normal_weights(*group)
    nodes = np.zeros(width)
    nodes[: theta.size] = theta
    evidence = Evidence(
        indptr,
        rows,
        layout.weight,
        table,
        np.repeat(np.arange(categories.size), categories),
        base,
        curves,
        numbering.item,
        slope_curves,
        numbering.shared,
        numbering.group,
        nodes,
        min(steepest, STEEPEST_CARRIED),
        np.array(group),
    )
    cells = max((indptr.size - 1) * layout.item_count, 1)
    run = _dense if rows.size > DENSE_SHARE * cells else _sparse
    return run(evidence, problem, numbering.count)


def _sparse(evidence: Evidence, problem: Problem, count: int) -> FloatArray:
    def lane(chunks: Chunks) -> SingleArray:
        out = np.zeros((-(-count // 2), count, 2), np.float32)
        for first, last in chunks:
            add_sparse(evidence, first, last, out)
        return out

    total = np.zeros((count, count))
    for out in problem.estep.workers.run(lane, _lanes(evidence.indptr, 4 * count**2)):
        total[0::2] += out[:, :, 0]
        total[1::2] += out[: count // 2, :, 1]
    return total


def _dense(evidence: Evidence, problem: Problem, count: int) -> FloatArray:
    # here alone: who only serves items starts without it
    from scipy.linalg.blas import ssyrk

    rows = max(BLOCK_BYTES // (4 * count), 2 * MOST_DEGREE)

    def lane(chunks: Chunks) -> FloatArray:
        total = np.zeros((count, count))
        scores = np.empty((rows, count), np.float32)
        for first, last in chunks:
            start = first
            while start < last:
                start, written = fill_dense(evidence, start, last, scores)
                # BLAS takes the transpose of a C-ordered array; its lower triangle is our upper
                total += ssyrk(1.0, scores[:written].T, lower=1).T
        return total

    parts = problem.estep.workers.run(lane, _lanes(evidence.indptr, 8 * count**2))
    return np.asarray(np.sum(parts, axis=0))


def _lanes(indptr: IntArray, bytes_each: int) -> list[Chunks]:
    """Chunks of examinees, dealt out to a few sums that run side by side within memory."""
    edges = [int(edge) for edge in chunk_edges(indptr, 50_000, MOST_CHUNKS)]
    lanes = int(np.clip(LANE_BYTES // bytes_each, 1, LANES))
    chunks = list(pairwise(edges))
    return [chunks[lane::lanes] for lane in range(min(lanes, len(chunks)))]


def _inverse(information: FloatArray, numbering: Numbering) -> Covariance:
    """Inverse of the upper triangle; parameters that make it indefinite drop out one by one."""
    from scipy.linalg import lapack

    kept = np.arange(numbering.count)
    lost = np.zeros(numbering.count, bool)
    while kept.size:
        part = information if kept.size == numbering.count else information[np.ix_(kept, kept)]
        factor, failed = lapack.dpotrf(part.T, lower=1, clean=0)
        if failed == 0:
            inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
            break
        lost[kept[failed - 1]] = True
        kept = np.delete(kept, failed - 1)
    matrix = np.zeros((numbering.count, numbering.count))
    if kept.size:
        lower = np.tril(inverse)
        matrix[np.ix_(kept, kept)] = lower + np.tril(lower, -1).T
    return Covariance(numbering, matrix, lost)
