"""The attempt policy of an exam: who may sit it how often, and what quizzes tell.

It stands in the exam's policy, under ``attempts``; what is left out is the safe default.
``python -m qbank.attempts`` prints the table of the docs. What never lives here: keeping to it
(``delivery_api.quizzes``).
"""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Annotated, ClassVar, Final, Self

from pydantic import AfterValidator, Field, model_validator

from qbank.exams.policy_parts import PolicyPart
from qbank.requests.allowed import Names
from qbank.vocabulary import Mode, Review

KEY: Final = "attempts"
# limits of serving look as far back
LONGEST_MINUTES: Final = 7 * 24 * 60
LONGEST_GRACE_S: Final = 600


def _moment(text: str) -> str:
    """Keeps a moment as it was written, once it can be read and no zone has to be guessed."""
    try:
        known = datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        known = False
    if not known:
        raise ValueError(f"{text!r} is no moment: give one like 2026-06-01T09:00:00+02:00")
    return text


Moment = Annotated[str, Field(max_length=40), AfterValidator(_moment)]
User = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00]+$"), Names("user")]
TimeFactor = Annotated[float, Field(ge=1, le=10, allow_inf_nan=False)]


class AttemptPolicy(PolicyPart):
    """What an exam allows a person, and what it tells."""

    key: ClassVar[str] = KEY

    modes: Annotated[list[Mode], Field(min_length=1)] = Field(
        default=["tutor", "exam"], description="Modes that quizzes of the exam may have."
    )
    max_attempts: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=1,
        description="Sittings (quizzes in exam mode) of a person in all; null: any number.",
    )
    open_quizzes: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="Sittings that a person may have open at once."
    )
    repeat_after_days: Annotated[int, Field(ge=0, le=3650)] = Field(
        default=30,
        description="Days in which an item is not served to a person again, where the pool allows.",
    )
    feedback: bool = Field(
        default=False,
        description="Tutor mode tells at once what is right, the key and the explanation.",
    )
    review: Review = Field(
        default="score",
        description="What is told of a sitting that is over: its score, or also which items"
        " were right.",
    )

    shuffle_options: bool = Field(
        default=False,
        description="Options of a sitting's items stand in an order of the person's own.",
    )
    as_certified: bool = Field(
        default=False,
        description="Sittings have the exam's own length, quota, topics and exposure control,"
        " as a calibration certifies them; others are refused, and a cohort's or a flag's selector"
        " gives way.",
    )

    opens_at: Moment | None = Field(
        default=None,
        description="No sitting begins before.",
        examples=["2026-06-01T09:00:00+02:00"],
    )
    closes_at: Moment | None = Field(
        default=None,
        description="No sitting begins from then on; those that are open run to their end.",
        examples=["2026-06-01T12:00:00+02:00"],
    )
    cool_down_minutes: Annotated[int, Field(ge=0, le=525_600)] = Field(
        default=0, description="Minutes between the end of a person's sitting and the next one."
    )
    time_limit_minutes: Annotated[int, Field(ge=1, le=LONGEST_MINUTES)] | None = Field(
        default=None, description="Minutes of a sitting; left out: `QBANK_QUIZ_MINUTES`."
    )
    grace_seconds: Annotated[int, Field(ge=0, le=LONGEST_GRACE_S)] = Field(
        default=10,
        description="Seconds after a sitting's time in which the answer to the item that was served"
        " is taken, for it may have been on its way.",
    )
    accommodations: Annotated[dict[User, TimeFactor], Field(max_length=10_000)] = Field(
        default={},
        description="By user, how many times as long a sitting may take; a week at most.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        opens, closes = self.opening, self.closing
        if opens and closes and opens >= closes:
            raise ValueError(f"opens_at {self.opens_at} is not before closes_at {self.closes_at}")
        return self

    @property
    def opening(self) -> datetime | None:
        """When sittings may begin."""
        return None if self.opens_at is None else datetime.fromisoformat(self.opens_at)

    @property
    def closing(self) -> datetime | None:
        """When they may no longer."""
        return None if self.closes_at is None else datetime.fromisoformat(self.closes_at)

    def minutes(self, user_id: str, usual: int) -> int:
        """How long a person's sitting may take.

        Args:
            user_id: of the person.
            usual: minutes where the exam has no limit of its own.
        """
        limit = usual if self.time_limit_minutes is None else self.time_limit_minutes
        return min(math.ceil(limit * self.accommodations.get(user_id, 1.0)), LONGEST_MINUTES)


def markdown() -> str:
    """The table of the docs: field, default, meaning."""
    rows = [
        f"| `{name}` | `{json.dumps(field.default)}` | {field.description} |"
        for name, field in AttemptPolicy.model_fields.items()
    ]
    return "\n".join(["| field | left out | meaning |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    print(markdown(), end="")
