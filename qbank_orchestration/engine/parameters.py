"""Item parameters of an exam from its first attempts: fit, scale, gates, classical statistics.

What never lives here: reading responses, publishing, Dagster.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from qbank.exams.needs import smallest_n
from qbank.requests import IrtFit
from qbank.stores.item_bank import Exam
from qbank.stores.item_examinations import People
from qbank.stores.item_parameters import ItemParameters, ItemStatistics
from qbank.stores.responses import FirstAttempts
from qbank_orchestration.engine import fairness, item_gates, new_items
from qbank_orchestration.engine.exposure import NothingToCalibrate
from qbank_orchestration.engine.proposal import ParameterProposal
from qbank_orchestration.engine.scale import OldScale, Scaled, on_old_scale

if TYPE_CHECKING:
    from calibration.irt import FitResult

Report = Callable[[dict[str, Any]], bool]


def settings(exam: Exam, request: IrtFit | None = None) -> dict[str, Any]:
    """What decides an exam's fit beside the responses: another value asks for another fit.

    Args:
        exam: its model and policy.
        request: of one fit, which may differ from the exam's policy; None is as the exam has it.
    """
    decisive = ("min_responses", "linking", "unanswered")
    own = {"model": exam.irt_model} | {
        name: exam.policy[name] for name in decisive if name in exam.policy
    }
    usual = exam.policy.get("linking", IrtFit.model_fields["linking"].default)
    if request is None or request.linking == usual:
        return own
    return own | {"linking": request.linking}


WORTH_A_FIT = 30
"""First attempts at an item; whoever calibrates on fewer should not be told to."""


def too_few(exam: Exam, most: int) -> str:
    """What is said where no item has the answers that the exam's model needs.

    Args:
        exam: its model and policy.
        most: first attempts at its most answered item.
    """
    why = f"{most} first attempts at an item at most, and {exam.irt_model} needs {smallest_n(exam)}"
    told = f"{why} (min_responses): collect more answers"
    if most < WORTH_A_FIT:
        return told
    return f"{told}, or `qbank exam set {exam.exam_code} --min-responses {most}`"


def estimate(
    exam: Exam,
    request: IrtFit,
    attempts: FirstAttempts,
    published: tuple[ItemParameters, ...],
    in_use: Collection[tuple[int, int]],
    median_times: Mapping[tuple[int, int], float],
    refs: Mapping[int, str],
    people: People,
    report: Report,
) -> ParameterProposal | NothingToCalibrate:
    """Fits the exam's model, puts it on the published scale and gathers what may be used.

    Where the exam tries out items, and has a scale, the published ones are held and new ones alone
    are estimated. Items with fewer first attempts than the exam's policy (``min_responses``) or the
    model asks for keep what is published; the summary says how many.

    Args:
        exam: model and policy.
        request: what was asked for.
        attempts: first attempts in long form.
        published: parameters in force under the exam's model, which give the scale.
        in_use: question id and version of what has parameters under any model.
        median_times: median time in ms by (question id, version).
        refs: names of questions where they came from, by id.
        people: who gave the attempts, with their attributes.
        report: takes progress as a JSON object; returns False to cancel.

    Raises:
        calibration.CalibrationError: the responses cannot be calibrated at all.
    """
    if len(attempts) == 0:
        return NothingToCalibrate("the exam has no first attempts yet")
    old = OldScale.of(attempts, published)
    seen = {
        "responses": len(attempts),
        "settings": settings(exam, request),
        "people_version": people.version,
    }
    by_themselves = new_items.are_tried_out(exam, old)
    fit = _fitted(exam, attempts, old if by_themselves else None, report)
    large_dif = fairness.large_on_new(attempts, fit, people.attributes, in_use)
    if by_themselves:
        taken = new_items.taken(exam, attempts, fit, refs, large_dif, smallest_n(exam))
        usable, held, seen = taken.usable, taken.held, seen | taken.summary
        nothing = taken.nothing
    else:
        held = item_gates.held_back(attempts, fit, refs, large_dif)
        usable = item_gates.usable(attempts, fit, held)
        nothing = (
            f"all {len(held)} estimated items are held back: {held[0]}"
            if held
            else too_few(exam, int(fit.n.max()))
        )
    seen |= {"held_back": [asdict(item) for item in held]}
    if not usable.any():
        return NothingToCalibrate(nothing, seen)
    scaled = (
        new_items.scaled(fit, old)
        if by_themselves
        else on_old_scale(fit, usable, old, method=request.linking)
    )
    return ParameterProposal(
        model=exam.irt_model,
        parameters=_parameters(attempts, fit, usable, scaled),
        statistics=_statistics(attempts, fit, median_times),
        summary=seen | _summary(attempts, fit, usable) | {"scale": scaled.summary},
        input_fingerprint=attempts.fingerprint(),
    )


def _fitted(
    exam: Exam, attempts: FirstAttempts, held: OldScale | None, report: Report
) -> FitResult:
    """A fit of all items; or of those alone that the scale in force does not have."""
    import calibration as cal  # kept out of the code location's import

    usual = exam.policy.get("min_responses", "default")
    return cal.fit(
        attempts.person,
        attempts.item,
        attempts.correct,
        model=exam.irt_model,
        D=new_items.SCALING_CONSTANT,
        item_count=attempts.question_id.size,
        person_count=attempts.persons,
        min_n=usual if held is None else min(new_items.PROVISIONAL_N, smallest_n(exam)),
        fixed=None if held is None else held.known(new_items.SCALING_CONSTANT),
        on_cycle=lambda cycle, objective: (
            report({"iter": cycle, "log_posterior": objective}) if cycle % 10 == 0 else True
        ),
    )


def _parameters(
    attempts: FirstAttempts,
    fit: FitResult,
    usable: npt.NDArray[np.bool_],
    scaled: Scaled,
) -> tuple[ItemParameters, ...]:
    return tuple(
        ItemParameters(
            question_id=int(attempts.question_id[item]),
            version=int(attempts.version[item]),
            a=float(scaled.a[item]),
            b=float(scaled.b[item]),
            c=float(fit.c[item]),
            se_a=_known(fit.se_a[item] / scaled.A),
            se_b=_known(fit.se_b[item] * scaled.A),
            se_c=_known(fit.se_c[item]),
            n_respondents=int(fit.n[item]),
            converged=fit.converged,
            scaling_constant=fit.D,
        )
        for item in np.flatnonzero(usable).tolist()
    )


def _known(error: float) -> float | None:
    return float(error) if np.isfinite(error) else None


def _statistics(
    attempts: FirstAttempts, fit: FitResult, median_times: Mapping[tuple[int, int], float]
) -> tuple[ItemStatistics, ...]:
    from calibration.itemfit import classical

    found = classical(
        attempts.person, attempts.item, attempts.correct, item_count=attempts.question_id.size
    )
    keys = zip(attempts.question_id.tolist(), attempts.version.tolist(), strict=True)
    return tuple(
        ItemStatistics(
            question_id=question,
            version=version,
            p_value=float(found.p[item]) if found.n[item] else None,
            r_point_biserial=float(found.item_rest[item]),
            median_time_ms=median_times.get((question, version)),
            n=int(found.n[item]),
        )
        for item, (question, version) in enumerate(keys)
    )


def _summary(
    attempts: FirstAttempts, fit: FitResult, usable: npt.NDArray[np.bool_]
) -> dict[str, Any]:
    flags = sorted({flag for own in fit.flags for flag in own})
    return {
        "persons": attempts.persons,
        "items": int(fit.a.size),
        "items_calibrated": int(usable.sum()),
        "flags": {flag: int(fit.flagged(flag).sum()) for flag in flags},
        "converged": fit.converged,
        "stopped_reason": fit.stopped_reason,
        "cycles": fit.cycles,
        "log_likelihood": fit.log_likelihood,
        "median_se_a": float(np.median(fit.se_a[usable])),
        "median_se_b": float(np.median(fit.se_b[usable])),
    }
