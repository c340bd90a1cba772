"""What authors write and read: questions, their versions, options and reviews."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from qbank.vocabulary import ReviewStatus, State


@dataclass(frozen=True)
class Option:
    """One option of a question; exactly one of a version's options is correct."""

    label: str
    text_md: str
    is_correct: bool


@dataclass(frozen=True)
class Draft:
    """The content of a version to write."""

    topic_id: int
    stem_md: str
    options: Sequence[Option]
    lead_in: str | None = None
    rationale_md: str | None = None
    difficulty_label: str | None = None
    bloom_level: int | None = None
    tags: Sequence[str] = ()
    assets: Sequence[dict[str, Any]] = ()
    reference_list: Sequence[str] = ()


@dataclass(frozen=True)
class Review:
    """A reviewer's word on a version."""

    reviewer_id: str
    status: ReviewStatus
    comments_md: str | None
    created_at: datetime


@dataclass(frozen=True)
class QuestionVersion:
    """One version with its options and reviews, oldest review first."""

    version: int
    state: State
    topic_id: int
    stem_md: str
    lead_in: str | None
    rationale_md: str | None
    difficulty_label: str | None
    bloom_level: int | None
    tags: list[Any]
    assets: list[Any]
    reference_list: list[Any]
    created_by: str
    created_at: datetime
    options: list[Option] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)


@dataclass(frozen=True)
class Question:
    """A question with all its versions, oldest first, and where it is live.

    Attributes:
        exam_code: key of the exam that it is written for; None: of no exam in particular.
    """

    id: int
    external_ref: str | None
    created_by: str
    created_at: datetime
    versions: list[QuestionVersion]
    live: dict[str, int]
    exam_code: str | None


@dataclass(frozen=True)
class QuestionSummary:
    """A line of a listing: the newest version.

    Attributes:
        live: live version by exam code.
    """

    id: int
    external_ref: str | None
    version: int
    state: State
    topic_id: int
    stem_md: str
    difficulty_label: str | None
    live: dict[str, int]
    created_by: str
    created_at: datetime


@dataclass(frozen=True)
class QuestionFilter:
    """Which questions a listing wants; None means any.

    Attributes:
        text: part of the stem or the external reference, whatever the case.
        topic_id: the topic or any below it.
        exam_code: live in this exam.
    """

    text: str | None = None
    state: State | None = None
    topic_id: int | None = None
    difficulty_label: str | None = None
    exam_code: str | None = None


@dataclass(frozen=True)
class QuestionPage:
    """One page of a listing, newest question first, and how many there are in all."""

    questions: tuple[QuestionSummary, ...]
    total: int
