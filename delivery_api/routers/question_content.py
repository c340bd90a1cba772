"""What authors and reviewers send of a question.

What never lives here: routes, and what is told of a question (``questions``).
"""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Final, Self

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, field_validator, model_validator

from delivery_api.claimed import refuse_another_author
from delivery_api.fields import Body, ExamCode, Identifier, Markdown, Name, Note, Version
from delivery_api.tokens import Principal
from qbank.option_labels import LONGEST_LABEL, option_label
from qbank.postgres import Connection
from qbank.stores import authoring, topic_names
from qbank.stores.authoring import limits
from qbank.vocabulary import Difficulty, ReviewStatus

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


_CONTENT: Final = {field.name for field in fields(authoring.Draft)} - {"options", "topic_id"}


def _own_label(label: str) -> str:
    if option_label(label) != label:
        raise ValueError(
            f"{label!r} is no option's label: use A, B or 1, or a code in capitals like OPTION 3"
        )
    return label


class NewOption(Body):
    """One option."""

    label: Annotated[str, Field(max_length=LONGEST_LABEL), AfterValidator(_own_label)]
    text_md: Markdown
    is_correct: bool = False


class NewAsset(Body):
    """A picture or other file that belongs to the stem."""

    url: Annotated[str, Field(max_length=limits.MAX_URL, pattern=limits.ASSET_URL)]
    alt: Note = ""


class NewVersion(Body):
    """The content of a version."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    topic_id: Identifier | None = Field(default=None, description="the topic, or `topic_name`")
    topic_name: Name | None = Field(
        default=None,
        description="the topic by its name or blueprint code, where the tenant has one of that",
    )
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
    created_by: Name | None = Field(
        default=None, description="the caller's own id: whoever writes is named by the token"
    )

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

    @model_validator(mode="after")
    def _one_topic(self) -> Self:
        if (self.topic_id is None) == (self.topic_name is None):
            raise ValueError("give the topic once: topic_id or topic_name")
        return self

    def draft(self, conn: Connection, caller: Principal) -> authoring.Draft:
        """The version as the store takes it; a topic that is named is looked up.

        Raises:
            ProblemError: 422, it is said to be written by another.
            RequestError: the name is of no topic, or of several.
        """
        refuse_another_author(self.created_by, caller)
        values = self.model_dump(include=_CONTENT)
        options = [authoring.Option(o.label, o.text_md, o.is_correct) for o in self.options]
        topic = self.topic_id
        if topic is None:
            topic = topic_names.named(conn, caller.tenant_id, str(self.topic_name))
        return authoring.Draft(topic, options=options, **values)


class NewQuestion(NewVersion):
    """A question with its first version."""

    external_ref: Name | None = Field(default=None, description="the author's own id, unique")
    exam_code: ExamCode | None = Field(
        default=None,
        description="the exam that it is written for: `external_ref` is unique there, and"
        " publishing needs no exam; null: for no exam in particular",
    )


class NewReview(Body):
    """A word on a version."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "approved", "comments_md": "Clear and fair."}]}
    )

    status: ReviewStatus = Field(description="`pending` asks for a review, for authors too")
    version: Version | None = Field(default=None, description="null: the newest")
    comments_md: Note | None = None
