"""Reports of quizzes that learning platforms export: a row an attempt, some columns an item.

Canvas' *Student Analysis* has an answer and its points a question; Moodle's *Responses* report an
answer and the right one, its *Grades* report the marks. What never lives here: reading the file,
and what a cell scores.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from qbank.errors import ImportFileError
from qbank.importing.columns import ColumnError, ColumnMap, plain_name

Report = Literal["canvas", "moodle-responses", "moodle-grades"]

_MOODLE = {
    "user": ("email_address", "username", "id_number"),
    "timestamp": ("completed",),
    "session": ("started_on", "started"),
}
_NAMES: Final[dict[Report, dict[str, tuple[str, ...]]]] = {
    "canvas": {"user": ("id", "sis_id"), "timestamp": ("submitted",), "session": ("attempt",)},
    "moodle-responses": _MOODLE,
    "moodle-grades": _MOODLE,
}


@dataclass(frozen=True)
class ReportColumns(ColumnMap):
    """The columns of a report; those that are not named are found by its own names.

    Attributes:
        report: whose it is.
    """

    user: str = ""
    item: str = ""
    correct: str = ""
    report: Report = "canvas"

    def are_in(self, header: Sequence[str]) -> bool:
        """Whether a row is the header of such a report."""
        return self._named(header, "user") is not None and bool(items_of(self.report, header))

    def found_in(self, header: Sequence[str]) -> tuple[ColumnMap, list[str]]:
        """The same map with the header's own spelling, and what was taken for what.

        Raises:
            ImportFileError: a column is missing, or no column is an item.
        """
        if not items_of(self.report, header):
            raise ImportFileError(
                f"no column is an item of a report of {self.report}: {_WANTED[self.report]};"
                f" the file has {', '.join(header)}"
            )
        names = {
            meaning: own
            for meaning in _NAMES[self.report]
            if not getattr(self, meaning) and (own := self._named(header, meaning))
        }
        if not (self.user or "user" in names):
            raise ColumnError(
                "user",
                "no column tells who answered: name it with --user-col; the file has"
                f" {', '.join(header)}",
                header,
            )
        found, notes = ColumnMap.found_in(self.with_names(**names), header)
        notes += [f"column {own!r} is the {meaning}" for meaning, own in names.items()]
        return found, notes

    def _named(self, header: Sequence[str], meaning: str) -> str | None:
        wanted = (plain_name(getattr(self, meaning)),) if getattr(self, meaning) else ()
        by_plain = {plain_name(own): own for own in reversed(header)}
        names = wanted or _NAMES[self.report][meaning]
        return next((by_plain[name] for name in names if name in by_plain), None)


REPORTS: Final[dict[str, ColumnMap]] = {name: ReportColumns(report=name) for name in _NAMES}

_WANTED: Final[dict[Report, str]] = {
    "canvas": "a Student Analysis has `101: What is …?` and the question's points behind it",
    "moodle-responses": "tick the question text, the response and the right answer when you"
    " download the report",
    "moodle-grades": "its marks are in columns like `Q. 1 /1.00`",
}


@dataclass(frozen=True)
class ReportItem:
    """An item of a report, by places of columns.

    Attributes:
        name: what the bank calls it.
        score: of its points or marks, or of the response.
        answer: of what was answered, where there is such a column.
        most: points or marks of a right answer; None compares the response with `right`.
        right: of the right answer.
        text: of the question, by which random questions are noticed.
    """

    name: str
    score: int
    answer: int | None = None
    most: Decimal | None = None
    right: int | None = None
    text: int | None = None


def items_of(report: Report, header: Sequence[str]) -> list[ReportItem]:
    """The items of a report's header; none where it is another file."""
    return _ITEMS[report](header)


def _canvas(header: Sequence[str]) -> list[ReportItem]:
    found = []
    for place, name in enumerate(header[:-1]):
        question = re.match(r"\s*(\d+): ", name)
        most = number_of(header[place + 1])
        if question and most is not None:
            found.append(ReportItem(question[1], place + 1, place, most))
    return found


def _moodle_responses(header: Sequence[str]) -> list[ReportItem]:
    places = {plain_name(name): place for place, name in enumerate(header)}
    return [
        ReportItem(
            f"Q{number}",
            places[f"response_{number}"],
            right=places[f"right_answer_{number}"],
            text=places[f"question_{number}"],
        )
        for number in range(1, len(header))
        if all(f"{what}_{number}" in places for what in ("question", "response", "right_answer"))
    ]


def _moodle_grades(header: Sequence[str]) -> list[ReportItem]:
    found = []
    for place, name in enumerate(header):
        marked = re.fullmatch(r"\s*Q\. ?(\d+) ?/ ?(\S+)\s*", name)
        most = number_of(marked[2]) if marked else None
        if marked and most is not None:
            found.append(ReportItem(f"Q{marked[1]}", place, most=most))
    return found


_ITEMS: Final[dict[Report, Callable[[Sequence[str]], list[ReportItem]]]] = {
    "canvas": _canvas,
    "moodle-responses": _moodle_responses,
    "moodle-grades": _moodle_grades,
}


def grade_of(header: Sequence[str]) -> tuple[int, Decimal] | None:
    """Place and most of the grade of an attempt, ``Grade/10.00``; None where there is none."""
    for place, name in enumerate(header):
        graded = re.fullmatch(r"\s*grade ?/ ?(\S+)\s*", name, re.IGNORECASE)
        most = number_of(graded[1]) if graded else None
        if most:
            return place, most
    return None


def number_of(text: str) -> Decimal | None:
    """The number of a text with a point or a comma before the decimals."""
    try:
        return Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
