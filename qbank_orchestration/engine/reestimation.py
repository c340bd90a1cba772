"""Re-estimation of sh_p for one exam and day, from what was really served before it.

The day starts from what was in force at its beginning and looks at the days before it, so a rerun
gives the same answer and nothing is applied twice.

What never lives here: the rules themselves (``calibration.reestimation``), reading, publishing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from qbank.exams import selectors
from qbank.exams.settings import controls_exposure
from qbank.requests import Reestimation
from qbank.stores.exposure import Control
from qbank.stores.item_bank import Pool
from qbank.stores.served import ServedCounts
from qbank_orchestration.engine.exposure import NothingToCalibrate
from qbank_orchestration.engine.proposal import ExposureProposal

ENOUGH_SESSIONS = 100
"""Below this the Wilson interval of a rate of 0.2 is wider than 0.16: hardly anything moves."""


def reestimate(
    request: Reestimation,
    pool: Pool,
    start: Sequence[Control],
    counts: ServedCounts,
    caps: npt.NDArray[np.float64],
) -> ExposureProposal | NothingToCalibrate:
    """Moves sh_p of the live, calibrated items towards their caps by what was served.

    Args:
        request: what was asked for.
        pool: the live pool, J items.
        start: controls in force at the start of the day.
        counts: what was served in the window before the day.
        caps: largest exposure rate of each item, (J,).

    Raises:
        calibration.InvalidParameterError: a parameter or a count is impossible.
    """
    import calibration as cal  # kept out of the code location's import

    if not controls_exposure(pool.exam.policy):
        return NothingToCalibrate(f"exam {pool.exam.exam_code} asks for no exposure control")
    exam = pool.exam
    if not selectors.moves_alone(exam.selector, exam.exposure_control):
        return NothingToCalibrate(
            f"exam {exam.exam_code} has sh_p that only a calibration finds, by"
            f" {exam.selector if selectors.weighs(exam.selector) else exam.exposure_control}"
        )
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
        tau=caps[live],
        floor=request.floor,
        ceil=request.ceil,
        rule=request.rule,
        held_back=held_back,
        pinned=np.array(pool.pinned[live]),
        basis=request.basis,
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
        "items_over_tau": int((done.rate > caps[live]).sum()),
        "tau": request.tau,
        "rate": done.rate.tolist(),
        "cap": caps[live].tolist(),
    }
    return ExposureProposal(
        question_id=tuple(question for question, _ in keys),
        version=tuple(version for _, version in keys),
        sh_p_before=tuple(old),
        sh_p=tuple(done.sh_p.tolist()),
        certificate={},
        summary=summary,
        input_fingerprint=_fingerprint(request, start, counts, caps[live]),
    )


def _fingerprint(
    request: Reestimation,
    start: Sequence[Control],
    counts: ServedCounts,
    caps: npt.NDArray[np.float64],
) -> str:
    digest = hashlib.sha256(json.dumps(request.params(), sort_keys=True).encode())
    digest.update(json.dumps([[c.question_id, c.version, c.sh_p] for c in start]).encode())
    for column in (counts.question_id, counts.version, counts.sessions, caps):
        digest.update(np.ascontiguousarray(column).tobytes())
    digest.update(np.ascontiguousarray(counts.served).tobytes())
    digest.update(np.ascontiguousarray(counts.held_back).tobytes())
    return digest.hexdigest()
