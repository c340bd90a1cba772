"""What a row of ``calibration_runs`` says: the run, a page of runs, and what a listing asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from qbank.vocabulary import Kind, Status


@dataclass(frozen=True)
class Run:
    """One calibration run.

    Attributes:
        params: the request as it was made.
        history: one entry per iteration, oldest first; empty in listings.
        result: summary, certificate, checks and, except in listings, the proposal.
        heartbeat_at: last sign of life while running.
        orchestrator_run_id: the Dagster run that works on the row.
    """

    id: UUID
    kind: Kind
    exam_code: str
    status: Status
    params: dict[str, Any]
    history: list[dict[str, Any]]
    result: dict[str, Any] | None
    error: str | None
    stopped_reason: str | None
    requested_by: str
    input_fingerprint: str | None
    seed: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    heartbeat_at: datetime | None
    cancel_requested_at: datetime | None
    orchestrator_run_id: str | None


@dataclass(frozen=True)
class RunPage:
    """One page of a listing, newest run first, and how many there are in all."""

    runs: tuple[Run, ...]
    total: int


@dataclass(frozen=True)
class RunFilter:
    """Which runs a listing wants; None means any.

    Attributes:
        start: created at or after.
        end: created before.
        tenant_id: only runs of this tenant's exams.
    """

    exam_code: str | None = None
    kind: Kind | None = None
    status: Status | None = None
    start: datetime | None = None
    end: datetime | None = None
    tenant_id: str | None = None


@dataclass(frozen=True)
class ItemChange:
    """sh_p of one item before and after a run; None where the item had no control."""

    question_id: int
    version: int
    sh_p_before: float | None
    sh_p_after: float | None

    @property
    def delta(self) -> float:
        """Change, counting "no control" as 1 (nothing held back)."""
        before = 1.0 if self.sh_p_before is None else self.sh_p_before
        after = 1.0 if self.sh_p_after is None else self.sh_p_after
        return after - before


_REST = """error, stopped_reason, requested_by, input_fingerprint, seed, created_at,
    started_at, finished_at, heartbeat_at, cancel_requested_at, orchestrator_run_id"""
COLUMNS = f"id, kind, exam_code, status, params, history, result, {_REST}"
LISTED = f"""id, kind, exam_code, status, params, '[]'::jsonb AS history,
    result - 'proposal' AS result, {_REST}"""
