"""What the student's own program sees and the API does not. What never lives here: other steps."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from delivery_api.access import Taker
from delivery_api.fields import Body, Identifier
from delivery_api.problems import documented
from delivery_api.queries import StrictRoute
from delivery_api.quizzes import client_events
from delivery_api.quizzes.events import ClientEvent
from delivery_api.routers.quiz_state import rendered
from delivery_api.routers.quiz_steps import QuizPath
from delivery_api.services import Services
from qbank.events import Client

router = APIRouter(
    prefix="/v1/quizzes",
    tags=["quizzes"],
    responses=documented(401, 403, 404, 422, 503),
    route_class=StrictRoute,
)


class NewQuizEvent(Body):
    """Something that happened to an item that was served."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"type": "explanation_viewed", "question_id": 17}]}
    )

    type: ClientEvent
    question_id: Identifier
    id: Annotated[
        UUID | None,
        Field(
            # JSON has no UUIDs
            strict=False,
            description="the program's own, for several of a type and question: the same one again"
            " is the same event; left out: there is one",
        ),
    ] = None
    client: Client | None = None


class EventTaken(BaseModel):
    """It is written, now or before."""

    event_id: str


@router.post(
    "/{quiz_id}/events",
    status_code=202,
    response_model=EventTaken,
    summary="Tell of an explanation, a note or a flag",
    responses=documented(409, 410, 429),
)
async def tell_event(
    quiz_id: QuizPath, body: NewQuizEvent, caller: Taker, request: Request
) -> Response:
    """For programs that read events along; also after the quiz. What a note says is not told."""
    services = Services.of(request)
    allowed = services.quiz_limits.admit("events", caller)
    new = client_events.NewEvent(body.type, body.question_id, body.id, body.client)
    event_id = await services.client_events.take(caller, quiz_id, new)
    return rendered(EventTaken(event_id=event_id), status=202, headers=allowed)
