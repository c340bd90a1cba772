"""The technical report of an exam: read, downloaded, and asked for anew.

What never lives here: what it says (``qbank.reporting``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from delivery_api.access import Admin, Analyst
from delivery_api.asking import ACCEPTED, ask
from delivery_api.changes import change, reading
from delivery_api.exam_codes import ShownExam
from delivery_api.idempotency import ChangeRoute
from delivery_api.problems import documented, not_found
from delivery_api.routers.exams import ExamPath
from qbank.postgres import Connection
from qbank.requests.reports import ReportRequest
from qbank.stores import data_requests, exam_reports, item_bank
from qbank.stores.data_requests import DataRequest
from qbank.stores.exam_reports import ExamReport
from qbank.vocabulary import DataRequestState, ReportForm, ReportRequestKind

router = APIRouter(
    prefix="/v1/exams",
    tags=["reports"],
    responses=documented(401, 403, 404, 422, 503),
    route_class=ChangeRoute,
)
_KIND: Final[ReportRequestKind] = "report"
# a file of whichever form is to be saved, and not to be run beside the API
_BYTES: Final = "application/octet-stream"
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "the file",
        "content": {_BYTES: {"schema": {"type": "string", "format": "binary"}}},
    }
}


class AskedReport(ReportRequest):
    """What the report is to say beside what it always says."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cuts": [0.5]}]})


class Report(BaseModel):
    """The newest technical report of an exam."""

    exam_code: ShownExam
    as_of: datetime | None = Field(description="the newest moment in its data")
    run_id: UUID | None = Field(description="the calibration that it is about")
    cuts: list[float] = Field(description="abilities at which the exam decides")
    missing: dict[str, str] = Field(description="sections without evidence, and what brings it")
    sha256: str = Field(description="of the JSON")
    written_at: datetime


class AskedFor(BaseModel):
    """A report that was asked for, and what became of it."""

    id: UUID
    exam_code: ShownExam
    options: dict[str, Any] = Field(description="those that were given")
    requested_by: str
    state: DataRequestState = Field(
        description="queued, running; done; refused, and `error` says why; failed: it was tried"
        " several times, ask again"
    )
    error: str | None
    is_new: bool | None = Field(
        description="false: it would say what the last one says, which stays"
    )
    created_at: datetime
    finished_at: datetime | None


@router.get("/{exam_code}/report", summary="The technical report of an exam")
def read_report(exam_code: ExamPath, caller: Analyst, request: Request) -> Report:
    """What the newest report is about; the weekly job writes it, or whoever asks for it."""
    with reading(request, caller) as conn:
        found = _newest(conn, exam_code, caller.tenant_id)
    return Report.model_validate(vars(found))


@router.get(
    "/{exam_code}/report/files/{form}",
    summary="A file of the technical report",
    response_class=Response,
    responses=_FILE,
)
def read_report_file(
    exam_code: ExamPath,
    form: Annotated[ReportForm, Path(description="page, document, every number, or years")],
    caller: Analyst,
    request: Request,
) -> Response:
    """The file as `qbank report` writes it."""
    with reading(request, caller) as conn:
        found = _newest(conn, exam_code, caller.tenant_id)
        content = exam_reports.file(conn, found.exam_code, form)
    named = f'attachment; filename="report-{exam_code}.{form}"'
    return Response(content, media_type=_BYTES, headers={"content-disposition": named})


@router.post(
    "/{exam_code}/report",
    status_code=202,
    summary="Ask for the technical report of an exam",
    responses=ACCEPTED | documented(429),
)
def ask_for_report(
    exam_code: ExamPath, asked: AskedReport, caller: Admin, request: Request, response: Response
) -> AskedFor:
    """Asks for a report of the exam as it is now; the orchestrator writes it within a minute."""
    options = asked.model_dump(mode="json", exclude_unset=True)
    with change(request, caller) as step:
        exam = item_bank.exam(step.conn, exam_code, tenant_id=caller.tenant_id)
        made = ask(request, step, _KIND, exam=exam.code, options=options)
        step.audit("report.ask", f"exam={exam.code} request={made.id}", options=options)
    response.headers["location"] = f"{router.prefix}/{exam_code}/report/requests/{made.id}"
    return _shown(made)


@router.get("/{exam_code}/report/requests/{request_id}", summary="A report that was asked for")
def read_report_request(
    exam_code: ExamPath,
    request_id: Annotated[UUID, Path(description="the request, as asking for it named it")],
    caller: Analyst,
    request: Request,
) -> AskedFor:
    """How far it is."""
    with reading(request, caller) as conn:
        found = data_requests.get(conn, request_id, tenant_id=caller.tenant_id, kinds=(_KIND,))
    if found.exam != exam_code:
        raise not_found(f"request {request_id} of exam {exam_code}")
    return _shown(found)


def _newest(conn: Connection, exam_code: str, tenant_id: str) -> ExamReport:
    exam = item_bank.exam(conn, exam_code, tenant_id=tenant_id)
    found = exam_reports.newest(conn, exam.exam_code)
    if found is None:
        raise not_found(f"a report of exam {exam_code}")
    return found


def _shown(asked: DataRequest) -> AskedFor:
    told = {"exam_code": asked.exam, "is_new": (asked.report or {}).get("is_new")}
    return AskedFor.model_validate(vars(asked) | told)
