"""Sympson–Hetter calibration on request: start, follow, cancel."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from delivery_api.access import Admin, Analyst
from delivery_api.changes import change, reading
from delivery_api.fields import Body, ExamCode, Probability
from delivery_api.problems import documented
from qbank.stores import item_bank, runs

router = APIRouter(
    prefix="/v1/admin/exposure/calibrate_sh",
    tags=["exposure"],
    responses=documented(401, 403, 404, 422, 503),
)

Positive = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
TopicName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]
_DISTRIBUTION = r"^(normal|uniform)\(?\s*-?\d+(\.\d+)?\s*,\s*-?\d+(\.\d+)?\s*\)?$|^empirical$"


class StartCalibration(Body):
    """Parameters of a Sympson–Hetter calibration; what is left out comes from the exam."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"exam_code": "MED-A", "tau": 0.2, "dry_run": True}]}
    )

    exam_code: ExamCode
    tau: Positive | None = Field(default=None, description="target maximum exposure rate")
    n: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="simulated examinees per iteration"
    )
    test_len: Annotated[int, Field(ge=1, le=1_000)] | None = None
    iters: Annotated[int, Field(ge=1, le=1_000)] | None = None
    alpha: Positive | None = Field(default=None, description="exponent of the update; 1 is classic")
    theta_dist: Annotated[str, Field(max_length=100, pattern=_DISTRIBUTION)] | None = Field(
        default=None, examples=["normal(0,1)", "normal0,1", "uniform(-3,3)"]
    )
    floor: Probability | None = None
    ceil: Probability | None = None
    seed: Annotated[int, Field(ge=0, le=2**53)] | None = None
    topic_tau: Annotated[dict[TopicName, Positive], Field(max_length=200)] | None = Field(
        default=None, description="own cap of topics, by id, blueprint code or name"
    )
    topic_weights: (
        Annotated[
            dict[TopicName, Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]],
            Field(max_length=200),
        ]
        | None
    ) = None
    dry_run: bool = Field(default=False, description="propose without publishing")

    @model_validator(mode="after")
    def _ordered(self) -> StartCalibration:
        if self.floor is not None and self.ceil is not None and self.floor > self.ceil:
            raise ValueError(f"floor {self.floor} lies above ceil {self.ceil}: swap them")
        return self


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
    result: dict[str, Any] | None = Field(description="certificate, checks and summary")
    error: str | None
    stopped_reason: str | None


@router.post("/start", status_code=202, summary="Start a calibration")
def start_calibration(body: StartCalibration, caller: Admin, request: Request) -> Started:
    """Queues the calibration; the orchestrator takes it up within seconds."""
    params = body.model_dump(exclude_none=True)
    with change(request, caller) as step:
        item_bank.exam(step.conn, body.exam_code, tenant_id=caller.tenant_id)
        run = runs.create(
            step.conn,
            kind="sympson_hetter",
            exam_code=body.exam_code,
            params=params,
            requested_by=caller.user_id,
            seed=body.seed,
        )
        step.audit("calibration.start", f"exam={body.exam_code} run={run.id}", **params)
    return Started(run_id=run.id, job_id=run.id)


@router.get("/status", summary="How far a calibration is")
def calibration_status(
    caller: Analyst, request: Request, job_id: Annotated[UUID, Query()]
) -> CalibrationStatus:
    """State, last iteration and, at the end, the result."""
    with reading(request, caller) as conn:
        run = runs.get(conn, job_id, tenant_id=caller.tenant_id)
    last = run.history[-1] if run.history else {}
    result = {k: v for k, v in (run.result or {}).items() if k != "proposal"} or None
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
    return calibration_status(caller, request, job_id)
