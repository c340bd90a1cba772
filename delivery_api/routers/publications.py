"""What is live where: publishing a version in an exam, retiring it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from delivery_api.access import Publisher
from delivery_api.changes import change
from delivery_api.conflicts import refuse_keys_of_open_quizzes
from delivery_api.exam_codes import ShownExam
from delivery_api.fields import Body, ExamCode, Identifier, Version
from delivery_api.idempotency import ChangeRoute
from delivery_api.problems import documented
from delivery_api.routers.questions import Question, as_response
from qbank.stores import authoring
from qbank.vocabulary import code_of

router = APIRouter(
    prefix="/v1/author",
    tags=["authoring"],
    responses=documented(401, 403, 404, 409, 422, 503),
    route_class=ChangeRoute,
)

QuestionPath = Annotated[Identifier, Path(description="the question's id")]


class Publication(BaseModel):
    """What is live now."""

    question_id: int
    exam_code: ShownExam
    live_version: int
    changed: bool = Field(description="false where it was live already")


class Retirement(Body):
    """What to retire."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 1}]})

    version: Version | None = Field(default=None, description="null: all published versions")


@router.post("/publish/{question_id}", summary="Publish a version")
def publish_question(
    question_id: QuestionPath,
    caller: Publisher,
    request: Request,
    exam_code: Annotated[
        ExamCode | None,
        Query(description="left out: that which the question is written for, else the default"),
    ] = None,
    version: Annotated[
        int | None, Query(ge=1, le=2**31 - 1, description="none: the newest approved one")
    ] = None,
) -> Publication:
    """Moves the exam's live version; publishing again changes nothing and does not fail.

    Where the exam's policy wants four eyes, whoever wrote the version does not publish it, and
    somebody else has approved it.
    """
    with change(request, caller) as step:
        done = authoring.publish(
            step.conn,
            caller.tenant_id,
            question_id,
            exam_code,
            version=version,
            published_by=caller.user_id,
        )
        if done.changed:
            exam = code_of(done.exam_code)
            target = f"exam={exam} question={question_id} version={done.live_version}"
            step.audit("question.publish", target)
    return Publication.model_validate(done, from_attributes=True)


@router.post("/questions/{question_id}/retire", summary="Retire a question")
def retire_question(
    question_id: QuestionPath,
    caller: Publisher,
    request: Request,
    body: Retirement | None = None,
) -> Question:
    """Takes published versions out of use in all exams; retiring again changes nothing."""
    version = body.version if body else None
    with change(request, caller) as step:
        refuse_keys_of_open_quizzes(step.conn, caller, question_id)
        question = authoring.retire(step.conn, caller.tenant_id, question_id, version=version)
        step.audit("question.retire", f"question={question_id} version={version or 'all'}")
    return as_response(question)
