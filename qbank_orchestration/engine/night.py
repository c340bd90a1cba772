"""What an exam's night has to do, and why: nothing is calibrated that nothing has changed for.

What never lives here: doing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Connection

from qbank.stores import item_bank, responses, runs
from qbank.stores.item_bank import Exam

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
        waiting: why either is not due.
    """

    exam_code: str
    parameters: str | None
    exposure: str | None
    waiting: str

    @property
    def anything(self) -> bool:
        """Whether a calibration is due."""
        return bool(self.parameters or self.exposure)


def due(conn: Connection[Any], exam_code: str, *, full: bool = False) -> Due:
    """Decides from what is stored.

    Args:
        conn: an open connection.
        exam_code: the exam.
        full: calibrate exposure control whether or not anything changed (the weekly run).

    Raises:
        NotFoundError: the exam does not exist.
    """
    exam = item_bank.exam(conn, exam_code)
    parameters, waiting = _parameters_due(conn, exam)
    if parameters:
        # exposure control is only right for the parameters it was found under
        return Due(exam_code, parameters, "new parameters", "")
    exposure, why_not = _exposure_due(conn, exam_code, full=full)
    return Due(exam_code, None, exposure, "; ".join(filter(None, (waiting, why_not))))


def _parameters_due(conn: Connection[Any], exam: Exam) -> tuple[str | None, str]:
    have = responses.first_attempt_count(conn, exam.exam_code)
    if have == 0:
        return None, "no responses yet"
    last = runs.latest(conn, exam.exam_code, "irt", statuses=("done", "empty", "rejected"))
    if last is None:
        return f"{have} responses and no calibration yet", ""
    had = int(((last.result or {}).get("summary") or {}).get("responses", 0))
    enough = int(
        exam.policy.get("min_new_responses", max(MIN_NEW_RESPONSES, round(MIN_GROWTH * had)))
    )
    if have - had >= enough:
        return f"{have - had} new responses since the last calibration ({enough} are enough)", ""
    return None, f"{have - had} new responses, {enough} are enough"


def _exposure_due(conn: Connection[Any], exam_code: str, *, full: bool) -> tuple[str | None, str]:
    pool = item_bank.load(conn, exam_code)
    if not pool.calibrated.any():
        return None, "no live item has parameters"
    if full:
        return "the weekly calibration", ""
    now = pool.fingerprint()
    last = runs.latest(conn, exam_code, "sympson_hetter")
    if last is not None and last.input_fingerprint == now:
        return None, f"the pool is as it was calibrated on {last.finished_at:%Y-%m-%d}"
    # what the night itself could not publish, it cannot publish tomorrow from the same pool
    refused = runs.latest(
        conn,
        exam_code,
        "sympson_hetter",
        statuses=("rejected", "empty"),
        requested_by=REQUESTER,
    )
    if refused is not None and refused.input_fingerprint == now:
        return None, f"the same pool was {refused.status} on {refused.finished_at:%Y-%m-%d}"
    return "never calibrated" if last is None else "the live pool or its parameters changed", ""


def reestimation_due(conn: Connection[Any], exam_code: str, day: date) -> bool:
    """Whether the day has not been re-estimated yet."""
    return runs.reestimation_of(conn, exam_code, day) is None
