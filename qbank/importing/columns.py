"""Which column of a file means what, with presets for known layouts.

What never lives here: reading the file.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from qbank.errors import ImportFileError
from qbank.vocabulary import TimeUnit


class ColumnError(ImportFileError):
    """A column is missing, or is there twice.

    Attributes:
        meaning: of the column.
        header: the columns that there are.
    """

    def __init__(self, meaning: str, message: str, header: Sequence[str]) -> None:
        super().__init__(message)
        self.meaning = meaning
        self.header = header


@dataclass(frozen=True)
class ColumnMap:
    """Names of a file's columns; None where the file has no such column.

    Attributes:
        user: who answered.
        item: which item; becomes ``questions.external_ref``.
        correct: 1/0, true/false, yes/no or correct/incorrect.
        option: the chosen option; empty where none was chosen.
        time: time taken, in `time_unit`.
        timestamp: when it was answered, ISO 8601; without an offset it is UTC.
        topic: name of the item's topic.
        session: the sitting; answers of one user in one sitting form one quiz.
        attempt: how often this user has now answered this item, from 1.
        max_score: the points that the item gives; empty where it is right or wrong.
        time_unit: unit of `time`.
        keyed: options are scored by a key, so that a column of scores need not be there.
        groups: attributes of people: pairs of the attribute's name and its column.
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
    max_score: str | None = None
    time_unit: TimeUnit = "ms"
    keyed: bool = False
    groups: tuple[tuple[str, str], ...] = ()

    def mapped(self) -> dict[str, str]:
        """The columns that the file has: meaning → name."""
        settings = ("time_unit", "keyed", "groups")
        named = {f.name: getattr(self, f.name) for f in fields(ColumnMap) if f.name not in settings}
        return {meaning: name for meaning, name in named.items() if name}

    def carried(self) -> list[str]:
        """The file's columns that are used, each once: the mapped ones and those of groups."""
        return [*self.mapped().values(), *(column for _, column in self.groups)]

    def are_in(self, header: Sequence[str]) -> bool:
        """Whether a row has the names of user, item and score, so that it is the header."""
        plain = {plain_name(name) for name in header}
        needed = (self.user, self.item, "" if self._spares_scores else self.correct)
        return all(plain_name(name) in plain for name in needed if name)

    @property
    def _spares_scores(self) -> bool:
        return self.keyed and self.option is not None

    def found_in(self, header: Sequence[str]) -> tuple[ColumnMap, list[str]]:
        """The same map with the header's own spelling, and what was taken for what.

        Raises:
            ImportFileError: a column is missing, is there twice, or is the other's.
        """
        found: dict[str, str] = {}
        notes = []
        wanted = self
        if self._spares_scores and plain_name(self.correct) not in map(plain_name, header):
            wanted = replace(self, correct="")
        for meaning, name in wanted.mapped().items():
            found[meaning] = own = _found(meaning, name, header)
            if own != name:
                notes.append(f"column {own!r} is taken for {name!r}")
        if (
            plain_name(found.get("user", "")) in _OF_ITEMS
            and plain_name(found.get("item", "")) in _OF_USERS
        ):
            raise ImportFileError(
                f"the user is column {found['user']!r} and the item {found['item']!r}: "
                "--user-col and --item-col are the wrong way round"
            )
        return replace(wanted.with_names(**found), groups=self._groups_in(header, found)), notes

    def _groups_in(
        self, header: Sequence[str], found: dict[str, str]
    ) -> tuple[tuple[str, str], ...]:
        groups: dict[str, str] = {}
        given: dict[str, str] = {}
        taken = {column: f"is the {meaning}" for meaning, column in found.items()}
        for name, asked in self.groups:
            column = _found("group", asked, header)
            if column in taken:
                raise ImportFileError(
                    f"--group-col {name!r}: column {column!r} {taken[column]} already"
                )
            taken[column] = "is a group"
            # one attribute, however another file spells it
            plain = plain_name(name) or name
            if plain in groups:
                raise ImportFileError(
                    f"--group-col {given[plain]!r} and {name!r} are the same attribute {plain!r}: "
                    "give one of them"
                )
            groups[plain], given[plain] = column, name
        return tuple(groups.items())

    def with_names(self, **names: str | None) -> ColumnMap:
        """The same map with the names that are given (None keeps what is there)."""
        return replace(self, **{k: v for k, v in names.items() if v is not None})  # type: ignore[arg-type]  # its own


# a column of one of these names holds no users, or no items
_OF_USERS = ("user", "user_id", "person", "person_id", "student", "student_id")
_OF_ITEMS = ("item", "item_id", "question", "question_id", "problem_id")
# a file with one of them has a row per answer
OF_ANSWERS = frozenset((*_OF_ITEMS, "score", "correct", "is_correct", "response", "answer"))


def plain_name(name: str) -> str:
    """A column's name without case, blanks and punctuation, which become ``_``."""
    return re.sub(r"[\W_]+", "_", unicodedata.normalize("NFC", name).casefold()).strip("_")


def places_of(
    path: Path, header: Sequence[str], meaning_of: Callable[[str], str | None]
) -> dict[str, int]:
    """Place of each column that means something, by meaning.

    Args:
        path: the file, for messages.
        header: its columns.
        meaning_of: what a plain name means, see :func:`plain_name`; None is nothing.

    Raises:
        ImportFileError: two columns mean the same.
    """
    places: dict[str, int] = {}
    for place, own in enumerate(header):
        meaning = meaning_of(plain_name(own))
        if meaning in places:
            raise ImportFileError(
                f"{path}: columns {header[places[meaning]]!r} and {own!r} mean the same: keep one"
            )
        if meaning is not None:
            places[meaning] = place
    return places


def _found(meaning: str, name: str, header: Sequence[str]) -> str:
    option = f"--{meaning.replace('_', '-')}-col"
    exact = [own for own in header if own == name]
    alike = exact or [own for own in header if plain_name(own) == plain_name(name)]
    if len(alike) > 1:
        raise ColumnError(
            meaning,
            f"the header has {alike[0]!r} twice ({', '.join(alike)}) for the {meaning}: rename one "
            f"of the columns, or name another with {option}",
            header,
        )
    if not alike:
        raise ColumnError(
            meaning,
            f"there is no column {name!r} for the {meaning}: name it with {option}; the "
            f"file has {', '.join(header)} (where that is no header: --columns names the columns)",
            header,
        )
    return alike[0]


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
    # Item Response Warehouse; its rt (seconds) and date (epoch) are not in every table
    "irw": ColumnMap(user="id", item="item", correct="resp"),
    # Eedi, NeurIPS 2020 education challenge
    "eedi": ColumnMap(user="UserId", item="QuestionId", correct="IsCorrect", option="AnswerValue"),
}


def preset(name: str) -> ColumnMap:
    """A known layout.

    Raises:
        ImportFileError: there is no such preset.
    """
    # reports of quizzes are layouts, too, and know this module
    from qbank.importing.quiz_reports import REPORTS

    layouts = {**PRESETS, **REPORTS}
    if name not in layouts:
        raise ImportFileError(f"preset {name!r} is unknown: use one of {', '.join(layouts)}")
    return layouts[name]
