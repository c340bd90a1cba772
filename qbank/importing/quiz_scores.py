"""What the cells of a quiz report score, and where they contradict the report itself.

What never lives here: which column of a report is what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import takewhile
from typing import Final

import numpy as np
import pyarrow as pa

from qbank.errors import ImportFileError
from qbank.importing.columns import plain_name
from qbank.importing.quiz_reports import Report, ReportItem, grade_of, items_of, number_of
from qbank.importing.source import Batch, Source, distinct
from qbank.importing.text import plain_text
from qbank.importing.wide import in_long_form
from qbank.wording import listed

_STATE = ("state", "status")
_FINISHED = "finished"
# Moodle's, where nothing was answered; Canvas leaves the cell empty
_NOTHING = ("", "-")
_UNMARKED = ("requires grading", "not yet graded")
# always missing, see codes: an answer, and nobody knows whether it is right
_NO_SCORE: Final = "NA"
# of attempts whose grade somebody may have set by hand
_BY_HAND: Final = 20


def report_form(source: Source, report: Report, timezone: str) -> Source:
    """The answers of a report one a row, scored 1, 0 or the share of the points between them.

    Args:
        source: the report's rows.
        report: whose it is.
        timezone: of its times, to be told where it is the default.

    Raises:
        ImportFileError: it has nothing that can be scored, or contradicts itself.
    """
    found = items_of(report, source.header)
    items = [item for item in found if item.most is None or item.most > 0]
    if not items:
        raise ImportFileError("no question of the report has points: it is a survey")
    if unscored := len(found) - len(items):
        source.notes.append(f"{unscored} questions have no points and are not read")
    if report != "canvas" and source.columns.timestamp is not None and timezone == "UTC":
        source.notes.append("its times are read as UTC: --timezone Europe/Berlin names another")
    reading = _Reading(report, source, items)
    batches = [reading.scored(batch) for batch in source]
    shown = reading.finish()
    return in_long_form(replace(source, _batches=iter(batches)), source.columns.carried(), shown)


class _Reading:
    """A report under way: scores by batch, and what is to be told of all."""

    def __init__(self, report: Report, source: Source, items: Sequence[ReportItem]) -> None:
        self._report, self._source, self._items = report, source, items
        self._names = distinct(source.header)
        self._grade = grade_of(source.header) if report == "moodle-responses" else None
        state = next((n for n in self._names if plain_name(n) in _STATE), None)
        self._state = None if report == "canvas" else state
        self._slots = {item.name: _Slot(item.name) for item in items}
        self._unfinished: Counter[str] = Counter()
        self._unmarked: Counter[str] = Counter()
        self._keyless: Counter[str] = Counter()
        self._attempts = self._graded = 0
        self._otherwise: list[str] = []

    def scored(self, batch: Batch) -> Batch:
        """The rows of a batch that are finished, with a column of scores an item."""
        table, lines = batch.table, batch.lines
        if self._state is not None:
            states = [text or "" for text in plain_text(table.column(self._state)).text.to_pylist()]
            ended = np.array([text.casefold() == _FINISHED for text in states], dtype=bool)
            self._unfinished.update(
                text or "(none)" for text in states if text.casefold() != _FINISHED
            )
            table, lines = table.filter(pa.array(ended)), lines[ended]
        scores = [self._scores(item, table) for item in self._items]
        self._attempts += table.num_rows
        self._compare(table, scores)
        kept = self._source.columns.carried()
        columns = [table.column(name) for name in kept]
        columns += [pa.chunked_array([pa.array(each, pa.string())]) for each in scores]
        names = [*kept, *(item.name for item in self._items)]
        return replace(batch, lines=lines, table=pa.table(columns, names=names))

    def finish(self) -> list[str]:
        """The items that have scores, when all is read; what there is to tell becomes notes.

        Raises:
            ImportFileError: none has, or the report's grades say something else.
        """
        notes = self._source.notes
        if self._report == "moodle-responses" and self._grade is None:
            notes.append("no column Grade/10.00: nothing tells whether Moodle marked as texts do")
        if self._unfinished:
            states = ", ".join(f"{state} {n}" for state, n in self._unfinished.most_common())
            notes.append(f"attempts that are not finished are not read: {states}")
        if len(self._otherwise) > self._graded // _BY_HAND:
            raise ImportFileError(
                f"{len(self._otherwise)} of {self._graded} attempts have another grade than right"
                f" answers, like one with {self._otherwise[0]}: Moodle counts parts of marks, and"
                " answers that are written otherwise; use the Grades report"
                " (--preset moodle-grades)"
            )
        if self._otherwise:
            notes.append(
                f"{len(self._otherwise)} attempts have another grade than right answers, like one"
                f" with {self._otherwise[0]}"
            )
        if self._unmarked:
            notes.append(f"answers that nobody has marked are missing: {_told(self._unmarked)}")
        shown = [
            item.name
            for item in self._items
            if not self._attempts or self._keyless[item.name] < self._attempts
        ]
        if not shown:
            raise ImportFileError(
                "no question of the report has a right answer: use the Grades report"
                " (--preset moodle-grades)"
            )
        if left_out := [item.name for item in self._items if item.name not in shown]:
            notes.append(f"questions without a right answer are not read: {listed(left_out, 10)}")
        if partly := Counter({name: n for name in shown if (n := self._keyless[name])}):
            notes.append(f"answers to what has no right answer are missing: {_told(partly)}")
        return shown

    def _column(self, place: int | None, table: pa.Table) -> list[str]:
        if place is None:
            return [""] * table.num_rows
        found = plain_text(table.column(self._names[place])).text.to_pylist()
        return [" ".join((text or "").split()) for text in found]

    def _scores(self, item: ReportItem, table: pa.Table) -> list[str]:
        """The score of each row: 1, 0, a share, NA, or empty where nothing was answered."""
        given = self._column(item.score, table)
        if item.most is None:
            self._slots[item.name].see(self._column(item.text, table))
            right = self._column(item.right, table)
            scores = list(map(_by_text, given, right))
            self._keyless[item.name] += scores.count(_NO_SCORE)
            return scores
        if item.answer is None:
            scores = [_by_mark(points, item.most) for points in given]
        else:
            answers = self._column(item.answer, table)
            scores = [
                _by_points(answer, points, item.most)
                for answer, points in zip(answers, given, strict=True)
            ]
        if unmarked := scores.count(_NO_SCORE):
            self._unmarked[item.name] += unmarked
        return scores

    def _compare(self, table: pa.Table, scores: Sequence[Sequence[str]]) -> None:
        """Notes the attempts whose grade is not the share of their answers that are right."""
        if self._grade is None:
            return
        place, most = self._grade
        grades = self._column(place, table)
        for grade, row in zip(grades, zip(*scores, strict=True), strict=True):
            number = number_of(grade)
            if number is None or not number.is_finite():
                continue
            self._graded += 1
            right, unknown = row.count("1"), row.count(_NO_SCORE)
            least, largest = (most * n / len(row) for n in (right, right + unknown))
            rounding = min(_step(number), _step(most)) / 2
            if not least - rounding <= number <= largest + rounding:
                self._otherwise.append(f"{right} of {len(row)} right and the grade {grade}/{most}")


class _Slot:
    """What a slot of a quiz shows."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._first: str | None = None
        self._seen: set[str] = set()

    def see(self, shown: Sequence[str]) -> None:
        """Refuses another question; the same choices in another order are the same one.

        Raises:
            ImportFileError: names the slot, and shows where the texts differ.
        """
        for text in sorted(set(shown) - self._seen - {""}):
            self._first = first = text if self._first is None else self._first
            if _words(text) != _words(first):
                raise ImportFileError(
                    f"{self._name} is not one question: it shows {_difference(first, text)}; a slot"
                    " of random questions cannot be read as an item"
                )
            self._seen.add(text)


def _words(text: str) -> list[str]:
    """The words of ``stem: choice; choice`` in an order of their own."""
    return sorted(word.strip(":;{}") for word in text.split())


def _difference(one: str, other: str) -> str:
    """Both texts from the first word on that differs."""
    words = one.split(), other.split()
    same = list(takewhile(lambda pair: pair[0] == pair[1], zip(*words, strict=False)))
    rest = [" ".join(each[len(same) :])[:40] for each in words]
    return f"{rest[0]!r} and {rest[1]!r}"


def _by_text(answer: str, right: str) -> str:
    if right in _NOTHING:
        return _NO_SCORE
    return "" if answer in _NOTHING else str(int(answer == right))


def _by_mark(mark: str, most: Decimal) -> str:
    if mark.casefold() in _UNMARKED:
        return _NO_SCORE
    return "" if mark in _NOTHING else _share(mark, most)


def _by_points(answer: str, points: str, most: Decimal) -> str:
    if not points:
        return _NO_SCORE if answer else ""
    return "" if not answer and number_of(points) == 0 else _share(points, most)


def _share(points: str, most: Decimal) -> str:
    number = number_of(points)
    if number is None:
        return points
    return f"{number / most:.6f}".rstrip("0").rstrip(".")


def _step(number: Decimal) -> Decimal:
    """What the last digit of a number counts."""
    return Decimal(1).scaleb(int(number.as_tuple().exponent))


def _told(counts: Counter[str]) -> str:
    return listed([f"{name} {n}" for name, n in counts.items()], 10)
