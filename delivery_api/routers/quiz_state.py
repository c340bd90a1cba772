"""How a quiz stands, as it is answered: progress, and what may be told of its result.

What never lives here: what may be told (``quizzes.telling``), and routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Response
from pydantic import BaseModel, Field

from delivery_api.exam_codes import ShownExam
from delivery_api.quizzes.ending import Standing
from delivery_api.quizzes.sealing import Result
from qbank.intervals import Z_95
from qbank.vocabulary import Mode, Model, QuizStatus


def rendered(
    model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A reply of the quiz path; FastAPI would validate the model a second time."""
    body = model.model_dump_json().encode()
    return Response(body, status, headers, media_type="application/json")


class ItemResult(BaseModel):
    """One item of a quiz that is over, or of a tutor quiz."""

    position: int
    question_id: int
    version: int
    correct: bool | None = Field(description="null where it was not answered, or is void")
    void: bool = Field(default=False, description="whether it counts for nothing")
    a: float | None = Field(default=None, description="discrimination that it was scored under")
    b: float | None = Field(default=None, description="difficulty that it was scored under")
    c: float | None = Field(default=None, description="lower asymptote that it was scored under")
    run_id: str | None = Field(default=None, description="the fit that these parameters are of")


class ScoredUnder(BaseModel):
    """What θ̂ was computed from; it stays, whatever is calibrated later, or which key corrected."""

    model: Model
    scale: float | None = Field(description="D; null: sealed before parameters were kept")
    bank_version: int | None = Field(description="of the exam's bank, with its parameters")
    run_ids: list[str] = Field(description="fits that parameters of its items are of")


class Revision(BaseModel):
    """A result's name: the one that was sealed, or what a corrected key made of it."""

    revision: int = Field(description="counts from 1; the last one counts")
    name: str = Field(description="`sealed`, `rescore 7` or `rescore 7 undone`")
    made_at: datetime
    made_by: str | None = Field(description="who rescored; null: sealed by the quiz itself")
    why: str | None = Field(description="as whoever rescored has put it")


class SupersededResult(Revision):
    """What was told of a quiz before a key was corrected."""

    correct: int
    scored: int
    theta: float | None
    theta_se: float | None
    items: list[ItemResult] | None = Field(default=None, description="where the items are told")


class QuizState(BaseModel):
    """Progress, and what may be told: the score once a quiz in exam mode is over.

    A tutor quiz tells it at any time, where each of its answers may be explained.
    """

    quiz_id: str
    exam_code: ShownExam
    mode: Mode
    status: QuizStatus
    num_questions: int
    served: int
    question_ids: list[int] = Field(description="those that were served, in order")
    answered: int
    started_at: datetime
    expires_at: datetime
    sealed_at: datetime | None
    correct: int | None = None
    scored: int | None = Field(default=None, description="answers that count: all but void items")
    theta: float | None = None
    theta_se: float | None = None
    theta_interval: tuple[float, float] | None = Field(default=None, description="θ̂ ± 1.96 SE")
    scored_under: ScoredUnder | None = Field(default=None, description="once the quiz is over")
    items: list[ItemResult] | None = Field(
        default=None, description="in exam mode where the exam's policy has a review of items"
    )
    result: Revision | None = Field(default=None, description="once the quiz is over")
    supersedes: list[SupersededResult] | None = Field(
        default=None, description="once the quiz is over: results that this one replaced"
    )


def quiz_state_of(standing: Standing) -> QuizState:
    """The quiz with what may be told of it."""
    quiz, result = standing.quiz, standing.result
    state = QuizState(
        quiz_id=quiz.id,
        exam_code=quiz.exam_code,
        mode=quiz.mode,
        status=quiz.status,
        num_questions=quiz.length,
        served=len(quiz.past.question_id),
        question_ids=list(quiz.past.question_id),
        answered=quiz.answered,
        started_at=quiz.started_at,
        expires_at=quiz.expires_at,
        sealed_at=quiz.sealed_at,
    )
    with_items = standing.telling.practice or standing.telling.review
    if standing.telling.practice or (quiz.mode == "exam" and result is not None):
        _tell_score(state, standing)
        if result is not None:
            state.result = Revision(**_name_of(result))
            state.supersedes = [
                _superseded(old, with_items=with_items) for old in result.superseded
            ]
    if with_items:
        state.items = _items_kept(result) if result is not None else _items_so_far(standing)
    return state


def _name_of(result: Result) -> dict[str, Any]:
    return {name: getattr(result, name) for name in Revision.model_fields}


def _superseded(result: Result, *, with_items: bool) -> SupersededResult:
    has_theta = result.theta_se is not None
    return SupersededResult(
        **_name_of(result),
        correct=result.correct,
        scored=result.answered,
        theta=result.theta if has_theta else None,
        theta_se=result.theta_se,
        items=_items_kept(result) if with_items else None,
    )


def _tell_score(state: QuizState, standing: Standing) -> None:
    result = standing.result
    theta, se = standing.ability
    if result is not None:
        state.correct, state.scored = result.correct, result.answered
        theta, se = result.theta, result.theta_se
        run_ids = {item["run_id"] for item in result.items} - {None}
        state.scored_under = ScoredUnder(
            model=result.model,
            scale=result.scale,
            bank_version=result.bank_version,
            run_ids=sorted(run_ids),
        )
    else:
        score = standing.quiz.past.score
        state.correct = sum(correct is True for correct in score)
        state.scored = sum(correct is not None for correct in score)
    if se is not None:
        state.theta, state.theta_se = theta, se
        state.theta_interval = (theta - Z_95 * se, theta + Z_95 * se)


def _items_so_far(standing: Standing) -> list[ItemResult]:
    past = standing.quiz.past
    served = zip(past.question_id, past.version, past.score, strict=True)
    return [
        ItemResult(
            position=k,
            question_id=question,
            version=version,
            correct=correct,
            void=question in past.void,
        )
        for k, (question, version, correct) in enumerate(served, 1)
    ]


def _items_kept(result: Result) -> list[ItemResult]:
    return [ItemResult(position=k, **item) for k, item in enumerate(result.items, 1)]
