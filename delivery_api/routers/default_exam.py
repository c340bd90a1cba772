"""The exam that is meant where a request names none."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from delivery_api.access import Admin, Analyst
from delivery_api.changes import change, reading
from delivery_api.exam_codes import ShownExam
from delivery_api.fields import Body, ExamCode
from delivery_api.idempotency import ChangeRoute
from delivery_api.problems import documented
from qbank.stores import default_exam

router = APIRouter(
    prefix="/v1/admin/default-exam",
    tags=["exams"],
    responses=documented(401, 403, 422, 503),
    route_class=ChangeRoute,
)


class NewDefaultExam(Body):
    """The exam to be the tenant's default."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"exam_code": "MED-A"}]})

    exam_code: ExamCode | None = Field(description="null: none")


class DefaultExam(BaseModel):
    """The tenant's default."""

    exam_code: ShownExam | None = Field(description="the exam that was set")
    in_force: ShownExam | None = Field(
        description="the exam that is meant where none is named: the one that was set, else the"
        " only one; null: a request has to name it"
    )


@router.get("", summary="The exam that is meant where none is named")
def read_default_exam(caller: Analyst, request: Request) -> DefaultExam:
    """A tenant with one exam needs none to be set."""
    with reading(request, caller) as conn:
        chosen, in_force = default_exam.setting(conn, caller.tenant_id)
    return DefaultExam(exam_code=chosen, in_force=in_force)


@router.put("", summary="Set it", responses=documented(404))
def set_default_exam(body: NewDefaultExam, caller: Admin, request: Request) -> DefaultExam:
    """Quizzes and publications that name no exam are of this one from the next request on."""
    with change(request, caller) as step:
        default_exam.put(step.conn, caller.tenant_id, body.exam_code, audit=step.audit)
        chosen, in_force = default_exam.setting(step.conn, caller.tenant_id)
    return DefaultExam(exam_code=chosen, in_force=in_force)
