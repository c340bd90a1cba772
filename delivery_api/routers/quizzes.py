"""Quizzes: make one, take its items, answer them, see how it went."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from delivery_api.access import Student
from delivery_api.database import TenantConnection
from delivery_api.fields import (
    Asset,
    Body,
    ExamCode,
    Identifier,
    Page,
    PageNumber,
    PageSize,
    QuizId,
    Version,
)
from delivery_api.problems import ProblemError, documented
from delivery_api.queries import StrictRoute
from delivery_api.quizzes import enrolment, listing
from delivery_api.quizzes.bank import Filters
from delivery_api.quizzes.ending import Endings
from delivery_api.quizzes.progress import Answered, OpenItem
from delivery_api.quizzes.store import Quiz
from delivery_api.routers.quiz_state import QuizState, quiz_state_of
from qbank.vocabulary import Difficulty, Mode, Selector, SessionStatus

router = APIRouter(
    prefix="/v1/quizzes",
    tags=["quizzes"],
    responses=documented(401, 403, 404, 422, 503),
    route_class=StrictRoute,
)

QuizPath = Annotated[QuizId, Path(description="the quiz, as `POST /quizzes` named it")]


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
    exam_code: str
    mode: Mode
    status: SessionStatus
    num_questions: int
    answered: int
    started_at: datetime
    expires_at: datetime
    sealed_at: datetime | None = Field(description="when it was finished")


class ItemOption(BaseModel):
    """One option of an item."""

    label: str
    text_md: str


class ItemToAnswer(BaseModel):
    """An item, without its answer."""

    quiz_id: str
    position: int = Field(description="counts from 1")
    num_questions: int
    question_id: int
    version: Version
    stem_md: str
    lead_in: str | None
    assets: list[Asset]
    options: list[ItemOption]


class NewAnswer(Body):
    """An answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"question_id": 17, "selected": "B", "time_taken_ms": 48210}]
        }
    )

    question_id: Identifier
    selected: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9]$", description="the option's label, in either case"),
        AfterValidator(str.upper),
    ]
    time_taken_ms: Annotated[int, Field(ge=0, le=86_400_000)] | None = None


class AnswerResult(BaseModel):
    """An answer that is recorded.

    The result is told in tutor mode alone, where every exam that the item is in allows feedback,
    and while its student has no quiz in exam mode open.
    """

    accepted: Literal[True] = True
    answered: int
    num_questions: int
    correct: bool | None = None
    correct_option: str | None = None
    explanation: str | None = None
    theta: float | None = Field(default=None, description="running ability estimate (EAP)")
    theta_se: float | None = None


def _refuse_another(wanted: enrolment.Request, quiz: Quiz) -> None:
    """422 where the quiz that the idempotency key gave is not the one that is asked for.

    What is left out is the exam's, as it was when the quiz was made.
    """
    wish = quiz.wish
    asked = (wanted.exam_code, wanted.mode, wanted.filters, wanted.adaptive)
    made = (quiz.exam_code, quiz.mode, wish.filters, wish.selector != "fixed")
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


def _json(
    model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    # rendered here and once: FastAPI would validate the model a second time
    body = model.model_dump_json().encode()
    return Response(body, status, headers, media_type="application/json")


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
    allowed = request.app.state.quiz_limits.admit("quizzes", caller)
    wanted = enrolment.Request(
        exam_code=body.filters.exam_code,
        filters=Filters(frozenset(body.filters.topics), frozenset(body.filters.difficulty)),
        num_questions=body.filters.num_questions,
        mode=body.filters.mode,
        adaptive=body.adaptive,
        blueprint_quota=body.blueprint_quota,
        idempotency_key=idempotency_key,
    )
    quiz = await request.app.state.enrolment.create(caller, wanted)
    if idempotency_key is not None:
        _refuse_another(wanted, quiz)
    created = QuizCreated(
        quiz_id=quiz.id,
        expires_at=quiz.expires_at,
        mode=quiz.mode,
        num_questions=quiz.wish.num_questions,
        selector=quiz.wish.selector,
    )
    return _json(created, 201, allowed)


@router.get("", summary="The caller's quizzes")
async def list_quizzes(
    caller: Student,
    request: Request,
    exam_code: Annotated[ExamCode | None, Query()] = None,
    status: Annotated[SessionStatus | None, Query()] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[QuizSummary]:
    """Newest first. An open one goes on where it was left, from any device."""

    async def work(conn: TenantConnection) -> tuple[list[listing.OwnQuiz], int]:
        return await listing.own(conn, caller, exam_code, status, page=page, page_size=page_size)

    found, total = await request.app.state.database.run(caller.tenant_id, work)
    items = [QuizSummary.model_validate(quiz, from_attributes=True) for quiz in found]
    return Page(items=items, total=total, page=page, page_size=page_size)


@router.get(
    "/{quiz_id}/next",
    response_model=ItemToAnswer,
    summary="The item to answer",
    responses=documented(409, 410, 429),
)
async def next_item(quiz_id: QuizPath, caller: Student, request: Request) -> Response:
    """The same item until it is answered, however often and from wherever it is asked for."""
    allowed = request.app.state.quiz_limits.admit("items", caller)
    item: OpenItem = await request.app.state.progress.next(caller, quiz_id)
    content = item.content
    return _json(
        ItemToAnswer.model_construct(
            quiz_id=item.quiz.id,
            position=item.position,
            num_questions=item.quiz.wish.num_questions,
            question_id=item.question_id,
            version=item.version,
            stem_md=content.stem_md,
            lead_in=content.lead_in,
            assets=content.assets,
            options=[
                ItemOption.model_construct(label=label, text_md=text)
                for label, text in content.options
            ],
        ),
        headers=allowed,
    )


@router.post(
    "/{quiz_id}/answers",
    response_model=AnswerResult,
    summary="Answer an item",
    responses=documented(409, 410, 429),
)
async def answer_item(
    quiz_id: QuizPath, body: NewAnswer, caller: Student, request: Request
) -> Response:
    """Recorded before the reply. The same answer again gives the same result, another one 409."""
    state = request.app.state
    allowed = state.quiz_limits.admit("answers", caller)
    done: Answered = await state.progress.answer(
        caller, quiz_id, body.question_id, body.selected, body.time_taken_ms
    )
    result = AnswerResult(answered=done.quiz.answered, num_questions=done.quiz.wish.num_questions)
    if done.tells:
        result.correct = done.is_correct
        result.correct_option = done.content.correct_option
        result.explanation = done.content.rationale_md
        result.theta = done.theta
        result.theta_se = done.theta_se
    return _json(result, headers=allowed)


@router.post(
    "/{quiz_id}/finish",
    response_model=QuizState,
    summary="Finish a quiz",
    responses=documented(410),
)
async def finish_quiz(quiz_id: QuizPath, caller: Student, request: Request) -> Response:
    """Seals the quiz and tells its results; doing it again tells them again."""
    endings: Endings = request.app.state.endings
    return _json(quiz_state_of(await endings.finish(caller, quiz_id)))


@router.get("/{quiz_id}", response_model=QuizState, summary="Progress and results")
async def read_quiz(quiz_id: QuizPath, caller: Student, request: Request) -> Response:
    """Progress; results as soon as the mode allows."""
    endings: Endings = request.app.state.endings
    return _json(quiz_state_of(await endings.state(caller, quiz_id)))
