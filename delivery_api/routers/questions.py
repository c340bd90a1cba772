"""Questions: drafts, versions, reviews, search."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from delivery_api.access import Author, Editor
from delivery_api.changes import change, reading
from delivery_api.conflicts import refuse_keys_of_open_quizzes
from delivery_api.exam_codes import ByExam, ShownExam, key_of
from delivery_api.fields import Asset, ExamCode, Identifier, PageNumber, PageSize
from delivery_api.idempotency import ChangeRoute
from delivery_api.paging import Cursor, LongPage, place
from delivery_api.preconditions import TAGGED, IfMatch, refuse_another, tag
from delivery_api.problems import ProblemError, documented
from delivery_api.routers.question_content import NewQuestion, NewReview, NewVersion
from qbank.stores import authoring
from qbank.vocabulary import Difficulty, ReviewStatus, State

router = APIRouter(
    prefix="/v1/author/questions",
    tags=["authoring"],
    responses=documented(401, 403, 422, 503),
    route_class=ChangeRoute,
)

QuestionPath = Annotated[Identifier, Path(description="the question's id")]


class QuestionOption(BaseModel):
    """One option, with whether it is the key."""

    label: str
    text_md: str
    is_correct: bool


class Review(BaseModel):
    """A reviewer's word."""

    reviewer_id: str
    status: ReviewStatus
    comments_md: str | None
    created_at: datetime


class QuestionVersion(BaseModel):
    """One version."""

    version: int
    state: State
    topic_id: int
    stem_md: str
    lead_in: str | None
    rationale_md: str | None
    difficulty_label: Difficulty | None
    bloom_level: int | None
    tags: list[str]
    assets: list[Asset]
    reference_list: list[str]
    created_by: str
    created_at: datetime
    options: list[QuestionOption]
    reviews: list[Review]


class Question(BaseModel):
    """A question with all its versions, oldest first."""

    id: int
    external_ref: str | None
    exam_code: ShownExam | None = Field(description="the exam that it is written for")
    created_by: str
    created_at: datetime
    versions: list[QuestionVersion]
    live: ByExam = Field(description="live version by exam code")


class QuestionSummary(BaseModel):
    """A line of the listing: a question in its newest version."""

    id: int
    external_ref: str | None
    version: int
    state: State
    topic_id: int
    stem_md: str
    difficulty_label: Difficulty | None
    live: ByExam = Field(description="live version by exam code")
    created_by: str
    created_at: datetime


def as_response(question: authoring.Question) -> Question:
    """The question as it is answered."""
    return Question.model_validate(question, from_attributes=True)


@router.get("", summary="Search questions")
def list_questions(
    caller: Editor,
    request: Request,
    q: Annotated[
        str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="part of the stem")
    ] = None,
    state: State | None = None,
    topic_id: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    difficulty: Difficulty | None = None,
    exam_code: Annotated[ExamCode | None, Query(description="live in this exam")] = None,
    page: PageNumber = 1,
    page_size: PageSize = 50,
    cursor: Cursor = None,
) -> LongPage[QuestionSummary]:
    """Questions in their newest version, newest question first."""
    begin = place(request, caller, page, page_size, cursor)
    with reading(request, caller) as conn:
        key = key_of(conn, caller.tenant_id, exam_code)
        where = authoring.QuestionFilter(q, state, topic_id, difficulty, key)
        found = authoring.search(
            conn,
            caller.tenant_id,
            where,
            limit=begin.size,
            offset=begin.offset,
            after=begin.after[0] if begin.after else None,
            total=begin.total,
        )
    rows = [QuestionSummary.model_validate(row, from_attributes=True) for row in found.questions]
    last = (found.questions[-1].id,) if found.questions else None
    return LongPage(**begin.page(rows, found.total, last))


@router.post("", status_code=201, summary="Write a question", responses=documented(404, 409))
def create_question(body: NewQuestion, caller: Author, request: Request) -> Question:
    """Writes a question with its first version, a draft."""
    with change(request, caller) as step:
        question = authoring.create(
            step.conn,
            caller.tenant_id,
            body.draft(step.conn, caller),
            created_by=caller.user_id,
            external_ref=body.external_ref,
            exam_code=body.exam_code,
        )
        step.audit("question.create", f"question={question.id} version=1")
    return as_response(question)


@router.get("/{question_id}", summary="A question", responses={200: TAGGED, **documented(404, 409)})
def read_question(
    question_id: QuestionPath, caller: Editor, request: Request, response: Response
) -> Question:
    """The question with all versions, options and reviews."""
    with reading(request, caller) as conn:
        refuse_keys_of_open_quizzes(conn, caller, question_id)
        question = as_response(authoring.get(conn, caller.tenant_id, question_id))
    tag(response, question)
    return question


@router.put(
    "/{question_id}/versions",
    status_code=201,
    summary="Write a new version",
    responses={201: TAGGED, **documented(404, 409, 412)},
)
def add_version(
    question_id: QuestionPath,
    body: NewVersion,
    caller: Author,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> Question:
    """Writes the next version, a draft; what is live stays live until the new one is published."""
    with change(request, caller) as step:
        refuse_keys_of_open_quizzes(step.conn, caller, question_id)
        authoring.hold(step.conn, caller.tenant_id, question_id)
        before = as_response(authoring.get(step.conn, caller.tenant_id, question_id))
        refuse_another(if_match, before, f"question {question_id}")
        draft = body.draft(step.conn, caller)
        question = authoring.add_version(
            step.conn, caller.tenant_id, question_id, draft, created_by=caller.user_id
        )
        version = question.versions[-1].version
        step.audit("question.add_version", f"question={question_id} version={version}")
    written = as_response(question)
    tag(response, written)
    return written


@router.post(
    "/{question_id}/reviews",
    status_code=201,
    summary="Review a version",
    responses=documented(404, 409),
)
def review_question(
    question_id: QuestionPath, body: NewReview, caller: Editor, request: Request
) -> Question:
    """Keeps the word and moves the version on: approved, or back to draft."""
    if body.status != "pending" and caller.roles.isdisjoint({"reviewer", "admin"}):
        raise ProblemError(403, "forbidden", "this needs the role reviewer or admin")
    with change(request, caller) as step:
        refuse_keys_of_open_quizzes(step.conn, caller, question_id)
        question = authoring.review(
            step.conn,
            caller.tenant_id,
            question_id,
            reviewer_id=caller.user_id,
            status=body.status,
            version=body.version,
            comments_md=body.comments_md,
        )
        version = body.version or question.versions[-1].version
        step.audit(
            "question.review", f"question={question_id} version={version}", status=body.status
        )
    return as_response(question)
