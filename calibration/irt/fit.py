"""The public face of estimation: long-form responses in, item parameters out.

What never lives here: kernels and update formulas (see `estep`, `mstep`, `oakes`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, IntArray, check_numbers
from calibration.errors import InvalidParameterError
from calibration.irt.assemble import assemble
from calibration.irt.categories import category_counts, item_total
from calibration.irt.em import Evaluation, Problem, pack
from calibration.irt.estep import EStep
from calibration.irt.gates import Gate, decide, smallest_n
from calibration.irt.known import KnownItems
from calibration.irt.layout import build_layout
from calibration.irt.newton import polish
from calibration.irt.oakes import covariance
from calibration.irt.quadrature import rectangular
from calibration.irt.responses import Responses, build_responses, check_weight
from calibration.irt.result import FitResult
from calibration.irt.squarem import Squarem
from calibration.irt.starts import start_params
from calibration.models import ResponseModel, grouped, named_each
from calibration.models.priors import Priors, resolve_priors
from calibration.models.response_model import SLOPE
from calibration.threads import Workers

OnCycle = Callable[[int, float], bool | None]


def fit(
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    model: str | Sequence[str] = "2pl",
    D: float = 1.7,
    priors: Priors | str | None = "default",
    nodes: int = 61,
    bounds: tuple[float, float] = (-6.0, 6.0),
    se: bool = True,
    weight: npt.ArrayLike | None = None,
    categories: int | npt.ArrayLike | None = None,
    item_count: int | None = None,
    person_count: int | None = None,
    min_n: str | int | Mapping[str, int] = "default",
    fixed: KnownItems | None = None,
    previous: KnownItems | None = None,
    group: str | None = None,
    tol: float = 1e-4,
    max_cycles: int = 1000,
    node_check: bool = True,
    threads: int | None = None,
    on_cycle: OnCycle | None = None,
) -> FitResult:
    """Calibrates items by marginal maximum likelihood (or posterior mode, where priors are on).

    EM of Bock & Aitkin (1981) over the observed responses only, accelerated by SQUAREM; standard
    errors from the observed information (Oakes 1999). Answers that are missing because of how items
    were selected (adaptive tests, forms) are ignorable and need no imputation.

    Args:
        person: person codes 0 … N − 1, shape (M,).
        item: item codes 0 … J − 1, shape (M,).
        correct: 0 or 1 (of items of a polytomous model the category, 0 … K − 1), shape (M,).
        model: "1pl", "2pl", "3pl", "grm", "gpcm", or one of them per item.
        D: scaling constant: 1.7 for the normal metric, 1.0 for the logistic metric.
        priors: "default" (see `default_priors`), None for maximum likelihood, or a `Priors`.
        nodes: quadrature nodes.
        bounds: range of the nodes, in units of ability.
        se: whether to compute standard errors.
        weight: weights of persons, shape (N,).
        categories: K of the items of polytomous models, one number or (J,); default: the highest
            category that was answered, plus one.
        item_count: J, where it is more than the largest code + 1.
        person_count: N, where it is more than the largest code + 1.
        min_n: answers below which an item is held back: one number, a mapping from model to
            number, or "default" (1PL 100, 2PL 200, others 500).
        fixed: items held at given parameters, which tie the scale to an earlier one
            (fixed-parameter calibration; Kim 2006).
        previous: parameters that items keep if they cannot be estimated.
        group: "standard" for ability ~ N(0, 1), "free" to estimate its mean and SD; default: "free"
            if there are fixed items.
        tol: largest move of slope and intercept in one EM map at convergence.
        max_cycles: most E-steps.
        node_check: whether to report what doubling the nodes would change.
        threads: threads to use; default: the CPUs of the process.
        on_cycle: called with (cycle, objective) after each E-step; returning False cancels.

    Returns:
        The parameters of all J items. Items that cannot be estimated are flagged, never NaN.

    Raises:
        InvalidResponsesError: malformed responses (see `build_responses`) or weights.
        InvalidParameterError: an option out of its range.
    """
    _check_options(D, tol, max_cycles)
    models = named_each(model, item_total(person, item, item_count, person_count))
    responses = build_responses(
        person,
        item,
        correct,
        item_count=len(models),
        person_count=person_count,
        categories=_categories(item, correct, models, categories, (fixed, previous)),
    )
    weights = check_weight(weight, responses.person_count)
    responses = responses.of(weights > 0)  # gates must not count answers without weight
    setup = _set_up(responses, models, min_n, resolve_priors(priors, D), D, fixed, previous, group)
    with Workers(threads) as workers:
        estep = EStep(
            build_layout(responses.only(setup.gate.free | setup.gate.fixed), weights),
            grouped(models),
            rectangular(nodes, bounds),
            workers,
        )
        problem = setup.problem(estep, tol)
        climb = Squarem[Evaluation](
            problem.evaluate,
            problem.improve,
            problem.project,
            tol=tol,
            max_cycles=max_cycles,
            on_cycle=on_cycle,
        )
        maximum = climb.maximise(setup.start(responses))
        cov = None
        if se and problem.has_unknowns and maximum.stopped_reason != "canceled":
            cov = covariance(problem, maximum.x, maximum.evaluation)
            if cov is not None and maximum.converged:
                maximum = polish(problem, maximum, cov)
        return assemble(problem, setup.gate, maximum, cov, responses, se=se, node_check=node_check)


@dataclass(frozen=True, eq=False)
class _SetUp:
    """What is decided before the first cycle."""

    models: tuple[ResponseModel, ...]
    gate: Gate
    groups: tuple[tuple[ResponseModel, IntArray], ...]
    priors: Priors
    D: float
    held_slopes: frozenset[str]
    group_free: bool

    def problem(self, estep: EStep, tol: float) -> Problem:
        return Problem(
            estep,
            self.models,
            np.flatnonzero(self.gate.free),
            self.groups,
            self.held_slopes,
            self.gate.natural.shape[1],
            self.group_free,
            self.priors,
            self.D,
            tol,
        )

    def start(self, responses: Responses) -> FloatArray:
        gate = self.gate
        used = responses.only(gate.free | gate.fixed)
        kept = np.zeros_like(gate.natural)
        for model, items in grouped(self.models):
            kept[items] = model.from_natural(gate.natural[items], self.D)
        params = start_params(used, self.groups, kept)
        for model, items in self.groups:
            if model.name in self.held_slopes:
                params[items, SLOPE] = params[_fixed_of(model, self.models, gate)[0], SLOPE]
        return pack(params, 0.0, 1.0)


def _set_up(
    responses: Responses,
    models: tuple[ResponseModel, ...],
    min_n: str | int | Mapping[str, int],
    priors: Priors,
    D: float,
    fixed: KnownItems | None,
    previous: KnownItems | None,
    group: str | None,
) -> _SetUp:
    for known in (fixed, previous):
        if known is not None:
            known.within(models, D)
    gate = decide(responses, models, smallest_n(min_n, models), priors, D, fixed, previous)
    anchored = bool((gate.fixed & (responses.answered() > 0)).any())
    if group not in (None, "standard", "free"):
        raise InvalidParameterError(f'group is {group!r}: give "standard" or "free"')
    if group == "free" and not anchored:
        raise InvalidParameterError(
            'group="free" needs fixed items that somebody answered: without them the scale has no '
            "origin and unit"
        )
    free = np.flatnonzero(gate.free)
    groups = tuple((model, free[own]) for model, own in grouped([models[item] for item in free]))
    held = _held_slopes(models, gate)
    return _SetUp(
        models, gate, groups, priors, D, held, anchored if group is None else group == "free"
    )


def _categories(
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    models: tuple[ResponseModel, ...],
    given: int | npt.ArrayLike | None,
    known: tuple[KnownItems | None, ...],
) -> IntArray:
    """K of each item; where the answers must tell, known steps count as well."""
    dichotomous = np.array([model.dichotomous for model in models], bool)
    out = category_counts(item, correct, dichotomous, given)
    for items in known:
        if items is not None and given is None:
            own = items.item < out.size  # others are refused later
            steps = np.isfinite(items.steps).sum(axis=1)
            np.maximum.at(
                out, items.item[own], np.where(dichotomous[items.item[own]], 2, steps[own] + 1)
            )
    return out


def _fixed_of(model: ResponseModel, models: tuple[ResponseModel, ...], gate: Gate) -> IntArray:
    own = np.array([other is model for other in models], bool)
    return np.flatnonzero(own & gate.fixed)


def _held_slopes(models: tuple[ResponseModel, ...], gate: Gate) -> frozenset[str]:
    """Names of the models whose common slope is given by fixed items."""
    held = set()
    for model in dict.fromkeys(models):
        slopes = gate.natural[_fixed_of(model, models, gate), 0]
        if not (model.common_slope and slopes.size):
            continue
        if np.ptp(slopes) > 1e-6 * slopes[0]:
            raise InvalidParameterError(
                f"fixed {model.title} items have a from {slopes.min():.4g} to {slopes.max():.4g}: "
                f"the {model.title} has one; name them 2pl"
            )
        held.add(model.name)
    return frozenset(held)


def _check_options(D: float, tol: float, max_cycles: int) -> None:
    check_numbers(D=D, tol=tol, max_cycles=max_cycles)
    if not np.isfinite(D) or D <= 0:
        raise InvalidParameterError(f"D is {D}: use 1.7 (normal metric) or 1.0 (logistic)")
    if not np.isfinite(tol) or tol <= 0:
        raise InvalidParameterError(f"tol is {tol}: give a finite number > 0")
    if int(max_cycles) != max_cycles or max_cycles < 1:
        raise InvalidParameterError(f"max_cycles is {max_cycles}: give a whole number ≥ 1")
