"""Exposure control by hand: what is in force, setting it, its history, re-estimation on request."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import fastapi
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from delivery_api.access import Admin, Analyst
from delivery_api.changes import change, reading
from delivery_api.exam_codes import ShownExam, key_of
from delivery_api.fields import (
    Body,
    ExamCode,
    Identifier,
    Note,
    Page,
    PageNumber,
    PageSize,
    Probability,
    Version,
)
from delivery_api.idempotency import ChangeRoute
from delivery_api.problems import ProblemError, documented
from qbank import requests
from qbank.postgres import Connection
from qbank.requests import Asked, asks
from qbank.stores import exposure, exposure_items, item_bank, runs
from qbank.vocabulary import Source

router = APIRouter(
    prefix="/v1/admin/exposure",
    tags=["exposure"],
    responses=documented(401, 403, 422, 503),
    route_class=ChangeRoute,
)

Sort = Literal["exposure_rate", "sh_p", "served_today", "question_id", "updated_at"]


class ExposureItem(BaseModel):
    """A live item with its control and what was observed."""

    exam_code: ShownExam
    question_id: int
    version: int
    external_ref: str | None
    topic_id: int
    stem_md: str
    sh_p: float = Field(description="1 where nothing controls the item")
    controlled: bool
    pinned: bool
    updated_at: datetime | None
    updated_by: str | None
    exposure_rate: float | None = Field(description="served ÷ ended sessions, all time")
    exposure_rate_28d: float | None
    recent_attempts: int | None = Field(
        description="ended quizzes of the last 28 days that it was served in;"
        " null before the marts are built"
    )
    served_today: int


class SetExposure(Body):
    """An exposure parameter to set by hand."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "exam_code": "MED-A",
                    "question_id": 17,
                    "version": 1,
                    "sh_p": 0.5,
                    "pinned": True,
                    "note": "seen in a forum",
                }
            ]
        }
    )

    question_id: Identifier
    version: Version
    sh_p: Probability
    exam_code: ExamCode | None = Field(
        default=None, description="null: every exam of the tenant in which the version is live"
    )
    pinned: bool | None = Field(
        default=None, description="pinned items are left alone by calibration; null: as it is"
    )
    note: Note | None = None


class ControlInForce(BaseModel):
    """What is in force for an item of an exam."""

    exam_code: ShownExam
    question_id: int
    version: int
    sh_p: float
    pinned: bool
    updated_at: datetime
    updated_by: str


_REESTIMATE = {"exam_code": "MED-A", "days": 7, "dry_run": True}


@asks(requests.Reestimation)
class Reestimation(Asked):
    """A re-estimation of sh_p from what was served; what is left out is the exam's."""

    exam_code: ExamCode | None = Field(default=None, description="null: all exams of the tenant")


class Requested(BaseModel):
    """Runs that were asked for; the orchestrator takes them up within seconds."""

    run_ids: list[UUID] = Field(description="one an exam, see `GET /v1/admin/exposure/runs/{id}`")


class HistoryEntry(BaseModel):
    """One change of one item's sh_p."""

    id: int
    exam_code: ShownExam
    question_id: int
    version: int
    before: float | None
    after: float | None
    source: Source
    run_id: UUID | None
    actor: str
    note: str | None
    at: datetime


@router.get("/items", summary="Items with their exposure control")
def list_exposure_items(
    caller: Analyst,
    request: Request,
    exam: Annotated[ExamCode | None, Query()] = None,
    search: Annotated[
        str | None,
        Query(max_length=200, pattern=r"^[^\x00]*$", description="stem, reference or id"),
    ] = None,
    sort: Sort = "exposure_rate",
    limit: PageSize = 50,
    page: PageNumber = 1,
) -> Page[ExposureItem]:
    """Live items, the most exposed first."""
    with reading(request, caller) as conn:
        found = exposure_items.items(
            conn,
            caller.tenant_id,
            exam_code=key_of(conn, caller.tenant_id, exam),
            search=search,
            sort=sort,
            limit=limit,
            offset=(page - 1) * limit,
        )
    return Page[ExposureItem].of(found, page, limit)


@router.post("/set", summary="Set sh_p by hand", responses=documented(404))
def set_exposure(body: SetExposure, caller: Admin, request: Request) -> list[ControlInForce]:
    """In force for items that are served a second or two later; kept in history and audit log."""
    control = exposure.Control(body.question_id, body.version, body.sh_p)
    with change(request, caller) as step:
        done = []
        for exam_code in _exams_of(step.conn, caller.tenant_id, body):
            held = exposure.set_manual(
                step.conn,
                exam_code,
                control,
                actor=caller.user_id,
                pinned=body.pinned,
                note=body.note,
            )
            target = f"exam={exam_code} question={body.question_id} version={body.version}"
            step.audit("exposure.set", target, sh_p=held.sh_p, pinned=held.pinned, note=body.note)
            done.append(ControlInForce.model_validate(asdict(held) | {"exam_code": exam_code}))
    return done


def _exams_of(conn: Connection, tenant_id: str, body: SetExposure) -> list[str]:
    """The exams in which the version is live, or the one that is named."""
    sql = """SELECT exam_code FROM question_publications
        WHERE question_id = %s AND live_version = %s AND tenant_id = %s
            AND (%s::text IS NULL OR exam_code = %s) ORDER BY exam_code"""
    key = key_of(conn, tenant_id, body.exam_code)
    values = (body.question_id, body.version, tenant_id, key, key)
    exams = [row[0] for row in conn.execute(sql, values).fetchall()]
    if not exams:
        where = "any exam" if body.exam_code is None else f"exam {body.exam_code!r}"
        raise ProblemError(
            404,
            "not-found",
            f"version {body.version} of question {body.question_id} is not live in {where}",
        )
    return exams


@router.post(
    "/reestimate",
    status_code=202,
    summary="Re-estimate sh_p from what was served",
    responses=documented(404),
)
def reestimate_exposure(
    body: Annotated[Reestimation, fastapi.Body(examples=[_REESTIMATE])],
    caller: Admin,
    request: Request,
) -> Requested:
    """Asks for a re-estimation of an exam, or of all; what fails its audit is not published."""
    given = body.model_dump(exclude={"exam_code"}, exclude_none=True)
    day = datetime.now(UTC).date()
    with change(request, caller) as step:
        exams = item_bank.exams(step.conn, tenant_id=caller.tenant_id)
        if body.exam_code is not None:
            exams = (item_bank.exam(step.conn, body.exam_code, tenant_id=caller.tenant_id),)
        run_ids = []
        for exam in exams:
            filled = requests.Reestimation.resolve(exam, given, day=day)
            run = runs.create(
                step.conn,
                kind=filled.kind,
                exam_code=exam.exam_code,
                params=filled.stored(),
                requested_by=caller.user_id,
            )
            step.audit("exposure.reestimate", f"exam={exam.exam_code} run={run.id}", **given)
            run_ids.append(run.id)
    return Requested(run_ids=run_ids)


@router.get("/history", summary="Changes of sh_p", responses=documented(404))
def list_exposure_history(
    caller: Analyst,
    request: Request,
    exam_code: Annotated[ExamCode, Query()],
    question_id: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: PageSize = 100,
    page: PageNumber = 1,
) -> list[HistoryEntry]:
    """Changes in an exam, newest first, by whatever hand."""
    with reading(request, caller) as conn:
        exam = item_bank.exam(conn, exam_code, tenant_id=caller.tenant_id)
        rows = exposure.history(
            conn, exam.exam_code, question_id=question_id, limit=limit, offset=(page - 1) * limit
        )
    return [HistoryEntry.model_validate(row, from_attributes=True) for row in rows]
