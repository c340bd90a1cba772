"""Exams: what a person may take, and for administrators what holds for each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Path, Request, Response
from pydantic import BaseModel, Field

from delivery_api.access import AnyCaller, ExamAdmin, ExamEditor, ExamReader
from delivery_api.changes import change, reading
from delivery_api.exam_codes import ShownExam
from delivery_api.fields import ExamCode, Page, PageNumber, PageSize
from delivery_api.idempotency import ChangeRoute
from delivery_api.preconditions import TAGGED, IfMatch, refuse_another, tag
from delivery_api.problems import documented
from delivery_api.quizzes import offers
from qbank.exams import administering, blueprints
from qbank.exams.blueprints import BlueprintEntry
from qbank.exams.settings import ExamSettings
from qbank.stores import item_bank
from qbank.stores.item_bank import Exam
from qbank.vocabulary import Mode

router = APIRouter(
    prefix="/v1/exams",
    tags=["exams"],
    responses=documented(401, 403, 422, 503),
    route_class=ChangeRoute,
)

ExamPath = Annotated[ExamCode, Path(description="code of the exam")]
_NEW = {
    "exam_code": "MED-C",
    "title": "Medicine C",
    "test_length": 40,
    "exposure_control": "none",
    "attempts": {"modes": ["exam"], "max_attempts": 2},
}
_BLUEPRINT = [{"topic": "Cardiology", "target_weight": 0.3, "min_items": 5}]
_CHANGE = {"tau": 0.25, "attempts": {"max_attempts": 3}, "calibration": {"theta_dist": None}}


class NewExam(ExamSettings):
    """An exam to make; what is left out is the default."""

    exam_code: ExamCode = Field(description="for ever: it is part of every address and report")


class ExamOffer(BaseModel):
    """An exam, and how often the caller may still sit it."""

    exam_code: ShownExam
    title: str
    test_length: int = Field(description="items in one test")
    modes: list[Mode] = Field(description="that quizzes of the exam may have")
    attempts_left: int | None = Field(description="sittings that are left; null: any number")
    open_quizzes: list[str] = Field(description="the caller's sittings to go on with")
    opens_at: str | None = Field(description="no sitting begins before")
    closes_at: str | None = Field(description="no sitting begins from then on")


class ExamShown(BaseModel):
    """An exam with all its settings."""

    exam_code: ShownExam
    created_at: datetime
    settings: ExamSettings = Field(description="what holds, defaults filled in")
    own: list[str] = Field(description="the settings that the exam has a value of its own for")
    wrong: list[str] = Field(description="stored values that cannot be used, and why")


@router.get("", summary="Exams that the caller may take or work on")
def list_exams(
    caller: AnyCaller, request: Request, page: PageNumber = 1, page_size: PageSize = 50
) -> Page[ExamOffer]:
    """The tenant's exams by code; students are told of those that have items."""
    students_alone = caller.credential is None and caller.roles <= {"student"}
    with reading(request, caller) as conn:
        found = offers.offers(
            conn,
            caller,
            with_items=students_alone,
            limit=page_size,
            offset=(page - 1) * page_size,
        )
    return Page[ExamOffer].of(found, page, page_size)


@router.post(
    "",
    status_code=201,
    summary="Make an exam",
    responses=documented(409)
    | {200: {"model": ExamShown, "description": "The same exam is there already"}},
)
def create_exam(
    body: Annotated[NewExam, Body(examples=[_NEW])],
    caller: ExamAdmin,
    request: Request,
    response: Response,
) -> ExamShown:
    """Makes an exam without items; the same request again gives the same exam."""
    given = body.model_dump(exclude_unset=True)
    exam_code = given.pop("exam_code")
    with change(request, caller) as step:
        exam, made = administering.create(
            step.conn, caller.tenant_id, exam_code, given, audit=step.audit
        )
    response.status_code = 201 if made else 200
    return _shown(exam)


@router.get(
    "/{exam_code}", summary="An exam's settings", responses={200: TAGGED, **documented(404)}
)
def read_exam(
    exam_code: ExamPath, caller: ExamReader, request: Request, response: Response
) -> ExamShown:
    """All settings, those that are left out with their defaults."""
    with reading(request, caller) as conn:
        shown = _shown(item_bank.exam(conn, exam_code, tenant_id=caller.tenant_id))
    tag(response, shown)
    return shown


@router.patch(
    "/{exam_code}",
    summary="Change an exam's settings",
    responses={200: TAGGED, **documented(404, 412)},
)
def change_exam(
    exam_code: ExamPath,
    body: Annotated[ExamSettings, Body(examples=[_CHANGE])],
    caller: ExamAdmin,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> ExamShown:
    """Changes what is given; null takes a setting, or a part, back to its default.

    In ``attempts``, ``max_attempts: null`` is any number. Quizzes follow from the next request on,
    calibrations from the next night.
    """
    given = body.model_dump(exclude_unset=True)
    with change(request, caller) as step:
        held = item_bank.held(step.conn, exam_code, tenant_id=caller.tenant_id)
        refuse_another(if_match, _shown(held), f"exam {exam_code}")
        administering.change(
            step.conn, exam_code, given, audit=step.audit, tenant_id=caller.tenant_id
        )
        # as Postgres keeps it, which is what the next one reads and is told the tag of
        shown = _shown(item_bank.exam(step.conn, exam_code, tenant_id=caller.tenant_id))
    tag(response, shown)
    return shown


@router.get(
    "/{exam_code}/blueprint",
    summary="An exam's blueprint",
    responses={200: TAGGED, **documented(404)},
)
def read_blueprint(
    exam_code: ExamPath, caller: ExamEditor, request: Request, response: Response
) -> list[BlueprintEntry]:
    """The share of a test that each topic makes up; empty where the exam has none."""
    with reading(request, caller) as conn:
        lines = list(blueprints.entries(conn, exam_code, tenant_id=caller.tenant_id))
    tag(response, lines)
    return lines


@router.put(
    "/{exam_code}/blueprint",
    summary="Replace a blueprint",
    responses={200: TAGGED, **documented(404, 412)},
)
def replace_blueprint(
    exam_code: ExamPath,
    body: Annotated[list[BlueprintEntry], Body(max_length=1000, examples=[_BLUEPRINT])],
    caller: ExamAdmin,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> list[BlueprintEntry]:
    """Puts these lines in the place of all that there are."""
    tenant = caller.tenant_id
    with change(request, caller) as step:
        item_bank.held(step.conn, exam_code, tenant_id=tenant)
        before = list(blueprints.entries(step.conn, exam_code, tenant_id=tenant))
        refuse_another(if_match, before, f"the blueprint of exam {exam_code}")
        blueprints.replace(step.conn, exam_code, body, audit=step.audit, tenant_id=tenant)
        lines = list(blueprints.entries(step.conn, exam_code, tenant_id=tenant))
    tag(response, lines)
    return lines


def _shown(exam: Exam) -> ExamShown:
    settings, wrong = administering.in_force(exam)
    return ExamShown(
        exam_code=exam.exam_code,
        created_at=exam.created_at,
        settings=settings,
        own=sorted(administering.own(exam)),
        wrong=list(wrong),
    )
