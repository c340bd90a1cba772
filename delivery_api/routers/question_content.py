"""What authors and reviewers send of a question.

What never lives here: routes, and what is told of a question (``questions``).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue, field_validator

from delivery_api.fields import Body, Identifier, Markdown, Name, Note, Version
from qbank.stores import authoring
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
