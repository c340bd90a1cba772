"""One exam's re-estimated day: what it starts from, what it saw, and the later days that follow it.

What never lives here: the rule (``engine.reestimation``) and its audit.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
from psycopg import Connection

from qbank.exams import selectors
from qbank.requests import Reestimation, SympsonHetter, topic_caps
from qbank.stores import exposure, item_bank, runs, served
from qbank_orchestration.engine import publication
from qbank_orchestration.engine.exposure import NothingToCalibrate
from qbank_orchestration.engine.proposal import ExposureProposal
from qbank_orchestration.engine.reestimation import reestimate

Proposed = ExposureProposal | NothingToCalibrate


def propose(conn: Connection[Any], request: Reestimation) -> Proposed:
    """Re-estimates a day from what is stored.

    What was served before the last calibration was served under other values, so the window
    begins no earlier than that calibration's day.
    """
    last = request.day - timedelta(days=1)
    first = request.day - timedelta(days=request.days)
    calibrated = exposure.last_calibrated(conn, request.exam_code, before=request.day)
    if calibrated is not None:
        first = max(first, calibrated.astimezone(UTC).date())
    if first > last:
        return NothingToCalibrate(f"sh_p was calibrated anew on {first}: no day lies between")
    pool = item_bank.load(conn, request.exam_code)
    began = datetime.combine(request.day, time.min, tzinfo=UTC)
    # what another selector served says nothing of the sh_p that was found for this one
    run = runs.calibration_in_force(conn, request.exam_code, before=began)
    selector = pool.exam.selector if run is None else runs.selector_of(run)
    control = (run.params if run else {}).get("exposure_control", "sympson_hetter")
    if not selectors.moves_alone(selector, control):
        return NothingToCalibrate(
            f"exam {request.exam_code} has sh_p that only a calibration finds, by"
            f" {selector if selectors.weighs(selector) else control}"
        )
    counts = served.window(conn, request.exam_code, first=first, last=last, selector=selector)
    start = exposure.at_start_of(conn, request.exam_code, request.day)
    return reestimate(request, pool, start, counts, _caps(conn, request, pool))


def _caps(
    conn: Connection[Any], request: Reestimation, pool: item_bank.Pool
) -> npt.NDArray[np.float64]:
    """Each item's cap, (J,): τ, and for topics what the calibration in force held them to.

    Where none is in force, what the exam's policy would have the first one hold them to.
    """
    import calibration as cal  # kept out of the code location's import

    began = datetime.combine(request.day, time.min, tzinfo=UTC)
    run = runs.calibration_in_force(conn, request.exam_code, before=began)
    held = run.params if run else SympsonHetter.resolve(pool.exam, {}).params()
    caps = topic_caps.resolve(
        item_bank.topics(conn, pool.exam.tenant_id),
        pool.topic_id,
        held.get("topic_tau"),
        held.get("topic_weights"),
        each_has_items=False,  # they may have retired since
    )
    return cal.caps_of(caps.item_code, request.tau, caps.topic_tau, caps.topic_weights)


def follow(
    conn: Connection[Any], exam_code: str, day: date, *, leader: UUID
) -> Iterator[publication.Outcome]:
    """Computes the later days again whose start the day has changed; commits after each.

    Days that start from the same values as before stay as they are.
    """
    exam = item_bank.exam(conn, exam_code)
    for later in runs.reestimated_days(conn, exam_code, after=day):
        params = {k: v for k, v in later.params.items() if k != "follows"}
        later_day = date.fromisoformat(later.params["day"])
        request = Reestimation.resolve(exam, params, day=later_day)
        proposal = propose(conn, request)
        if (
            isinstance(proposal, NothingToCalibrate)
            or proposal.input_fingerprint == later.input_fingerprint
        ):
            conn.commit()
            continue
        yield _again(conn, request, proposal, leader)
        conn.commit()


def _again(
    conn: Connection[Any], request: Reestimation, proposal: ExposureProposal, leader: UUID
) -> publication.Outcome:
    run = runs.create(
        conn,
        kind="reestimation",
        exam_code=request.exam_code,
        params=request.stored() | {"follows": str(leader)},
        requested_by="a day before it",
        orchestrator_run_id=f"follows {leader}",
    )
    runs.propose(conn, run.id, proposal.as_result(), input_fingerprint=proposal.input_fingerprint)
    return publication.publish(conn, run.id)
