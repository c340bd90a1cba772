"""Sympson–Hetter for the live pool of an exam: the request and the pool in, a proposal out.

What never lives here: reading the pool, publishing, Dagster.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from qbank.exams import selectors
from qbank.exams.settings import controls_exposure
from qbank.requests import SympsonHetter
from qbank.requests.topic_caps import resolve
from qbank.stores.item_bank import Pool, Topic
from qbank_orchestration.engine import conditions
from qbank_orchestration.engine.population import ExamPopulation
from qbank_orchestration.engine.proposal import ExposureProposal, optional, plain

if TYPE_CHECKING:
    from calibration import (
        ConditionalRun,
        EligibilityResult,
        InfeasibleExposureError,
        ItemBank,
        PriorityRun,
        RestrictedRun,
        SympsonHetterRun,
    )

    Run = SympsonHetterRun | EligibilityResult | ConditionalRun | PriorityRun | RestrictedRun

Report = Callable[[dict[str, Any]], bool]

# The certificate bounds P(A) for all items at once. At 200,000 examinees the bound lies about
# 0.004 above a rate of 0.2, so a pool that meets tau shows as meeting it.
CERTIFICATE_N = 200_000
# Hardly ever met with 10,000 examinees, so the search makes all its iterations, about a second's
# work: the exposure parameters average out over them.
TOLERANCE = 0.003
# With n examinees a rate of tau has a standard error of sqrt(tau(1 − tau)/n), and the largest of
# the hundred or so items at their cap lies 2 to 2.5 of these above its true rate: an excess below
# that is noise, and the search has converged.
NOISE_ERRORS = 2.25


@dataclass(frozen=True)
class NothingToCalibrate:
    """Why there is no proposal.

    Attributes:
        summary: what was looked at, so that nobody looks again before there is more.
    """

    reason: str
    summary: Mapping[str, Any] = field(default_factory=dict)


def calibrate(
    pool: Pool,
    topics: Sequence[Topic],
    request: SympsonHetter,
    population: ExamPopulation,
    report: Report,
) -> ExposureProposal | NothingToCalibrate:
    """Finds exposure parameters for the calibrated items of the live pool.

    Args:
        pool: the live pool with its parameters.
        topics: the tenant's topic tree, for caps by topic.
        request: what was asked for; its seed must be set.
        population: whom to simulate.
        report: takes each iteration as a JSON object; returns False to cancel.

    Raises:
        RequestError: a topic of the request is unknown or empty, or its quota cannot be kept.
        calibration.InfeasibleExposureError: no exposure parameters can meet the caps, or the pool
            is shorter than a test.
        calibration.InvalidParameterError: a request parameter does not fit the pool.
    """
    import calibration as cal  # kept out of the code location's import

    if not controls_exposure(pool.exam.policy):
        return NothingToCalibrate(
            f"exam {pool.exam.exam_code} asks for no exposure control: `qbank exam set"
            f" {pool.exam.exam_code} --exposure-control sympson_hetter` does"
        )
    usable = np.flatnonzero(pool.calibrated)
    if usable.size == 0:
        return NothingToCalibrate("no live item has parameters yet")
    assert request.seed is not None  # noqa: S101  (the caller seeds the request)
    caps = resolve(topics, pool.topic_id[usable], request.topic_tau, request.topic_weights)
    delivered = conditions.of_request(pool, usable, topics, request)
    if usable.size < delivered.test_length:
        raise cal.InfeasibleExposureError(
            f"a test has {delivered.test_length} items, and {usable.size} have parameters",
            shortfall=float(delivered.test_length - usable.size),
            least_tau=1.0,
        )
    given: dict[str, Any] = {
        "tau": request.tau,
        "test_length": delivered.test_length,
        "theta_dist": population.theta_dist,
        "floor": request.floor,
        "topic_tau": caps.topic_tau,
        "topic_weights": caps.topic_weights,
        "cap_topic": caps.item_code,
        "quota": delivered.bounds,
        "rule": selectors.rule_of(request.selector),
        "seed": request.seed,
        "on_iteration": lambda iteration: report(plain(iteration)),
        "tol": TOLERANCE,
        "certificate_n": max(CERTIFICATE_N, request.n),
    }
    bank = bank_of(pool, usable, delivered)
    run = _searched(bank, request, given)
    noise = NOISE_ERRORS * math.sqrt(request.tau * (1 - request.tau) / request.n)
    within_noise = run.stopped_reason == "max_iterations" and run.max_over <= noise
    certificate = {} if run.certificate is None else plain(run.certificate)
    administered = certificate.pop("administered", [])
    summary = {
        "items": int(usable.size),
        "items_controlled": int((run.parameters < 1).sum()),
        "items_free": int((run.parameters >= 1).sum()),
        "test_len": request.test_len,
        "tau": request.tau,
        "quota": delivered.quota,
        "selector": request.selector,
        "exposure_control": request.exposure_control,
        "population": plain(population),
        "converged": run.converged or within_noise,
        "max_over": run.max_over,
        "noise": noise,
        "stopped_reason": "within_noise" if within_noise else run.stopped_reason,
        "iterations": len(run.history),
        "administered": administered,
        # of each item, by its topic where that has one, for whoever judges what was served
        "caps": cal.caps_of(
            caps.item_code, request.tau, caps.topic_tau, caps.topic_weights
        ).tolist(),
        "pool_state": pool.state,
    }
    if isinstance(run, cal.RestrictedRun):
        summary["restriction"] = {
            "question_id": pool.question_id[usable].tolist(),
            "version": pool.version[usable].tolist(),
            "cap": run.cap.tolist(),
        }
    if isinstance(run, cal.ConditionalRun):
        summary |= {
            "max_stratum": run.max_exposure.tolist(),
            "max_stratum_upper": run.max_exposure_upper,
            "by_theta": {
                "edges": run.control.edges.tolist(),
                "question_id": pool.question_id[usable].tolist(),
                "version": pool.version[usable].tolist(),
                "share": run.share.tolist(),
            },
        }
    return ExposureProposal(
        question_id=tuple(pool.question_id[usable].tolist()),
        version=tuple(pool.version[usable].tolist()),
        sh_p_before=tuple(optional(pool.sh_p[usable], pool.controlled[usable])),
        sh_p=tuple(run.parameters.tolist()),
        certificate=certificate,
        summary=summary,
        input_fingerprint=pool.fingerprint(),
    )


def _searched(bank: ItemBank, request: SympsonHetter, given: Mapping[str, Any]) -> Run:
    """Exposure parameters by the search that was asked for."""
    import calibration as cal  # as above
    from calibration.exposure.eligibility import PASS

    if selectors.weighs(request.selector):
        return cal.priority_index(bank, **given)
    if request.exposure_control == selectors.RESTRICTED:
        aside = ("floor", "certificate_n")
        counted = {name: value for name, value in given.items() if name not in aside}
        return cal.restricted(bank, n=given["certificate_n"], certificate=True, **counted)
    if request.exposure_control == "item_eligibility":
        return cal.item_eligibility(bank, n=PASS * request.n, ceil=request.ceil, **given)
    iterated: dict[str, Any] = {"iters": request.iters, "alpha": request.alpha}
    if request.exposure_control == "sympson_hetter":
        return cal.sympson_hetter(bank, n=request.n, ceil=request.ceil, **iterated, **given)
    # τ is one for all items, a request has it; strata are simulated one by one, so each is smaller
    by_item = ("topic_tau", "topic_weights", "cap_topic", "tol")
    one_cap = {name: value for name, value in given.items() if name not in by_item}
    if request.exposure_control == "stocking_lewis":
        n = max(request.n // 2, 1)
        return cal.stocking_lewis(bank, n=n, ceil=request.ceil, **iterated, **one_cap)
    return cal.item_eligibility_by_theta(bank, n=2 * request.n, ceil=request.ceil, **one_cap)


def bank_of(
    pool: Pool, usable: npt.NDArray[np.int64], delivered: conditions.Conditions
) -> ItemBank:
    """The usable items as the science takes them, with the topics of the quota."""
    import calibration as cal  # kept out of the code location's import

    return cal.ItemBank(
        pool.a[usable],
        pool.b[usable],
        pool.c[usable],
        delivered.line,
        pool.scaling_constant[usable],
        model=pool.exam.irt_model,
    )


def infeasible(pool: Pool, request: SympsonHetter, error: InfeasibleExposureError) -> str:
    """Why no exposure parameters can meet the caps, and what a person does about it."""
    code, items = pool.exam.exam_code, int(pool.calibrated.sum())
    fixed_form = f"`qbank exam set {code} --exposure-control none` where everybody gets one form"
    if request.test_len > items:
        remedy = (
            f"`qbank exam set {code} --test-length {items}` or shorter, more items, or {fixed_form}"
        )
    elif request.topic_tau or request.topic_weights:
        remedy = f"wider caps of topics, or {fixed_form}"
    else:
        tau = min(math.ceil(100 * error.least_tau) / 100, 1.0)
        remedy = f"`qbank exam set {code} --tau {tau:g}`, a shorter test, or {fixed_form}"
    return f"{error}: {remedy}"
