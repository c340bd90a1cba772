"""Calibration runs: a page of them, one, what it changed, going back to it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from delivery_api.access import Admin, Analyst
from delivery_api.changes import change, reading
from delivery_api.exam_codes import ShownExam, key_of, run_in_codes
from delivery_api.fields import ExamCode, Moment, PageNumber, PageSize
from delivery_api.idempotency import ChangeRoute
from delivery_api.paging import Cursor, LongPage, Place, place
from delivery_api.problems import ProblemError, documented
from delivery_api.routers.calibrations import Started
from delivery_api.routers.run_result import RunResult, result_of
from qbank.requests import Rollback
from qbank.stores import exposure, runs

router = APIRouter(
    prefix="/v1/admin/exposure/calibrate_sh/runs",
    tags=["exposure"],
    responses=documented(401, 403, 422, 503),
    route_class=ChangeRoute,
)

RunPath = Annotated[UUID, Path(description="the run's id")]
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}


class RunSummary(BaseModel):
    """A line of the listing."""

    id: UUID
    kind: runs.Kind
    exam_code: ShownExam
    status: runs.Status
    params: dict[str, Any]
    result: RunResult | None
    error: str | None
    stopped_reason: str | None
    requested_by: str
    seed: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Run(RunSummary):
    """A run with its history, one entry an iteration."""

    history: list[dict[str, Any]]
    input_fingerprint: str | None
    orchestrator_run_id: str | None


@router.get("", summary="Calibration runs")
def list_runs(
    caller: Analyst,
    request: Request,
    exam_code: Annotated[ExamCode | None, Query()] = None,
    start: Annotated[
        Moment | None, Query(description="created at or after; a day is its beginning, UTC")
    ] = None,
    end: Annotated[Moment | None, Query(description="created before")] = None,
    status: Annotated[runs.Status | None, Query()] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
    cursor: Cursor = None,
) -> LongPage[RunSummary]:
    """Runs of all kinds, newest first."""
    begin = place(request, caller, page, page_size, cursor)
    with reading(request, caller) as conn:
        key = key_of(conn, caller.tenant_id, exam_code)
        where = runs.RunFilter(key, None, status, start, end, caller.tenant_id)
        found = runs.list(conn, where, page=page, page_size=begin.size, after=_after(begin))
    items = [
        RunSummary.model_validate(run_in_codes(run), from_attributes=True) for run in found.runs
    ]
    last = (found.runs[-1].created_at, found.runs[-1].id) if found.runs else None
    return LongPage(**begin.page(items, found.total, last))


def _after(begin: Place) -> tuple[str, str] | None:
    return None if begin.after is None else (begin.after[0], begin.after[1])


@router.get("/{run_id}", summary="A run", responses=documented(404))
def read_run(run_id: RunPath, caller: Analyst, request: Request) -> Run:
    """The run with its request, its history and its result."""
    with reading(request, caller) as conn:
        run = run_in_codes(runs.get(conn, run_id, tenant_id=caller.tenant_id))
        result = result_of(conn, run, with_proposal=True)
    shown = Run.model_validate(replace(run, result=None), from_attributes=True)
    return shown.model_copy(update={"result": result})


@router.get(
    "/{run_id}/diff.csv",
    summary="What a run changed",
    response_class=Response,
    responses=_CSV | documented(404),
)
def read_run_diff(run_id: RunPath, caller: Analyst, request: Request) -> Response:
    """sh_p before and after, item by item; for a dry run, what it would have changed."""
    with reading(request, caller) as conn:
        runs.get(conn, run_id, tenant_id=caller.tenant_id)
        changes = runs.diff(conn, run_id)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("qid", "ver", "sh_p_before", "sh_p_after", "delta"))
    for item in changes:
        writer.writerow(
            (item.question_id, item.version, item.sh_p_before, item.sh_p_after, item.delta)
        )
    name = f'attachment; filename="run-{run_id}.csv"'
    return Response(text.getvalue(), media_type="text/csv", headers={"content-disposition": name})


@router.post(
    "/{run_id}/rollback",
    status_code=202,
    summary="Go back to a run",
    responses=documented(404, 409),
)
def rollback_to_run(run_id: RunPath, caller: Admin, request: Request) -> Started:
    """Asks for the exam's controls to be as they were when this run had published."""
    with change(request, caller) as step:
        run = runs.get(step.conn, run_id, tenant_id=caller.tenant_id)
        if run.status != "done":
            raise ProblemError(
                409, "conflict", f"run {run_id} is {run.status}: choose a run that is done"
            )
        exposure.after_run(step.conn, run.exam_code, run_id)  # 404 where it published nothing
        asked = runs.create(
            step.conn,
            kind=Rollback.kind,
            exam_code=run.exam_code,
            params=Rollback(run_id=run_id).stored(),
            requested_by=caller.user_id,
        )
        step.audit("calibration.rollback", f"exam={run.exam_code} run={asked.id}", to=str(run_id))
    return Started(run_id=asked.id, job_id=asked.id)
