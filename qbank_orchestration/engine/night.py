"""What a night has to do, and why: nothing is calibrated that nothing has changed for.

The one place that decides: the command line, the schedule and the night's sensor all ask here.
What never lives here: doing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta
from typing import Any

from psycopg import Connection

from qbank.exams import selectors
from qbank.exams.needs import smallest_n
from qbank.exams.pretest import tries_out
from qbank.exams.settings import controls_exposure
from qbank.requests import Reestimation, RequestError
from qbank.stores import exam_states, item_bank
from qbank.stores.exam_states import ExamState
from qbank_orchestration.engine.parameters import settings, too_few

# New parameters pay once there is a tenth more to learn from; a few answers move nothing.
MIN_GROWTH = 0.10
MIN_NEW_RESPONSES = 200
REQUESTER = "orchestration"
"""Who asks for what nobody asked for."""


@dataclass(frozen=True)
class Due:
    """An exam's work for one night.

    Attributes:
        parameters: why the IRT model is fitted anew, None where it is not.
        exposure: why exposure control is calibrated, None where it is not.
        reestimation: why the day is re-estimated, None where it is not.
        examination: why fairness and fit are examined, None where they are not.
        waiting: why no calibration is due.
        responses: that the exam has.
    """

    exam_code: str
    parameters: str | None = None
    exposure: str | None = None
    reestimation: str | None = None
    examination: str | None = None
    waiting: str = ""
    responses: int = 0

    @property
    def calibration(self) -> str:
        """Why the exam is calibrated, "" where it is not."""
        return "; ".join(filter(None, (self.parameters, self.exposure)))

    @property
    def why(self) -> str:
        """Why the exam has a night at all, "" where it has none."""
        return self.calibration or self.examination or self.reestimation or ""


def plan(
    conn: Connection[Any],
    day: date,
    *,
    exam_codes: Sequence[str] | None = None,
    full: bool = False,
) -> tuple[Due, ...]:
    """Decides for all exams from what is stored.

    Args:
        conn: an open connection; the marts must have been built.
        day: the UTC day of the night.
        exam_codes: only these exams.
        full: calibrate exposure control whether or not anything changed (the weekly run).
    """
    states = exam_states.read(conn, day=day, requested_by=REQUESTER, exam_codes=exam_codes)
    fits = {state.exam.exam_code: _fit_due(state) for state in states}
    fits |= _too_few(conn, [s for s in states if fits[s.exam.exam_code].parameters])
    return tuple(
        replace(
            due,
            reestimation=_reestimation_due(state, due, day),
            examination=_examination_due(state, due),
            responses=state.responses,
        )
        for state in states
        for due in [_exposure_due(conn, state, fits[state.exam.exam_code], full=full)]
    )


def _fit_due(state: ExamState) -> Due:
    exam, have = state.exam, state.responses
    if have == 0:
        return Due(exam.exam_code, waiting="no responses yet")
    if state.fit_status is None:
        return Due(exam.exam_code, f"{have} responses and no calibration yet")
    changed = _changed(state.fit_settings or {}, settings(exam))
    if changed:
        return Due(exam.exam_code, f"the last calibration was made with {changed}")
    if state.rescored_by is not None:
        why = f"import {state.rescored_by} changed scores of answers that the last calibration had"
        return Due(exam.exam_code, why)
    if state.held_for_people:
        why = "attributes of people changed by which the last calibration held items back"
        return Due(exam.exam_code, why)
    had = state.fit_responses or 0
    # those to a few new items are a small part of all, and are what they wait for
    share = 0.0 if tries_out(exam.policy) else MIN_GROWTH
    enough = exam.policy.get("min_new_responses", max(MIN_NEW_RESPONSES, round(share * had)))
    moved = f"{have - had} new responses since the last calibration"
    if have < had:  # erased, undone or voided
        moved = f"{had - have} responses fewer than at the last calibration"
    if abs(have - had) >= int(enough):
        return Due(exam.exam_code, f"{moved} ({enough} are enough)")
    return Due(exam.exam_code, waiting=f"{moved}, {enough} are enough")


def _changed(then: dict[str, Any], now: dict[str, Any]) -> str:
    """The settings of the last fit that are other ones now; "" where it did not say."""
    names = sorted(then.keys() | now.keys()) if then else []
    return ", ".join(
        f"{name} {then.get(name, 'unset')}, not {now.get(name, 'unset')}"
        for name in names
        if then.get(name) != now.get(name)
    )


def _too_few(conn: Connection[Any], states: Sequence[ExamState]) -> dict[str, Due]:
    """Exams none of whose items can be estimated yet, however many responses there are."""
    if not states:
        return {}
    most = exam_states.most_attempts_of_an_item(conn, [s.exam.exam_code for s in states])
    waiting = {}
    for state in states:
        code = state.exam.exam_code
        try:
            needed = smallest_n(state.exam)
        except (ValueError, TypeError):
            continue  # the calibration itself says what is wrong with the policy
        if most.get(code, 0) < needed:
            waiting[code] = Due(code, waiting=too_few(state.exam, most.get(code, 0)))
    return waiting


def _exposure_due(conn: Connection[Any], state: ExamState, fit: Due, *, full: bool) -> Due:
    if not controls_exposure(state.exam.policy):
        return fit if fit.parameters else _waits(fit, "its settings ask for no exposure control")
    if fit.parameters:
        # exposure control is only right for the parameters it was found under
        return replace(fit, exposure="new parameters")
    if not state.has_parameters:
        return _waits(fit, "no live item has parameters")
    if full:
        return replace(fit, exposure="the weekly calibration", waiting="")
    if state.pool_state == state.calibrated_state:
        return _waits(fit, f"the pool is as it was calibrated on {state.calibrated_at:%Y-%m-%d}")
    if state.pool_state == state.refused_state:
        return _waits(fit, _refused(state))
    return _by_fingerprint(conn, state, fit)


def _by_fingerprint(conn: Connection[Any], state: ExamState, fit: Due) -> Due:
    """Something moved: looks whether the pool is another one, item by item."""
    known = (state.calibrated_fingerprint, state.refused_fingerprint)
    if any(known):
        now = item_bank.load(conn, state.exam.exam_code).fingerprint()
        if now == state.calibrated_fingerprint:
            on = f"{state.calibrated_at:%Y-%m-%d}"
            return _waits(fit, f"the pool is as it was calibrated on {on}")
        if now == state.refused_fingerprint:
            return _waits(fit, _refused(state))
    never = state.calibrated_at is None
    why = "never calibrated" if never else "the live pool or its parameters changed"
    return replace(fit, exposure=why, waiting="")


def _refused(state: ExamState) -> str:
    why = f": {state.refused_error}" if state.refused_error else ""
    return f"the same pool was {state.refused_status} on {state.refused_at:%Y-%m-%d}{why}"


def _waits(fit: Due, why: str) -> Due:
    return replace(fit, waiting="; ".join(filter(None, (fit.waiting, why))))


def _examination_due(state: ExamState, due: Due) -> str | None:
    """Fairness and fit are of parameters, answers and groups of people: one of them is new."""
    if due.parameters:
        return "new parameters"
    if state.responses == 0:  # erased, undone or voided: what was found of them is of nobody
        return "no responses are left" if state.examined_responses else None
    if not state.has_parameters:
        return None
    if state.examined_at is None:
        return "fairness and fit were never examined"
    if state.fitted_at is not None and state.fitted_at > state.examined_at:
        return "parameters came into force since the last examination"
    if not state.examined_people:
        return "attributes of people changed"
    return None


def _reestimation_due(state: ExamState, due: Due, day: date) -> str | None:
    """Controlled sessions of the window that no re-estimation has seen yet."""
    newest = state.last_controlled_day
    exam = state.exam
    if not controls_exposure(exam.policy):
        return None
    if not selectors.moves_alone(exam.selector, exam.exposure_control):
        return None  # only a calibration finds them
    if newest is None or not (state.has_parameters or due.parameters):
        return None
    try:
        days = Reestimation.resolve(state.exam, {}, day=day).days
    except RequestError as error:
        return f"its policy is wrong: {error}"  # said by the run, where a person sees it
    first = day - timedelta(days=days)
    if state.sh_p_replaced_at is not None:
        # what was served before was served under other values
        first = max(first, state.sh_p_replaced_at.astimezone(UTC).date())
    if state.reestimated_day is not None:
        first = max(first, state.reestimated_day)
    return f"controlled sessions up to {newest}" if newest >= first else None
