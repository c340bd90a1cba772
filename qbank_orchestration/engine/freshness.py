"""How fresh each exam's data and calibration are, and whether its volume is as usual.

Judged by exam, for one busy exam would hide a silent one. What never lives here: reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from qbank_orchestration.engine.finding import Judged

DATA_WITHIN = timedelta(days=7)
CALIBRATED_WITHIN = timedelta(days=14)
# A day is odd when it lies this many robust standard deviations from the exam's own days.
ODD_Z = 5.0
ENOUGH_DAYS = 7


@dataclass(frozen=True)
class Aged:
    """What is known of one exam's age; None where there is nothing yet.

    Attributes:
        controlled: whether the exam asks for exposure control.
    """

    exam_code: str
    newest_response: datetime | None
    calibrated_at: datetime | None
    controlled: bool = True


def data(aged: Sequence[Aged], now: datetime) -> tuple[Judged, ...]:
    """Whether each exam was answered lately; an exam nobody ever sat is left out."""
    return tuple(
        _age(exam.exam_code, exam.newest_response, DATA_WITHIN, now, "the newest response is")
        for exam in aged
        if exam.newest_response is not None
    )


def calibration(aged: Sequence[Aged], now: datetime) -> tuple[Judged, ...]:
    """Whether exposure control of each exam that is answered and has it was calibrated lately."""
    return tuple(
        _age(exam.exam_code, exam.calibrated_at, CALIBRATED_WITHIN, now, "the calibration is")
        for exam in aged
        if exam.newest_response is not None and exam.controlled
    )


def volume(exam_code: str, counts: Sequence[int]) -> Judged:
    """Whether the last day's sessions are like those of the days before (median and MAD).

    Counts are judged on the square-root scale, where their spread does not grow with their size
    (Anscombe 1948).
    """
    numbers: dict[str, Any] = {"days": len(counts), "last": counts[-1] if counts else 0}
    if len(counts) <= ENOUGH_DAYS:
        return Judged(exam_code, f"{len(counts)} days are too few to judge", numbers, fine=True)
    roots = np.sqrt(np.asarray(counts, dtype=np.float64) + 0.375)
    usual, last = roots[:-1], roots[-1]
    centre = float(np.median(usual))
    # half is the standard deviation of a Poisson count's root: the spread is never taken smaller
    spread = max(1.4826 * float(np.median(np.abs(usual - centre))), 0.5)
    z = (float(last) - centre) / spread
    numbers |= {"usual": round(centre**2, 1), "robust_z": round(z, 2)}
    return Judged(exam_code, f"robust z is {z:+.1f}", numbers, fine=abs(z) <= ODD_Z)


def _age(
    exam_code: str, moment: datetime | None, within: timedelta, now: datetime, what: str
) -> Judged:
    if moment is None:
        return Judged(exam_code, f"{what} missing", {"days": None}, fine=False)
    days = (now - moment) / timedelta(days=1)
    numbers = {"days": round(days, 2), "allowed_days": within.days}
    return Judged(exam_code, f"{what} {days:.1f} days old", numbers, fine=now - moment <= within)
