"""People's sittings, for whoever administers exams: find and see them, change how they count.

More time, void, reset and restore are each kept in the audit log with its reason.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

from anyio import from_thread
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from delivery_api.access import Admin, Observer
from delivery_api.changes import Change, change, reading
from delivery_api.conflicts import refuse_keys_of_open_quizzes
from delivery_api.exam_codes import ShownExam, key_of
from delivery_api.fields import Body, ExamCode, Note, PageNumber, PageSize, QuizId
from delivery_api.idempotency import ChangeRoute
from delivery_api.paging import Cursor, LongPage, place
from delivery_api.problems import ProblemError, documented, not_found
from delivery_api.quizzes import sittings
from delivery_api.services import Services
from delivery_api.tokens import Principal
from qbank.attempts import LONGEST_MINUTES
from qbank.vocabulary import QuizStatus, Selector

router = APIRouter(
    prefix="/v1/admin/sittings",
    tags=["sittings"],
    responses=documented(401, 403, 422, 503),
    route_class=ChangeRoute,
)

SittingPath = Annotated[QuizId, Path(description="the sitting, as `POST /quizzes` named it")]


class Sitting(BaseModel):
    """A quiz in exam mode, of anybody of the tenant."""

    quiz_id: str
    user_id: str
    exam_code: ShownExam
    status: QuizStatus
    selector: Selector
    num_questions: int = Field(description="scored items")
    served: int = Field(description="items, with those that are tried out")
    answered: int
    theta: float | None = Field(
        description="running estimate, or the sealed one; null of an own sitting that is open"
    )
    theta_se: float | None
    started_at: datetime
    expires_at: datetime
    sealed_at: datetime | None = Field(description="when it was finished, or its time was over")
    voided_at: datetime | None = Field(description="since when it counts for nothing")
    is_reset: bool = Field(description="it is void, and its person may sit again")


class SittingStep(BaseModel):
    """An item that was served, why, and its answer."""

    position: int = Field(description="counts from 1")
    question_id: int
    version: int
    served_at: datetime
    selector: Selector
    theta_before: float | None = Field(description="θ̂ that it was chosen at")
    sh_p: float | None = Field(description="probability of being administered once chosen")
    held_back: list[int] = Field(description="questions that exposure control held back before it")
    forced: bool = Field(description="all were held back, and this one was served all the same")
    option_order: str | None = Field(
        description="labels as published in the order that was shown, with | between them where"
        " they have several characters; null: as published"
    )
    is_pretest: bool = Field(description="it was tried out, and its answer scores nothing")
    selected: str | None = Field(description="the published label of what was chosen")
    correct: bool | None
    void: bool = Field(description="whether it counts for nothing")
    time_taken_ms: int | None
    answered_at: datetime | None


class SittingInFull(Sitting):
    """A sitting with all that was served in it."""

    steps: list[SittingStep]


class MoreTime(Body):
    """More time for a sitting."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"minutes": 15, "why": "the fire alarm went"}]}
    )

    minutes: Annotated[int, Field(ge=1, le=1440)]
    why: Annotated[
        Note, Field(description="kept in the audit log for ever: do not name the person")
    ] = ""


class Reason(Body):
    """Why a sitting counts otherwise."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"why": "the room was left unwatched"}]}
    )

    why: Annotated[
        Note,
        Field(min_length=1, description="kept in the audit log for ever: do not name the person"),
    ]


@router.get("", summary="Sittings")
def list_sittings(
    caller: Observer,
    request: Request,
    exam_code: Annotated[ExamCode | None, Query()] = None,
    user_id: Annotated[str | None, Query(max_length=255, pattern=r"^[^\x00]+$")] = None,
    status: Annotated[QuizStatus | None, Query()] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
    cursor: Cursor = None,
) -> LongPage[Sitting]:
    """Everybody's, the newest first."""
    where = place(request, caller, page, page_size, cursor)
    with reading(request, caller) as conn:
        found, total = sittings.find(
            conn,
            caller.tenant_id,
            exam_code=key_of(conn, caller.tenant_id, exam_code),
            user_id=user_id,
            status=status,
            where=where,
        )
    items = [_shown(caller, sitting) for sitting in found]
    last = (found[-1].started_at, found[-1].quiz_id) if found else None
    return LongPage(**where.page(items, total, last))


@router.get("/{quiz_id}", summary="A sitting in full", responses=documented(404, 409))
def read_sitting(quiz_id: SittingPath, caller: Observer, request: Request) -> SittingInFull:
    """What was served and why, with θ̂, sh_p, what was held back, times and answers."""
    _seal_what_is_over(request, caller, quiz_id)
    with reading(request, caller) as conn:
        sitting = _found(sittings.one(conn, caller.tenant_id, quiz_id), quiz_id)
        served = sittings.steps(conn, quiz_id)
        refuse_keys_of_open_quizzes(conn, caller, *(step.question_id for step in served))
    steps = [SittingStep.model_validate(step, from_attributes=True) for step in served]
    return SittingInFull(**_shown(caller, sitting).model_dump(), steps=steps)


@router.post(
    "/{quiz_id}/extend", summary="Give a sitting more time", responses=documented(404, 409, 410)
)
def extend_sitting(
    quiz_id: SittingPath, body: MoreTime, caller: Admin, request: Request
) -> Sitting:
    """For somebody else's open sitting; one that is over stays so. Kept in the audit log."""
    with change(request, caller) as step:
        sitting = _held(step, caller, quiz_id)
        if not sittings.extend(step.conn, quiz_id, body.minutes):
            raise ProblemError(
                410, "quiz-finished", f"quiz {quiz_id} is over or void: it gets no more time"
            )
        longer = replace(sitting, expires_at=sitting.expires_at + timedelta(minutes=body.minutes))
        if longer.expires_at - longer.started_at > timedelta(minutes=LONGEST_MINUTES):
            raise ProblemError(
                422,
                "too-long",
                f"quiz {quiz_id} would end at {longer.expires_at:%FT%TZ}, and a sitting lasts"
                f" {LONGEST_MINUTES} minutes at most: give fewer than {body.minutes}",
            )
        step.audit("sitting.extend", f"quiz={quiz_id}", minutes=body.minutes, why=body.why)
        return _shown(caller, longer)


@router.post(
    "/{quiz_id}/void", summary="Make a sitting count for nothing", responses=documented(404, 409)
)
def void_sitting(quiz_id: SittingPath, body: Reason, caller: Admin, request: Request) -> Sitting:
    """It has no score and is in no mart; the attempt is used. An open one ends."""
    return _void(request, caller, quiz_id, body.why, reset=False)


@router.post("/{quiz_id}/reset", summary="Let a person sit again", responses=documented(404, 409))
def reset_sitting(quiz_id: SittingPath, body: Reason, caller: Admin, request: Request) -> Sitting:
    """The sitting is void, and its attempt is given back. What was served does not come again."""
    return _void(request, caller, quiz_id, body.why, reset=True)


@router.post(
    "/{quiz_id}/restore", summary="Make a void sitting count again", responses=documented(404, 409)
)
def restore_sitting(quiz_id: SittingPath, body: Reason, caller: Admin, request: Request) -> Sitting:
    """With what it came to, or goes on to; one that was reset ends with what is answered.

    Refused where its person has begun another instead.
    """
    with change(request, caller) as step:
        sitting = _held(step, caller, quiz_id)
        if sitting.status != "void":
            raise ProblemError(409, "not-void", f"quiz {quiz_id} is {sitting.status}, not void")
        other = sittings.restore(step.conn, caller.tenant_id, sitting)
        if other is not None:
            raise ProblemError(
                409,
                "sat-again",
                f"quiz {other} takes the place of {quiz_id}: reset that one first, or let it end",
                quiz_id=other,
            )
        step.audit("sitting.restore", f"quiz={quiz_id}", why=body.why)
        return _shown(caller, _found(sittings.one(step.conn, caller.tenant_id, quiz_id), quiz_id))


def _void(request: Request, caller: Principal, quiz_id: str, why: str, *, reset: bool) -> Sitting:
    _seal_what_is_over(request, caller, quiz_id)
    with change(request, caller) as step:
        sitting = _held(step, caller, quiz_id)
        if sitting.status == "void" and (sitting.is_reset or not reset):
            done = "void and reset" if sitting.is_reset else "void"
            raise ProblemError(409, "already-void", f"quiz {quiz_id} is {done} already")
        sittings.void(step.conn, quiz_id, reset=reset)
        step.audit("sitting.reset" if reset else "sitting.void", f"quiz={quiz_id}", why=why)
        return _shown(caller, _found(sittings.one(step.conn, caller.tenant_id, quiz_id), quiz_id))


def _seal_what_is_over(request: Request, caller: Principal, quiz_id: str) -> None:
    """Whose time is over is sealed before it is looked at, or changed."""
    with reading(request, caller) as conn:
        sitting = _found(sittings.one(conn, caller.tenant_id, quiz_id), quiz_id)
    if sitting.status == "expired" and sitting.sealed_at is None:
        seal = Services.of(request).submission.seal
        from_thread.run(seal, caller.tenant_id, sitting.user_id, quiz_id)


def _held(step: Change, caller: Principal, quiz_id: str) -> sittings.Sitting:
    """Somebody else's sitting, which stays as it is until the transaction ends."""
    sitting = _found(sittings.hold(step.conn, caller.tenant_id, quiz_id), quiz_id)
    if sitting.user_id == caller.user_id:
        raise ProblemError(
            409, "own-sitting", f"quiz {quiz_id} is your own: ask another administrator"
        )
    return sitting


def _found(sitting: sittings.Sitting | None, quiz_id: str) -> sittings.Sitting:
    if sitting is None:
        raise not_found(f"sitting {quiz_id}")
    return sitting


def _shown(caller: Principal, sitting: sittings.Sitting) -> Sitting:
    """A sitting, without what tells its own person how it goes while it is open."""
    shown = Sitting.model_validate(sitting, from_attributes=True)
    if sitting.user_id == caller.user_id and sitting.status == "open":
        return shown.model_copy(update={"theta": None, "theta_se": None})
    return shown
