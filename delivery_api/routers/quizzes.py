"""Quizzes: make one, and find one's own. What never lives here: taking them (``quiz_steps``)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from delivery_api.access import Taker, meant_exam
from delivery_api.claimed import refuse_another_tenant
from delivery_api.database import TenantConnection
from delivery_api.exam_codes import ShownExam
from delivery_api.fields import Body, ExamCode, Identifier, Name, PageNumber, PageSize
from delivery_api.paging import Cursor, LongPage, place
from delivery_api.problems import ProblemError, documented
from delivery_api.queries import StrictRoute
from delivery_api.quizzes import listing
from delivery_api.quizzes.asked import MOST_QUESTIONS, Asked
from delivery_api.routers.quiz_state import rendered
from delivery_api.services import Services
from qbank.vocabulary import Difficulty, Mode, QuizStatus, Selector

router = APIRouter(
    prefix="/v1/quizzes",
    tags=["quizzes"],
    responses=documented(401, 403, 404, 422, 503),
    route_class=StrictRoute,
)


Items = Annotated[int, Field(ge=1, le=MOST_QUESTIONS)]


class QuizFilters(Body):
    """What the quiz is made of."""

    exam_code: ExamCode | None = Field(
        default=None, description="left out: the tenant's only exam, or its default"
    )
    topics: list[Identifier | Name] = Field(
        default_factory=list,
        max_length=100,
        description="topics by id, blueprint code or name, each with all topics below it;"
        " empty: all",
    )
    difficulty: list[Difficulty] = Field(
        default_factory=list, max_length=3, description="labels; empty: all"
    )
    num_questions: Items | None = Field(
        default=None, description="left out: the exam's test length"
    )
    mode: Mode = Field(default="tutor", description="`tutor` explains each answer at once")


class NewQuiz(Body):
    """A quiz to make."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"filters": {"exam_code": "MED-A", "num_questions": 20, "mode": "tutor"}}]
        }
    )

    filters: QuizFilters = Field(default_factory=QuizFilters)
    adaptive: bool = Field(
        default=True, description="items by information at θ̂; false draws them at random"
    )
    blueprint_quota: bool | Annotated[dict[Name, Items], Field(max_length=100)] | None = Field(
        default=None,
        description="keep to the exam's blueprint; left out: the exam's policy `quota`, and off"
        " with filters. Or items by topic (id, blueprint code or name): that many of each, with"
        " topics below it that are not named themselves, and the rest of other topics",
    )
    tenant_id: Name | None = Field(
        default=None, description="the token's own: a quiz is of the token's tenant"
    )


class QuizCreated(BaseModel):
    """The quiz that was made."""

    quiz_id: str
    expires_at: datetime
    mode: Mode
    num_questions: int
    selector: Selector
    question_ids: list[int] = Field(
        description="served so far, in order: none of a new quiz, whose items are chosen one by one"
    )


class QuizSummary(BaseModel):
    """One of the caller's quizzes."""

    quiz_id: str
    exam_code: ShownExam
    mode: Mode
    status: QuizStatus
    num_questions: int
    answered: int
    started_at: datetime
    expires_at: datetime
    sealed_at: datetime | None = Field(description="when it was finished")


@router.post(
    "",
    status_code=201,
    response_model=QuizCreated,
    summary="Make a quiz",
    responses=documented(409, 429),
)
async def create_quiz(
    body: NewQuiz,
    caller: Taker,
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=8,
            max_length=128,
            pattern=r"^[A-Za-z0-9._-]+$",
            description="the same key gives the same quiz again; for another body it is refused",
        ),
    ] = None,
) -> Response:
    """Makes a quiz for the caller. The selector is the caller's cohort's, else the flag's.

    An administrator may practise as students do; a sitting (mode `exam`) is a student's.
    """
    services = Services.of(request)
    allowed = services.quiz_limits.admit("quizzes", caller)
    refuse_another_tenant(body.tenant_id, caller)
    if body.filters.mode == "exam" and "student" not in caller.roles:
        raise ProblemError(
            403, "forbidden", "a quiz in exam mode needs the role student: use mode tutor"
        )
    quota = body.blueprint_quota
    own = quota if isinstance(quota, dict) else {}
    asked = Asked(
        exam_code=meant_exam(caller, body.filters.exam_code),
        topics=body.filters.topics,
        difficulty=body.filters.difficulty,
        num_questions=body.filters.num_questions,
        mode=body.filters.mode,
        adaptive=body.adaptive,
        blueprint_quota=None if isinstance(quota, dict) else quota,
        quota=own,
        idempotency_key=idempotency_key,
    )
    quiz = await services.enrolment.create(caller, asked)
    created = QuizCreated(
        quiz_id=quiz.id,
        expires_at=quiz.expires_at,
        mode=quiz.mode,
        num_questions=quiz.length,
        selector=quiz.wish.selector,
        question_ids=list(quiz.past.question_id),
    )
    return rendered(created, 201, allowed)


@router.get("", summary="The caller's quizzes")
async def list_quizzes(
    caller: Taker,
    request: Request,
    exam_code: Annotated[ExamCode | None, Query()] = None,
    status: Annotated[QuizStatus | None, Query()] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
    cursor: Cursor = None,
) -> LongPage[QuizSummary]:
    """Newest first. An open one goes on where it was left, from any device."""
    where = place(request, caller, page, page_size, cursor)
    exam_code = meant_exam(caller, exam_code)

    async def work(conn: TenantConnection) -> tuple[list[listing.OwnQuiz], int]:
        return await listing.own(conn, caller, exam_code, status, where)

    found, total = await Services.of(request).database.run(caller.tenant_id, work)
    items = [QuizSummary.model_validate(quiz, from_attributes=True) for quiz in found]
    last = (found[-1].started_at, found[-1].quiz_id) if found else None
    return LongPage(**where.page(items, total, last))
