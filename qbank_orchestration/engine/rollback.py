"""Rollback: exposure control as it stood when an earlier run had published, as a run of its own.

What never lives here: how that run found its values.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

from psycopg import Connection

from qbank.requests import Rollback
from qbank.stores import exposure, runs
from qbank_orchestration.engine.proposal import ExposureProposal


def request(
    conn: Connection[Any],
    to_run: UUID,
    *,
    requested_by: str,
    note: str | None = None,
    run_id: UUID | None = None,
) -> runs.Run:
    """Queues a rollback to ``to_run``.

    Raises:
        NotFoundError: there is no such run, or it published no exposure control.
    """
    target = runs.get(conn, to_run)
    exposure.after_run(conn, target.exam_code, to_run)  # refuses a run that changed nothing
    return runs.create(
        conn,
        kind="rollback",
        exam_code=target.exam_code,
        params=Rollback(run_id=to_run, note=note).stored(),
        requested_by=requested_by,
        run_id=run_id,
    )


def propose(conn: Connection[Any], run: runs.Run) -> None:
    """Keeps, as the run's proposal, what was in force when its target had published.

    The exam is locked, so nothing changes between this and the publication that follows in the
    same transaction.

    Raises:
        NotFoundError: the target is gone or published nothing.
    """
    exposure.lock(conn, run.exam_code)
    then = exposure.after_run(conn, run.exam_code, UUID(run.params["run_id"]))
    held = {(c.question_id, c.version): c.sh_p for c in exposure.in_force(conn, run.exam_code)}
    text = json.dumps([[c.question_id, c.version, c.sh_p] for c in then])
    proposal = ExposureProposal(
        question_id=tuple(c.question_id for c in then),
        version=tuple(c.version for c in then),
        sh_p_before=tuple(held.get((c.question_id, c.version)) for c in then),
        sh_p=tuple(c.sh_p for c in then),
        certificate={},
        summary={"items": len(then), "to_run": run.params["run_id"]},
        input_fingerprint=hashlib.sha256(text.encode()).hexdigest(),
    )
    runs.propose(conn, run.id, proposal.as_result(), input_fingerprint=proposal.input_fingerprint)
