"""The steps of a quiz: take its items, answer them, finish it, see how it went."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from delivery_api.access import Taker
from delivery_api.fields import Asset, Body, Identifier, QuizId, Version
from delivery_api.metrics import CLIENT_LATENCY
from delivery_api.problems import documented
from delivery_api.queries import StrictRoute
from delivery_api.quizzes.progress import Answered, OpenItem
from delivery_api.routers.quiz_state import QuizState, quiz_state_of, rendered
from delivery_api.services import Services
from qbank.events import Client
from qbank.option_labels import LONGEST_LABEL, option_label
from qbank.vocabulary import Difficulty, ScoringKind

router = APIRouter(
    prefix="/v1/quizzes",
    tags=["quizzes"],
    responses=documented(401, 403, 404, 422, 503),
    route_class=StrictRoute,
)

QuizPath = Annotated[QuizId, Path(description="the quiz, as `POST /quizzes` named it")]


class ItemOption(BaseModel):
    """One option of an item."""

    label: str
    text_md: str


class ItemPayload(BaseModel):
    """What is shown of an item."""

    stem_md: str
    lead_in: str | None
    assets: list[Asset]
    options: list[ItemOption]


class ItemToAnswer(ItemPayload):
    """An item, without its answer."""

    quiz_id: str
    position: int = Field(description="counts from 1")
    num_questions: int
    question_id: int
    version: Version
    payload: ItemPayload = Field(description="what is shown of the item, once more in one piece")


_Milliseconds = Annotated[int, Field(ge=0, le=86_400_000)]


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
        Field(
            min_length=1,
            max_length=LONGEST_LABEL,
            pattern=r"^[^\x00-\x1f|=]*$",
            description="the option's label, in either case",
        ),
        AfterValidator(lambda text: option_label(text) or text),
    ]
    time_taken_ms: _Milliseconds | None = Field(
        default=None, description="kept as no more than since the item was served, by the server"
    )
    client_latency_ms: _Milliseconds | None = Field(
        default=None,
        description="delay of the connection as the client measured it: goes into the metrics, and"
        " says nothing of the answer",
    )
    client: Client | None = Field(
        default=None, description="what the student's program says of itself, for events"
    )


class AnswerResult(BaseModel):
    """An answer that is recorded.

    The result is told in tutor mode alone, where every exam that the item is in allows feedback,
    and while its student has no quiz in exam mode open.
    """

    accepted: Literal[True] = True
    answered: int
    num_questions: int
    scoring: ScoringKind | None = Field(
        default=None,
        description="key: its right options are; all: any option is right; void: it does not count",
    )
    correct: bool | None = Field(default=None, description="null where the item is void")
    correct_option: str | None = Field(
        default=None, description="the key; of several the one that was chosen, else the first"
    )
    correct_options: list[str] | None = Field(default=None, description="all that are right")
    difficulty: Difficulty | None = Field(
        default=None, description="the author's label, where the result is told"
    )
    explanation: str | None = Field(
        default=None, description="null where the key was corrected: it was written for another"
    )
    theta: float | None = Field(default=None, description="running ability estimate (EAP)")
    theta_se: float | None = None


@router.get(
    "/{quiz_id}/next",
    response_model=ItemToAnswer,
    summary="The item to answer",
    responses=documented(409, 410, 429),
)
async def next_item(quiz_id: QuizPath, caller: Taker, request: Request) -> Response:
    """The same item until it is answered, however often and from wherever it is asked for."""
    services = Services.of(request)
    allowed = services.quiz_limits.admit("items", caller)
    item: OpenItem = await services.progress.next(caller, quiz_id)
    content = item.content
    payload = ItemPayload.model_construct(
        stem_md=content.stem_md,
        lead_in=content.lead_in,
        assets=content.assets,
        options=[
            ItemOption.model_construct(label=label, text_md=text) for label, text in item.options
        ],
    )
    return rendered(
        ItemToAnswer.model_construct(
            quiz_id=item.quiz.id,
            position=item.position,
            num_questions=item.quiz.length,
            question_id=item.question_id,
            version=item.version,
            payload=payload,
            **payload.__dict__,
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
    quiz_id: QuizPath, body: NewAnswer, caller: Taker, request: Request
) -> Response:
    """Recorded before the reply. The same answer again gives the same result, another one 409."""
    services = Services.of(request)
    allowed = services.quiz_limits.admit("answers", caller)
    done: Answered = await services.progress.answer(
        caller, quiz_id, body.question_id, body.selected, body.time_taken_ms, _client(body)
    )
    if body.client_latency_ms is not None:
        CLIENT_LATENCY.observe(body.client_latency_ms / 1000)
    result = AnswerResult(answered=done.quiz.answered, num_questions=done.quiz.length)
    if done.tells:
        _tell(result, done)
        result.theta = done.theta
        result.theta_se = done.theta_se
    return rendered(result, headers=allowed)


def _client(body: NewAnswer) -> Client | None:
    """What the program says of itself, the delay included, wherever it says that."""
    if body.client_latency_ms is None or (body.client and body.client.latency_ms is not None):
        return body.client
    return (body.client or Client()).model_copy(update={"latency_ms": body.client_latency_ms})


def _tell(result: AnswerResult, done: Answered) -> None:
    scored = done.scored
    result.scoring = scored.rule
    result.correct = None if scored.is_void else scored.is_correct
    result.correct_options = list(scored.keys)
    if scored.keys:
        chosen = done.selected in scored.keys
        result.correct_option = done.selected if chosen else scored.keys[0]
    result.difficulty = done.content.difficulty_label
    if scored.is_as_published:
        result.explanation = done.content.rationale_md


@router.post(
    "/{quiz_id}/finish",
    response_model=QuizState,
    summary="Finish a quiz",
    responses=documented(410),
)
async def finish_quiz(quiz_id: QuizPath, caller: Taker, request: Request) -> Response:
    """Seals the quiz and tells its results; doing it again tells them again."""
    endings = Services.of(request).endings
    return rendered(quiz_state_of(await endings.finish(caller, quiz_id)))


@router.get("/{quiz_id}", response_model=QuizState, summary="Progress and results")
async def read_quiz(quiz_id: QuizPath, caller: Taker, request: Request) -> Response:
    """Progress; results as soon as the mode allows."""
    endings = Services.of(request).endings
    return rendered(quiz_state_of(await endings.state(caller, quiz_id)))
