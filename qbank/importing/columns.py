"""Which column of a file means what, with presets for known layouts.

What never lives here: reading the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

from qbank.errors import ImportFileError

TimeUnit = Literal["ms", "s"]


@dataclass(frozen=True)
class ColumnMap:
    """Names of a file's columns; None where the file has no such column.

    Attributes:
        user: who answered.
        item: which item; becomes ``questions.external_ref``.
        correct: 1/0, true/false, yes/no or correct/incorrect.
        option: the chosen option, one letter or digit; empty where none was chosen.
        time: time taken, in `time_unit`.
        timestamp: when it was answered, ISO 8601; without an offset it is UTC.
        topic: name of the item's topic.
        session: the sitting; answers of one user in one sitting form one quiz.
        attempt: how often this user has now answered this item, from 1.
        time_unit: unit of `time`.
    """

    user: str = "user_id"
    item: str = "question"
    correct: str = "correct"
    option: str | None = None
    time: str | None = None
    timestamp: str | None = None
    topic: str | None = None
    session: str | None = None
    attempt: str | None = None
    time_unit: TimeUnit = "ms"

    def mapped(self) -> dict[str, str]:
        """The columns that the file has: meaning → name."""
        named = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "time_unit"}
        return {meaning: name for meaning, name in named.items() if name is not None}

    def check(self, header: Sequence[str]) -> None:
        """Refuses a header that lacks a mapped column, or has a column twice.

        Raises:
            ImportFileError: names the column, the option to set and what the file has.
        """
        twice = sorted({name for name in header if list(header).count(name) > 1})
        if twice:
            raise ImportFileError(f"the header has {twice[0]!r} twice: rename one of the columns")
        for meaning, name in self.mapped().items():
            if name not in header:
                raise ImportFileError(
                    f"there is no column {name!r} for the {meaning}: name it with "
                    f"--{meaning}-col; the file has {', '.join(header)}"
                )

    def with_names(self, **names: str | None) -> ColumnMap:
        """The same map with the names that are given (None keeps what is there)."""
        return replace(self, **{k: v for k, v in names.items() if v is not None})  # type: ignore[arg-type]


PRESETS: dict[str, ColumnMap] = {
    # what `copy (select …)` from our own tables would give
    "qbank": ColumnMap(
        option="option_label",
        time="time_taken_ms",
        timestamp="created_at",
        topic="topic",
        session="quiz_id",
        correct="is_correct",
    ),
    # ASSISTments 2009–2010 skill builder data
    "assistments": ColumnMap(
        item="problem_id",
        time="ms_first_response",
        topic="skill_name",
        session="assignment_id",
    ),
    # Eedi, NeurIPS 2020 education challenge
    "eedi": ColumnMap(user="UserId", item="QuestionId", correct="IsCorrect", option="AnswerValue"),
}


def preset(name: str) -> ColumnMap:
    """A known layout.

    Raises:
        ImportFileError: there is no such preset.
    """
    if name not in PRESETS:
        raise ImportFileError(f"preset {name!r} is unknown: use one of {', '.join(PRESETS)}")
    return PRESETS[name]
