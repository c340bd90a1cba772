"""Sympson–Hetter calibration on request: start, follow, cancel."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, Field

from delivery_api.access import Admin, Analyst
from delivery_api.changes import change, reading
from delivery_api.exam_codes import run_in_codes
from delivery_api.fields import ExamCode
from delivery_api.idempotency import ChangeRoute
from delivery_api.problems import documented
from delivery_api.routers.run_result import RunResult, result_of
from qbank.requests import Asked, SympsonHetter, asks, topic_caps
from qbank.stores import item_bank, runs

router = APIRouter(
    prefix="/v1/admin/exposure/calibrate_sh",
    tags=["exposure"],
    responses=documented(401, 403, 404, 422, 503),
    route_class=ChangeRoute,
)

_EXAMPLE = {"exam_code": "MED-A", "tau": 0.2, "dry_run": True}


@asks(SympsonHetter)
class StartCalibration(Asked):
    """A Sympson–Hetter calibration; what is left out is the exam's."""

    exam_code: ExamCode = Field(description="the exam whose live pool is calibrated")


class Started(BaseModel):
    """A calibration that was asked for."""

    run_id: UUID
    job_id: UUID = Field(description="the same as run_id")


class CalibrationStatus(BaseModel):
    """How far a calibration is."""

    job_id: UUID
    state: runs.Status
    current_iter: int
    total_iters: int | None = Field(description="at most; the search stops when it converged")
    avg_exp: float | None = Field(description="mean exposure rate of the last iteration")
    max_over: float | None = Field(description="largest excess over its cap, last iteration")
    result: RunResult | None
    error: str | None
    stopped_reason: str | None


@router.post("/start", status_code=202, summary="Start a calibration")
def start_calibration(
    body: Annotated[StartCalibration, Body(examples=[_EXAMPLE])], caller: Admin, request: Request
) -> Started:
    """Queues the calibration; the orchestrator takes it up within seconds.

    What is left out is the exam's: its own value, else the default. The run's ``params`` say which
    it was.
    """
    given = body.model_dump(exclude_none=True)
    with change(request, caller) as step:
        exam = item_bank.exam(step.conn, body.exam_code, tenant_id=caller.tenant_id)
        filled = SympsonHetter.resolve(exam, given | {"exam_code": exam.exam_code})
        topic_caps.check(step.conn, exam, filled)
        run = runs.create(
            step.conn,
            kind=filled.kind,
            exam_code=exam.exam_code,
            params=filled.stored(),
            requested_by=caller.user_id,
            seed=filled.seed,
        )
        step.audit("calibration.start", f"exam={exam.exam_code} run={run.id}", **given)
    return Started(run_id=run.id, job_id=run.id)


@router.get("/defaults", summary="What a calibration would be asked to do")
def read_calibration_defaults(
    caller: Analyst, request: Request, exam_code: Annotated[ExamCode, Query()]
) -> SympsonHetter:
    """The request as it is filled for the exam where nothing is given."""
    with reading(request, caller) as conn:
        exam = item_bank.exam(conn, exam_code, tenant_id=caller.tenant_id)
    return SympsonHetter.resolve(replace(exam, exam_code=exam.code), {})


@router.get("/status", summary="How far a calibration is")
def read_calibration_status(
    caller: Analyst, request: Request, job_id: Annotated[UUID, Query()]
) -> CalibrationStatus:
    """State, last iteration and, at the end, the result."""
    with reading(request, caller) as conn:
        run = run_in_codes(runs.get(conn, job_id, tenant_id=caller.tenant_id))
        result = result_of(conn, run, with_proposal=False)
    last = run.history[-1] if run.history else {}
    return CalibrationStatus(
        job_id=run.id,
        state=run.status,
        current_iter=int(last.get("iter", 0)),
        total_iters=run.params.get("iters"),
        avg_exp=last.get("avg_exp"),
        max_over=last.get("max_over"),
        result=result,
        error=run.error,
        stopped_reason=run.stopped_reason,
    )


@router.post("/cancel", summary="Cancel a calibration", responses=documented(409))
def cancel_calibration(
    caller: Admin, request: Request, job_id: Annotated[UUID, Query()]
) -> CalibrationStatus:
    """A queued one ends at once, a running one at its next iteration; nothing is published."""
    with change(request, caller) as step:
        runs.request_cancel(step.conn, job_id, tenant_id=caller.tenant_id)
        step.audit("calibration.cancel", f"run={job_id}")
    return read_calibration_status(caller, request, job_id)
