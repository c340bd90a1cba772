"""Requests as the API leaves them, rows of ``calibration_runs``, and what came of them."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

import psycopg

from qbank import postgres
from qbank.errors import QbankError
from qbank.stores import exposure, runs
from tests.orchestration.conftest import ALGEBRA
from tests.orchestration.daemon import wait_for

PATIENCE = 300.0  # a worker imports its libraries on a machine that may be busy


def request(kind: runs.Kind = "sympson_hetter", **params: object) -> UUID:
    """Asks for a run of the first exam."""
    with postgres.connect("orchestration") as conn:
        run = runs.create(
            conn, kind=kind, exam_code=ALGEBRA, params=params, requested_by="admin", seed=1
        )
    return run.id


def look(run_id: UUID) -> runs.Run:
    """The row as it is."""
    with postgres.connect("orchestration") as conn:
        return runs.get(conn, run_id)


def ended(run_id: UUID) -> runs.Run:
    """The row once it is finished."""

    def finished() -> runs.Run | None:
        with suppress(psycopg.Error, QbankError):  # a server that was killed is starting
            run = look(run_id)
            return run if run.status in runs.FINISHED else None
        return None

    return wait_for(finished, PATIENCE, f"the end of run {run_id}")


def in_force() -> list[tuple[int, float]]:
    """sh_p of the first exam, item by item."""
    with postgres.connect("orchestration") as conn:
        return [(c.question_id, c.sh_p) for c in exposure.in_force(conn, ALGEBRA)]
