"""The data of each event, declared once; an id is text, for some reach beyond 2^53.

Fields may be added if they may be left out. What is told once is never taken back or narrowed:
``contract`` refuses to write such a schema. What never lives here: CloudEvents' own attributes.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from qbank.option_labels import LONGEST_LABEL
from qbank.vocabulary import Kind, Mode, Selector, Source, Status

CONTENT_TYPE: Final = "application/cloudevents+json"
SOURCE: Final = "/qbank/"
"""What a source begins with; the tenant follows."""
Aggregate = Literal["quiz", "item", "exam"]
Id = Annotated[str, Field(min_length=1)]
_STAFF: Final[dict[str, Any]] = {"x-audience": "staff"}


class Fact(BaseModel):
    """What an event says. Its ``aggregate`` is what order is kept within."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    aggregate: ClassVar[Aggregate]


class Client(BaseModel):
    """What the student's program says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    device: Annotated[str, Field(max_length=64)] | None = None
    app_version: Annotated[str, Field(max_length=64)] | None = None
    latency_ms: (
        Annotated[int, Field(ge=0, le=86_400_000, description="of its last request, as it saw it")]
        | None
    ) = None


class _OfQuiz(Fact):
    aggregate = "quiz"

    user_id: Id = Field(description="the person, or their pseudonym where quizzes are taken by one")
    quiz_id: Id
    exam: Id = Field(description="as its tenant calls it")
    mode: Mode


class QuizStarted(_OfQuiz):
    """A person made a quiz."""

    selector: Selector
    num_questions: int = Field(ge=1, description="scored items", json_schema_extra=_STAFF)
    expires_at: AwareDatetime = Field(description="more time may be given later")


class _OfQuestion(_OfQuiz):
    question_id: Id
    version: int = Field(ge=1, description="that was served")
    position: int = Field(ge=1, description="in the quiz, from 1")


class QuestionServed(_OfQuestion):
    """An item was put before a person."""

    selector: Selector = Field(
        description="what chose it: fixed in an adaptive quiz is an item that is tried out",
        json_schema_extra=_STAFF,
    )


class AnswerSubmitted(_OfQuestion):
    """A person answered an item, which is final."""

    selected: str = Field(max_length=LONGEST_LABEL, description="the option's label, as published")
    is_correct: bool | None = Field(
        default=None,
        description="null where the item counts for nothing; right and wrong are for staff",
        json_schema_extra=_STAFF,
    )
    time_taken_ms: int | None = Field(default=None, ge=0)
    client: Client | None = None


class QuestionTouched(_OfQuestion):
    """A person looked at an explanation, wrote a note (its text is not told), or set a flag."""

    client: Client | None = None


class QuizEnded(_OfQuiz):
    """A quiz took its last answer: its person finished it, or its time was over."""

    answered: int = Field(ge=0, description="scored items that were answered and count")


class _OfItem(Fact):
    aggregate = "item"

    exam: Id
    question_id: Id
    version: int = Field(ge=1)


class ItemPublished(_OfItem):
    """A version of an item is given in an exam from now on."""

    before: int | None = Field(default=None, description="the version that it takes the place of")


class ItemRetired(_OfItem):
    """An item is given in an exam no more."""


class ExposureChanged(_OfItem):
    """The exposure parameter of an item changed."""

    before: float | None = Field(default=None, ge=0, le=1, description="sh_p; null: none")
    after: float | None = Field(default=None, ge=0, le=1)
    source: Source
    run_id: UUID | None = None


class CalibrationFinished(Fact):
    """A calibration run came to its end."""

    aggregate = "exam"

    exam: Id
    run_id: UUID
    kind: Kind
    status: Status


class AlarmRaised(Fact):
    """Something failed that a person should know; what is told of it has gone to the alerts' ways.

    It is of the whole installation: its tenant and its subject are ``*``.
    """

    aggregate = "exam"

    key: Id = Field(description="what makes it the same alarm")
    title: Id
    link: str | None = Field(default=None, description="where to look")


EVERYBODY: Final = "*"
EVENTS: Final[dict[str, type[Fact]]] = {
    "quiz_started": QuizStarted,
    "question_served": QuestionServed,
    "answer_submitted": AnswerSubmitted,
    "explanation_viewed": QuestionTouched,
    "note_added": QuestionTouched,
    "flagged": QuestionTouched,
    "quiz_finished": QuizEnded,
    "quiz_expired": QuizEnded,
    "item_published": ItemPublished,
    "item_retired": ItemRetired,
    "exposure_changed": ExposureChanged,
    "calibration_finished": CalibrationFinished,
    "alarm_raised": AlarmRaised,
}


def for_staff(model: type[Fact]) -> set[str]:
    """Fields that students may not see."""
    return {name for name, field in model.model_fields.items() if field.json_schema_extra == _STAFF}
