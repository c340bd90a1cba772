"""From the converged point to the result: natural parameters, standard errors, flags, node check.

What never lives here: estimation, and any model's formulas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.arrays import BoolArray, FloatArray, IntArray
from calibration.irt.em import Evaluation, Problem
from calibration.irt.gates import Gate
from calibration.irt.node_doubling import check_nodes
from calibration.irt.oakes import Covariance, number_parameters
from calibration.irt.responses import Responses
from calibration.irt.result import FitResult
from calibration.irt.squarem import Maximum
from calibration.models import grouped
from calibration.models.newton_step import STEEPEST
from calibration.models.response_model import SLOPE

EXTREME_B = 6.0  # beyond the nodes, b is an extrapolation


@dataclass(frozen=True, eq=False)
class _Errors:
    """Standard errors: of natural rows (J, W), of mean location and mean intercept, each (J,)."""

    natural: FloatArray
    location: FloatArray
    intercept: FloatArray


@dataclass(frozen=True, eq=False)
class _Columns:
    """Natural rows as a result shows them; each (J,) but steps (J, S)."""

    b: FloatArray
    c: FloatArray
    steps: FloatArray
    se_c: FloatArray
    se_steps: FloatArray


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
    params, mean, sd = problem.unpack(x)
    natural, params = _natural(params, problem, gate)
    errors = _item_errors(cov, problem, params, gate)
    group_se = np.full(2, np.inf if problem.group_free else 0.0)
    if cov is not None:
        group_se = _group_errors(cov, sd, group_se)
    columns = _columns(problem, natural, errors.natural)
    empty = not problem.has_unknowns
    answered = responses.answered()
    return FitResult(
        model=tuple(model.name for model in problem.models),
        D=problem.D,
        a=natural[:, 0].copy(),
        b=columns.b,
        c=columns.c,
        steps=columns.steps,
        intercept=_mean_intercept(params, problem.categories),
        se_a=errors.natural[:, 0].copy(),
        se_b=errors.location,
        se_c=columns.se_c,
        se_steps=columns.se_steps,
        se_intercept=errors.intercept,
        n=answered,
        p=_share_of_highest(responses, answered),
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
        flags=_flags(gate, problem, params, columns, errors, se),
        node_check=check_nodes(problem, x, evaluation, cov) if node_check and not empty else None,
    )


def _natural(params: FloatArray, problem: Problem, gate: Gate) -> tuple[FloatArray, FloatArray]:
    """Natural rows (J, W) and params; what was held keeps its very bits.

    Held-back items without previous values get the slope that the others of their model share.
    """
    natural, params = gate.natural.copy(), params.copy()
    free = problem.free
    natural[free] = problem.to_natural(params)[free]
    waiting = np.array(["kept_prior" in own for own in gate.flags], bool)
    for model, items in problem.groups:
        if model.common_slope:
            same = np.array([other is model for other in problem.models]) & waiting
            natural[same, 0] = natural[items[0], 0]
            params[same] = model.from_natural(natural[same], problem.D)
    return natural, params


def _steps_mean(values: FloatArray, steps: IntArray) -> FloatArray:
    """Mean of the first `steps` (J,) columns of (J, S); shape (J,)."""
    here = np.arange(values.shape[1]) < steps[:, None]
    return np.asarray(np.where(here, values, 0.0).sum(axis=1) / steps)


def _mean_intercept(params: FloatArray, categories: IntArray) -> FloatArray:
    return _steps_mean(params[:, 1:], categories - 1)


def _columns(problem: Problem, natural: FloatArray, errors: FloatArray) -> _Columns:
    items, most = natural.shape[0], int(problem.categories.max()) - 1
    c, se_c = np.zeros((2, items))
    steps, se_steps = np.full((items, most), np.inf), np.zeros((items, most))
    for model, own in grouped(problem.models):
        found = model.locations(natural[own])[:, :most]
        steps[own, : found.shape[1]] = found
        se_steps[own, : found.shape[1]] = model.locations(errors[own])[:, :most]
        c[own], se_c[own] = model.asymptote(natural[own]), model.asymptote(errors[own])
    return _Columns(_steps_mean(steps, problem.categories - 1), c, steps, se_c, se_steps)


def _item_errors(
    cov: Covariance | None, problem: Problem, params: FloatArray, gate: Gate
) -> _Errors:
    """Standard errors by the delta method; ∞ where none can be given."""
    steps = problem.categories - 1
    natural, intercept = gate.se.copy(), np.zeros(params.shape[0])
    location, free = gate.se_b.copy(), problem.free
    natural[free], location[free], intercept[free] = np.inf, np.inf, np.inf
    if cov is None:
        return _Errors(natural, location, intercept)
    for model, items in problem.groups:
        number = cov.numbering.item[items]
        blocks = _blocks(cov, number)
        rows, count = params[items], steps[items]
        natural[items] = model.natural_errors(rows, blocks, problem.D)
        # of the mean intercept, and of the mean location −intercept/slope
        share = (np.arange(1, rows.shape[1] + 1)[None] <= count[:, None]) / count[:, None]
        share = np.column_stack([np.zeros(items.size), share[:, :-1]])
        own = np.einsum("nu,nuv,nv->n", share, blocks, share)
        with_slope = np.einsum("nu,nu->n", share, blocks[:, SLOPE])
        slope = rows[:, SLOPE]
        b = -_mean_intercept(rows, count + 1) / slope
        variance = (b**2 * blocks[:, SLOPE, SLOPE] + own + 2 * b * with_slope) / slope**2
        location[items] = np.sqrt(np.maximum(variance, 0))
        intercept[items] = np.sqrt(np.maximum(own, 0))
        lost = ((number >= 0) & cov.lost[np.maximum(number, 0)]).any(axis=1)
        unknown = items[lost | (np.abs(slope) >= STEEPEST)]
        natural[unknown], location[unknown], intercept[unknown] = np.inf, np.inf, np.inf
    return _Errors(natural, location, intercept)


def _blocks(cov: Covariance, number: IntArray) -> FloatArray:
    """Covariance of each item's parameters, 0 for what is held; shape (n, W, W)."""
    row, column = np.broadcast_arrays(number[:, :, None], number[:, None, :])
    both = (row >= 0) & (column >= 0)
    out = np.zeros(row.shape)
    out[both] = cov.matrix[row[both], column[both]]
    return out


def _group_errors(cov: Covariance, sd: float, otherwise: FloatArray) -> FloatArray:
    group = cov.numbering.group
    if group[0] < 0 or cov.lost[group].any():
        return otherwise
    mean_se, log_sd_se = np.sqrt(np.maximum(np.diag(cov.matrix)[group], 0))
    return np.array([mean_se, sd * log_sd_se])


def _share_of_highest(responses: Responses, answered: IntArray) -> FloatArray:
    """Mean score as a share of the highest, shape (J,); 0 where nobody answered."""
    by_category = responses.by_category
    score = by_category @ np.arange(by_category.shape[1])
    return np.asarray(score / np.maximum(answered, 1) / (responses.categories - 1))


def _flags(
    gate: Gate,
    problem: Problem,
    params: FloatArray,
    columns: _Columns,
    errors: _Errors,
    se: bool,
) -> tuple[tuple[str, ...], ...]:
    beyond = np.isfinite(columns.steps) & (np.abs(columns.steps) > EXTREME_B)
    of_result: dict[str, BoolArray] = {
        "b_extreme": np.asarray(beyond.any(axis=1)),
        "se_not_available": np.asarray(np.isinf(errors.natural).any(axis=1) & se),
    }
    out = list(gate.flags)
    for model, items in problem.groups:
        shown = dict(model.flags(params[items]))
        shown |= {name: on[items] for name, on in of_result.items()}
        for k, item in enumerate(items.tolist()):
            out[item] += tuple(name for name, on in shown.items() if on[k])
    return tuple(out)
