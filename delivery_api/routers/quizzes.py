"""Quizzes: make one, and find one's own. What never lives here: taking them (``quiz_steps``)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from delivery_api.access import Student
from delivery_api.database import TenantConnection
from delivery_api.exam_codes import ShownExam
from delivery_api.fields import Body, ExamCode, Identifier, PageNumber, PageSize
from delivery_api.paging import Cursor, LongPage, place
from delivery_api.problems import ProblemError, documented
from delivery_api.queries import StrictRoute
from delivery_api.quizzes import enrolment, listing
from delivery_api.quizzes.bank import Filters
from delivery_api.quizzes.store import Quiz
from delivery_api.routers.quiz_state import rendered
from delivery_api.services import Services
from qbank.vocabulary import Difficulty, Mode, QuizStatus, Selector, code_of

router = APIRouter(
    prefix="/v1/quizzes",
    tags=["quizzes"],
    responses=documented(401, 403, 404, 422, 503),
    route_class=StrictRoute,
)


class QuizFilters(Body):
    """What the quiz is made of."""

    exam_code: ExamCode
    topics: list[Identifier] = Field(
        default_factory=list,
        max_length=100,
        description="topic ids, each with all topics below it; empty: all",
    )
    difficulty: list[Difficulty] = Field(
        default_factory=list, max_length=3, description="labels; empty: all"
    )
    num_questions: Annotated[int, Field(ge=1, le=120)] | None = Field(
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

    filters: QuizFilters
    adaptive: bool = Field(
        default=True, description="items by information at θ̂; false draws them at random"
    )
    blueprint_quota: bool | None = Field(
        default=None,
        description="keep to the exam's blueprint; left out: the exam's policy `quota`, and off"
        " with filters",
    )


class QuizCreated(BaseModel):
    """The quiz that was made."""

    quiz_id: str
    expires_at: datetime
    mode: Mode
    num_questions: int
    selector: Selector


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


def _refuse_another(wanted: enrolment.Request, quiz: Quiz) -> None:
    """422 where the quiz that the idempotency key gave is not the one that is asked for.

    What is left out is the exam's, as it was when the quiz was made.
    """
    wish = quiz.wish
    asked = (wanted.exam_code, wanted.mode, wanted.filters, wanted.adaptive)
    made = (code_of(quiz.exam_code), quiz.mode, wish.filters, wish.selector != "fixed")
    if (
        asked != made
        or wanted.num_questions not in (None, wish.num_questions)
        or wanted.blueprint_quota not in (None, wish.blueprint_quota)
    ):
        raise ProblemError(
            422,
            "idempotency-key-reused",
            f"this Idempotency-Key made quiz {quiz.id} from another body: use a new key",
        )


@router.post(
    "",
    status_code=201,
    response_model=QuizCreated,
    summary="Make a quiz",
    responses=documented(409, 429),
)
async def create_quiz(
    body: NewQuiz,
    caller: Student,
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
    """Makes a quiz for the caller. The selector is the caller's cohort's, else the flag's."""
    services = Services.of(request)
    allowed = services.quiz_limits.admit("quizzes", caller)
    wanted = enrolment.Request(
        exam_code=body.filters.exam_code,
        filters=Filters(frozenset(body.filters.topics), frozenset(body.filters.difficulty)),
        num_questions=body.filters.num_questions,
        mode=body.filters.mode,
        adaptive=body.adaptive,
        blueprint_quota=body.blueprint_quota,
        idempotency_key=idempotency_key,
    )
    quiz = await services.enrolment.create(caller, wanted)
    if idempotency_key is not None:
        _refuse_another(wanted, quiz)
    created = QuizCreated(
        quiz_id=quiz.id,
        expires_at=quiz.expires_at,
        mode=quiz.mode,
        num_questions=quiz.length,
        selector=quiz.wish.selector,
    )
    return rendered(created, 201, allowed)


@router.get("", summary="The caller's quizzes")
async def list_quizzes(
    caller: Student,
    request: Request,
    exam_code: Annotated[ExamCode | None, Query()] = None,
    status: Annotated[QuizStatus | None, Query()] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
    cursor: Cursor = None,
) -> LongPage[QuizSummary]:
    """Newest first. An open one goes on where it was left, from any device."""
    where = place(request, caller, page, page_size, cursor)

    async def work(conn: TenantConnection) -> tuple[list[listing.OwnQuiz], int]:
        return await listing.own(conn, caller, exam_code, status, where)

    found, total = await Services.of(request).database.run(caller.tenant_id, work)
    items = [QuizSummary.model_validate(quiz, from_attributes=True) for quiz in found]
    last = (found[-1].started_at, found[-1].quiz_id) if found else None
    return LongPage(**where.page(items, total, last))
