"""From the converged point to the result: natural parameters, standard errors, flags, node check.

What never lives here: estimation.
"""

from __future__ import annotations

import numpy as np

from calibration.bank import FloatArray
from calibration.irt.curves import ASYMPTOTE, INTERCEPT, SLOPE, to_natural
from calibration.irt.em import Evaluation, Problem, unpack
from calibration.irt.gates import MODELS, Gate
from calibration.irt.mstep import HIGHEST_ASYMPTOTE, STEEPEST
from calibration.irt.node_doubling import check_nodes
from calibration.irt.oakes import Covariance, number_parameters
from calibration.irt.responses import Responses
from calibration.irt.result import FitResult
from calibration.irt.squarem import Maximum

EXTREME_B = 6.0  # beyond the nodes, b is an extrapolation


def assemble(
    problem: Problem,
    gate: Gate,
    maximum: Maximum[Evaluation],
    cov: Covariance | None,
    responses: Responses,
    *,
    se: bool,
    node_check: bool,
) -> FitResult:
    """Makes the result of a fit; `cov` is None where there is none or `se` is off."""
    x, evaluation = maximum.x, maximum.evaluation
    params, mean, sd = unpack(x)
    params = _with_common_slope(params, problem, gate)
    item_se = gate.se.copy()
    intercept_se = np.zeros(params.shape[0])
    item_se[gate.free], intercept_se[gate.free] = np.inf, np.inf
    group_se = np.full(2, np.inf if problem.group_free else 0.0)
    if cov is not None:
        item_se, intercept_se = _item_errors(cov, problem, params, item_se)
        group_se = _group_errors(cov, sd, group_se)
    a, b, c = _natural(params, problem, gate)
    empty = problem.free.size == 0
    names = {code: name for name, code in MODELS.items()}
    answered = responses.answered()
    return FitResult(
        model=tuple(names[int(code)] for code in problem.model),
        D=problem.D,
        a=a,
        b=b,
        c=c,
        intercept=params[:, INTERCEPT].copy(),
        se_a=item_se[:, 0],
        se_b=item_se[:, 1],
        se_c=item_se[:, 2],
        se_intercept=intercept_se,
        n=answered,
        p=responses.right() / np.maximum(answered, 1),
        log_likelihood=evaluation.expectation.log_likelihood,
        log_posterior=evaluation.objective,
        n_parameters=number_parameters(problem, params).count,
        group_mean=mean,
        group_sd=sd,
        se_group_mean=float(group_se[0]),
        se_group_sd=float(group_se[1]),
        converged=maximum.converged and not empty,
        cycles=maximum.cycles,
        stopped_reason="nothing_to_estimate" if empty else maximum.stopped_reason,
        step=maximum.step,
        flags=_flags(gate, problem, params, b, item_se, se),
        node_check=check_nodes(problem, x, evaluation, cov) if node_check and not empty else None,
    )


def _with_common_slope(params: FloatArray, problem: Problem, gate: Gate) -> FloatArray:
    """Gives held-back 1PL items without previous values the slope that the others share."""
    out = params.copy()
    common = problem.model == 1
    estimated = np.flatnonzero(common & gate.free)
    if estimated.size:
        waiting = common & ~gate.free & ~gate.fixed
        waiting &= np.array(["kept_prior" in own for own in gate.flags], bool)
        b = -out[waiting, INTERCEPT] / out[waiting, SLOPE]
        out[waiting, SLOPE] = out[estimated[0], SLOPE]
        out[waiting, INTERCEPT] = -out[waiting, SLOPE] * b
    return out


def _natural(
    params: FloatArray, problem: Problem, gate: Gate
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """a, b, c, each (J,); what was held keeps its very bits, without a trip through slopes."""
    a, b, c = to_natural(params, problem.D)
    held = ~gate.free
    b[held], c[held] = gate.natural[held, 1], gate.natural[held, 2]
    same = held & np.isclose(a, gate.natural[:, 0], rtol=1e-12)
    a[same] = gate.natural[same, 0]
    return a, b, c


def _item_errors(
    cov: Covariance, problem: Problem, params: FloatArray, item_se: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Standard errors of a, b, c (J, 3) by the delta method, and of the intercept (J,)."""
    free, index = problem.free, cov.numbering.item
    blocks = np.zeros((free.size, 3, 3))
    for u in range(3):
        for v in range(3):
            row, column = index[free, u], index[free, v]
            both = (row >= 0) & (column >= 0)
            blocks[both, u, v] = cov.matrix[row[both], column[both]]
    slope = params[free, SLOPE]
    b = -params[free, INTERCEPT] / slope
    variance_b = (
        b**2 * blocks[:, SLOPE, SLOPE]
        + blocks[:, INTERCEPT, INTERCEPT]
        + 2 * b * blocks[:, SLOPE, INTERCEPT]
    ) / slope**2
    out = item_se.copy()
    out[free, 0] = np.sqrt(np.maximum(blocks[:, SLOPE, SLOPE], 0)) / problem.D
    out[free, 1] = np.sqrt(np.maximum(variance_b, 0))
    out[free, 2] = np.sqrt(np.maximum(blocks[:, ASYMPTOTE, ASYMPTOTE], 0))
    intercept = np.zeros(params.shape[0])
    intercept[free] = np.sqrt(np.maximum(blocks[:, INTERCEPT, INTERCEPT], 0))
    lost = ((index[free] >= 0) & cov.lost[np.maximum(index[free], 0)]).any(axis=1)
    unknown = free[lost | (np.abs(slope) >= STEEPEST)]
    out[unknown], intercept[unknown] = np.inf, np.inf
    out[free, 2] = np.where(problem.model[free] == 3, out[free, 2], 0.0)
    return out, intercept


def _group_errors(cov: Covariance, sd: float, otherwise: FloatArray) -> FloatArray:
    group = cov.numbering.group
    if group[0] < 0 or cov.lost[group].any():
        return otherwise
    mean_se, log_sd_se = np.sqrt(np.maximum(np.diag(cov.matrix)[group], 0))
    return np.array([mean_se, sd * log_sd_se])


def _flags(
    gate: Gate,
    problem: Problem,
    params: FloatArray,
    b: FloatArray,
    item_se: FloatArray,
    se: bool,
) -> tuple[tuple[str, ...], ...]:
    free = gate.free
    three = problem.model == 3
    c = params[:, ASYMPTOTE]
    shown = {
        "negative_a": params[:, SLOPE] < 0,
        "a_at_bound": np.abs(params[:, SLOPE]) >= STEEPEST,
        "c_at_bound": three & ((c <= 1e-6) | (c >= HIGHEST_ASYMPTOTE)),
        "b_extreme": np.abs(b) > EXTREME_B,
        "se_not_available": np.isinf(item_se).any(axis=1) if se else np.zeros(free.size, bool),
    }
    return tuple(
        own + tuple(name for name, on in shown.items() if free[j] and on[j])
        for j, own in enumerate(gate.flags)
    )
