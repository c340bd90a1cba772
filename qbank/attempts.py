"""The attempt policy of an exam: who may sit it how often, and what quizzes tell.

It stands in the exam's policy, under ``attempts``; what is left out is the safe default.
``python -m qbank.attempts`` prints the table of the docs. What never lives here: keeping to it
(``delivery_api.quizzes``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qbank.errors import RequestError
from qbank.vocabulary import Mode, Review

KEY: Final = "attempts"


class AttemptPolicy(BaseModel):
    """What an exam allows a person, and what it tells."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

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

    @classmethod
    def of(cls, exam_code: str, policy: Mapping[str, Any]) -> Self:
        """Reads an exam's policy.

        Raises:
            RequestError: names the field, its value and what is allowed.
        """
        given = policy.get(KEY, {})
        where = f"policy.{KEY} of exam {exam_code}"
        if not isinstance(given, Mapping):
            raise RequestError(f"{where} is {given!r}: give an object")
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            if first["type"] == "extra_forbidden":
                raise RequestError(
                    f"{where} has {name!r}: use {', '.join(cls.model_fields)}"
                ) from None
            raise RequestError(
                f"{name} is {first['input']!r} in {where}: {first['msg'].lower()}"
            ) from None


def markdown() -> str:
    """The table of the docs: field, default, meaning."""
    rows = [
        f"| `{name}` | `{json.dumps(field.default)}` | {field.description} |"
        for name, field in AttemptPolicy.model_fields.items()
    ]
    return "\n".join(["| field | left out | meaning |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    print(markdown(), end="")
