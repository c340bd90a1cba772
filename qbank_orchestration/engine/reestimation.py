"""Re-estimation of sh_p for one exam and day, from what was really served before it.

The day starts from what was in force at its beginning and looks at the days before it, so a rerun
gives the same answer and nothing is applied twice.

What never lives here: the rules themselves (``calibration.reestimation``), reading, publishing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any, Self, cast

import numpy as np

from qbank.stores.exposure import Control
from qbank.stores.item_bank import Exam, Pool
from qbank.stores.served import ServedCounts
from qbank_orchestration.engine.exposure import NothingToCalibrate
from qbank_orchestration.engine.proposal import ExposureProposal
from qbank_orchestration.engine.request import RequestError

ENOUGH_SESSIONS = 100
"""Below this the Wilson interval of a rate of 0.2 is wider than 0.16: hardly anything moves."""


@dataclass(frozen=True)
class ReestimationRequest:
    """Request parameters of a re-estimation.

    Attributes:
        exam_code: the exam.
        day: the UTC day it is for; it looks at the days before.
        tau: target maximum exposure rate.
        days: length of the window.
        floor: smallest sh_p.
        ceil: largest sh_p.
        rule: "nudge" or "eligibility".
        basis: "sessions" or "attempts".
        fading: weight of a day relative to the next, in (0, 1].
        dry_run: stop before publishing.
    """

    exam_code: str
    day: date
    tau: float
    days: int = 7
    floor: float = 0.05
    ceil: float = 1.0
    rule: str = "nudge"
    basis: str = "sessions"
    fading: float = 1.0
    dry_run: bool = False

    @classmethod
    def of(cls, exam: Exam, day: date, params: Mapping[str, Any]) -> Self:
        """Reads parameters; what they leave out comes from the exam's policy, then the defaults.

        Raises:
            RequestError: names the parameter, its value and what is allowed.
        """
        known = {field.name for field in fields(cls)} - {"exam_code", "day"}
        unknown = sorted(set(params) - known)
        if unknown:
            raise RequestError(
                f"request parameter {unknown[0]!r} is unknown: use {', '.join(sorted(known))}"
            )
        policy = exam.policy.get("reestimation") or {}
        given = {k: v for k, v in (dict(policy) | dict(params)).items() if v is not None}
        request = cls(**({"exam_code": exam.exam_code, "day": day, "tau": exam.tau} | given))
        if not (isinstance(request.days, int) and 1 <= request.days <= 365):
            raise RequestError(f"days is {request.days!r}: give 1 to 365")
        return request

    def params(self) -> dict[str, Any]:
        """The request as a JSON object."""
        return asdict(self) | {"day": self.day.isoformat()}


def reestimate(
    request: ReestimationRequest,
    pool: Pool,
    start: Sequence[Control],
    counts: ServedCounts,
) -> ExposureProposal | NothingToCalibrate:
    """Moves sh_p of the live, calibrated items towards the target by what was served.

    Args:
        request: what was asked for.
        pool: the live pool.
        start: controls in force at the start of the day.
        counts: what was served in the window before the day.

    Raises:
        calibration.InvalidParameterError: a parameter or a count is impossible.
    """
    import calibration as cal  # kept out of the code location's import

    live = np.flatnonzero(pool.calibrated)
    if live.size == 0:
        return NothingToCalibrate("no live item has parameters yet")
    if counts.sessions.sum() == 0:
        return NothingToCalibrate(
            f"no controlled session ended in the {request.days} days before {request.day}"
        )
    keys = list(zip(pool.question_id[live].tolist(), pool.version[live].tolist(), strict=True))
    before = {(c.question_id, c.version): c.sh_p for c in start}
    old = [before.get(key) for key in keys]
    place = {
        key: column
        for column, key in enumerate(
            zip(counts.question_id.tolist(), counts.version.tolist(), strict=True)
        )
    }
    columns = np.array([place.get(key, -1) for key in keys])
    served = np.where(columns >= 0, counts.served[:, columns], 0)
    held_back = np.where(columns >= 0, counts.held_back[:, columns], 0)
    done = cal.reestimate(
        np.array([1.0 if value is None else value for value in old]),
        served,
        counts.sessions,
        tau=request.tau,
        floor=request.floor,
        ceil=request.ceil,
        rule=cast(Any, request.rule),  # the library judges both
        held_back=held_back,
        pinned=np.array(pool.pinned[live]),
        basis=cast(Any, request.basis),
        fading=request.fading,
    )
    sessions = int(counts.sessions.sum())
    summary = {
        "items": len(keys),
        "moved": int(done.changed.sum()),
        "held_still": int(done.held_still.sum()),
        "sessions": sessions,
        "enough_sessions": ENOUGH_SESSIONS,
        "effective_sessions": done.trials,
        "max_exposure": float(done.rate.max()),
        "items_over_tau": int((done.rate > request.tau).sum()),
        "tau": request.tau,
        "rate": done.rate.tolist(),
    }
    return ExposureProposal(
        question_id=tuple(question for question, _ in keys),
        version=tuple(version for _, version in keys),
        sh_p_before=tuple(old),
        sh_p=tuple(done.sh_p.tolist()),
        certificate={},
        summary=summary,
        input_fingerprint=_fingerprint(request, start, counts),
    )


def _fingerprint(
    request: ReestimationRequest, start: Sequence[Control], counts: ServedCounts
) -> str:
    digest = hashlib.sha256(json.dumps(request.params(), sort_keys=True).encode())
    digest.update(json.dumps([[c.question_id, c.version, c.sh_p] for c in start]).encode())
    for column in (counts.question_id, counts.version, counts.sessions):
        digest.update(np.ascontiguousarray(column).tobytes())
    digest.update(np.ascontiguousarray(counts.served).tobytes())
    digest.update(np.ascontiguousarray(counts.held_back).tobytes())
    return digest.hexdigest()
