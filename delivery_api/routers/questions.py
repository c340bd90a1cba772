"""Questions: drafts, versions, reviews, search."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from delivery_api.access import Author, Editor
from delivery_api.changes import change, reading
from delivery_api.conflicts import refuse_keys_of_open_quizzes
from delivery_api.exam_codes import ByExam, key_of
from delivery_api.fields import (
    Asset,
    Body,
    ExamCode,
    Identifier,
    Markdown,
    Name,
    Note,
    Page,
    PageNumber,
    PageSize,
    Version,
)
from delivery_api.idempotency import ChangeRoute
from delivery_api.problems import ProblemError, documented
from qbank.stores import authoring
from qbank.stores.authoring import limits
from qbank.vocabulary import Difficulty, ReviewStatus, State

router = APIRouter(
    prefix="/v1/author/questions",
    tags=["authoring"],
    responses=documented(401, 403, 422, 503),
    route_class=ChangeRoute,
)

QuestionPath = Annotated[Identifier, Path(description="the question's id")]

_EXAMPLE: dict[str, JsonValue] = {
    "topic_id": 4,
    "stem_md": "A solution has pH 3. What is its hydrogen ion concentration?",
    "options": [
        {"label": "A", "text_md": "3 mol/l", "is_correct": False},
        {"label": "B", "text_md": "10⁻³ mol/l", "is_correct": True},
        {"label": "C", "text_md": "10³ mol/l", "is_correct": False},
    ],
    "rationale_md": "pH = −log₁₀[H⁺].",
    "difficulty_label": "easy",
}


class NewOption(Body):
    """One option."""

    label: Annotated[str, Field(pattern=r"^[A-Z0-9]$")]
    text_md: Markdown
    is_correct: bool = False


class NewAsset(Body):
    """A picture or other file that belongs to the stem."""

    url: Annotated[str, Field(max_length=limits.MAX_URL, pattern=limits.ASSET_URL)]
    alt: Note = ""


class NewVersion(Body):
    """The content of a version."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    topic_id: Identifier
    stem_md: Markdown
    options: Annotated[
        list[NewOption],
        Field(
            min_length=limits.MIN_OPTIONS,
            max_length=limits.MAX_OPTIONS,
            description="labels unique, exactly one correct",
        ),
    ]
    lead_in: Note | None = None
    rationale_md: Note | None = None
    difficulty_label: Difficulty | None = None
    bloom_level: Annotated[int, Field(ge=1, le=6)] | None = None
    tags: list[Name] = Field(default_factory=list, max_length=limits.MAX_TAGS)
    assets: list[NewAsset] = Field(default_factory=list, max_length=limits.MAX_ASSETS)
    reference_list: list[Note] = Field(default_factory=list, max_length=limits.MAX_REFERENCES)

    @field_validator("options")
    @classmethod
    def _one_key(cls, options: list[NewOption]) -> list[NewOption]:
        labels = [option.label for option in options]
        if len(set(labels)) < len(labels):
            raise ValueError(f"labels {labels} are not unique: give each option its own")
        correct = [option.label for option in options if option.is_correct]
        if len(correct) != 1:
            raise ValueError(f"{len(correct)} options are correct: mark exactly one")
        return options

    def draft(self) -> authoring.Draft:
        """The version as the store takes it."""
        values = self.model_dump(exclude={"options", "external_ref"})
        options = [authoring.Option(o.label, o.text_md, o.is_correct) for o in self.options]
        return authoring.Draft(options=options, **values)


class NewQuestion(NewVersion):
    """A question with its first version."""

    external_ref: Name | None = Field(default=None, description="the author's own id, unique")


class NewReview(Body):
    """A word on a version."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "approved", "comments_md": "Clear and fair."}]}
    )

    status: ReviewStatus = Field(description="`pending` asks for a review, for authors too")
    version: Version | None = Field(default=None, description="null: the newest")
    comments_md: Note | None = None


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
) -> Page[QuestionSummary]:
    """Questions in their newest version, newest question first."""
    with reading(request, caller) as conn:
        key = key_of(conn, caller.tenant_id, exam_code)
        where = authoring.QuestionFilter(q, state, topic_id, difficulty, key)
        found = authoring.search(
            conn, caller.tenant_id, where, limit=page_size, offset=(page - 1) * page_size
        )
    rows = [QuestionSummary.model_validate(row, from_attributes=True) for row in found.questions]
    return Page(items=rows, total=found.total, page=page, page_size=page_size)


@router.post("", status_code=201, summary="Write a question", responses=documented(409))
def create_question(body: NewQuestion, caller: Author, request: Request) -> Question:
    """Writes a question with its first version, a draft."""
    with change(request, caller) as step:
        question = authoring.create(
            step.conn,
            caller.tenant_id,
            body.draft(),
            created_by=caller.user_id,
            external_ref=body.external_ref,
        )
        step.audit("question.create", f"question={question.id} version=1")
    return as_response(question)


@router.get("/{question_id}", summary="A question", responses=documented(404, 409))
def read_question(question_id: QuestionPath, caller: Editor, request: Request) -> Question:
    """The question with all versions, options and reviews."""
    with reading(request, caller) as conn:
        refuse_keys_of_open_quizzes(conn, caller, question_id)
        return as_response(authoring.get(conn, caller.tenant_id, question_id))


@router.put(
    "/{question_id}/versions",
    status_code=201,
    summary="Write a new version",
    responses=documented(404, 409),
)
def add_version(
    question_id: QuestionPath, body: NewVersion, caller: Author, request: Request
) -> Question:
    """Writes the next version, a draft; what is live stays live until the new one is published."""
    with change(request, caller) as step:
        refuse_keys_of_open_quizzes(step.conn, caller, question_id)
        question = authoring.add_version(
            step.conn, caller.tenant_id, question_id, body.draft(), created_by=caller.user_id
        )
        version = question.versions[-1].version
        step.audit("question.add_version", f"question={question_id} version={version}")
    return as_response(question)


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
