"""Reports of quizzes that learning platforms export: a row an attempt, some columns an item.

Canvas' *Student Analysis* has an answer and its points a question; Moodle's *Responses* report an
answer and the right one, its *Grades* report the marks. What never lives here: reading the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

import numpy as np
import pyarrow as pa

from qbank.errors import ImportFileError
from qbank.importing.columns import ColumnError, ColumnMap, plain_name
from qbank.importing.source import Batch, Source, distinct
from qbank.importing.text import plain_text
from qbank.importing.wide import in_long_form

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
_STATE = ("state", "status")
_FINISHED = "finished"
# what Moodle writes where nothing was answered, or nobody has marked it yet
_NO_ANSWER = frozenset(("", "-", "requires grading", "not yet graded"))


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
    "moodle-responses": "tick the response and the right answer when you download the report",
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
        most = _number(header[place + 1])
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
            text=places.get(f"question_{number}"),
        )
        for number in range(1, len(header))
        if f"response_{number}" in places and f"right_answer_{number}" in places
    ]


def _moodle_grades(header: Sequence[str]) -> list[ReportItem]:
    found = []
    for place, name in enumerate(header):
        marked = re.fullmatch(r"\s*Q\. ?(\d+) ?/ ?(\S+)\s*", name)
        most = _number(marked[2]) if marked else None
        if marked and most is not None:
            found.append(ReportItem(f"Q{marked[1]}", place, most=most))
    return found


_ITEMS: Final[dict[Report, Callable[[Sequence[str]], list[ReportItem]]]] = {
    "canvas": _canvas,
    "moodle-responses": _moodle_responses,
    "moodle-grades": _moodle_grades,
}


def report_form(source: Source, report: Report) -> Source:
    """The answers of a report one a row, scored 1, 0 or the share of the points between them."""
    found = items_of(report, source.header)
    items = [item for item in found if item.most is None or item.most > 0]
    if not items:
        raise ImportFileError("no question of the report has points: it is a survey")
    if unscored := len(found) - len(items):
        source.notes.append(f"{unscored} questions have no points and are not read")
    names = distinct(source.header)
    state = next((n for n in names if plain_name(n) in _STATE), None)
    unfinished: Counter[str] = Counter()
    texts: dict[str, str] = {}

    def batches() -> Iterator[Batch]:
        for batch in source:
            table, lines = batch.table, batch.lines
            if state is not None and report != "canvas":
                states = [text or "" for text in plain_text(table.column(state)).text.to_pylist()]
                ended = np.array([text.casefold() == _FINISHED for text in states], dtype=bool)
                unfinished.update(
                    text or "(none)" for text in states if text.casefold() != _FINISHED
                )
                _tell(source.notes, unfinished)
                table, lines = table.filter(pa.array(ended)), lines[ended]
            scores = [_scores(item, table, names, texts) for item in items]
            yield replace(batch, lines=lines, table=_with_scores(table, source, items, scores))

    shown = [item.name for item in items]
    scored = replace(source, _batches=batches())
    return in_long_form(scored, source.columns.carried(), shown)


def _with_scores(
    table: pa.Table, source: Source, items: Sequence[ReportItem], scores: Sequence[list[str]]
) -> pa.Table:
    kept = source.columns.carried()
    columns = [table.column(name) for name in kept]
    columns += [pa.chunked_array([pa.array(each, pa.string())]) for each in scores]
    return pa.table(columns, names=[*kept, *(item.name for item in items)])


def _tell(notes: list[str], unfinished: Counter[str]) -> None:
    """Keeps one note of the attempts that are not read."""
    said = "attempts that are not finished are not read: "
    notes[:] = [note for note in notes if not note.startswith(said)]
    if unfinished:
        notes.append(said + ", ".join(f"{state} {n}" for state, n in unfinished.most_common()))


def _scores(
    item: ReportItem, table: pa.Table, names: Sequence[str], texts: dict[str, str]
) -> list[str]:
    """The score of each row: 1, 0, a share, or empty where nothing was answered."""

    def column(place: int | None) -> list[str]:
        if place is None:
            return [""] * table.num_rows
        found = plain_text(table.column(names[place])).text.to_pylist()
        return [" ".join((text or "").split()) for text in found]

    given, right = column(item.score), column(item.right)
    if item.text is not None:
        _refuse_random(item, column(item.text), texts)
    if item.most is None:
        return [
            "" if answer.casefold() in _NO_ANSWER else str(int(answer == key))
            for answer, key in zip(given, right, strict=True)
        ]
    answered = column(item.answer) if item.answer is not None else given
    return [
        "" if answer.casefold() in _NO_ANSWER else _share(points, item.most)
        for answer, points in zip(answered, given, strict=True)
    ]


def _refuse_random(item: ReportItem, shown: Sequence[str], texts: dict[str, str]) -> None:
    for text in filter(None, shown):
        if texts.setdefault(item.name, text) != text:
            raise ImportFileError(
                f"{item.name} is not one question: it shows {texts[item.name][:40]!r} and"
                f" {text[:40]!r}; a slot of random questions cannot be read as an item"
            )


def _share(points: str, most: Decimal) -> str:
    number = _number(points)
    return points if number is None else f"{(number / most).normalize():f}"


def _number(text: str) -> Decimal | None:
    """The number of a text with a point or a comma before the decimals."""
    try:
        return Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
