"""One row per person and one column per item, as one row per answer.

What never lives here: what the values mean.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from qbank.errors import ImportFileError
from qbank.importing.columns import ColumnMap
from qbank.importing.source import Batch, Broken, Source, distinct
from qbank.importing.text import plain_text

# answers of one batch: what a batch of long rows holds, and little memory
_ANSWERS = 250_000
_USER, _ITEM, _SCORE = "user_id", "question", "correct"


def columns_of_wide(columns: ColumnMap) -> ColumnMap:
    """The columns that a wide file has beside its items.

    Raises:
        ImportFileError: a column of single answers is named.
    """
    for meaning in ("option", "time", "topic", "attempt", "max_score"):
        if (name := getattr(columns, meaning)) is not None:
            option = meaning.replace("_", "-")
            raise ImportFileError(
                f"--{option}-col {name!r} tells of one answer, and a row of "
                "--shape wide has all of a person's: leave it out"
            )
    return replace(columns, item="", correct="")


def long_form(source: Source, pattern: str | None, people: str | None = None) -> Source:
    """The same answers one a row; a row's number is its line times the items, and its item.

    Args:
        source: rows of persons.
        pattern: which columns are items, like ``q*``; None takes all that have no other meaning.
        people: what rows are named by, which are persons then; None where a column names them.

    Raises:
        ImportFileError: no column is an item, or one names persons beside `people`.
    """
    if people is not None and _USER in source.header:
        raise ImportFileError(
            f"the file has a column {_USER!r}: leave --users row out, for it tells who answered"
        )
    kept = source.columns.carried()
    items = [
        name
        for name in distinct(source.header)
        if name.strip() and name not in kept and (pattern is None or fnmatch.fnmatch(name, pattern))
    ]
    if not items:
        raise ImportFileError(
            f"no column is an item{f' like {pattern}' if pattern else ''}: the file has "
            f"{', '.join(source.header)}"
        )
    return in_long_form(source, kept, items, people)


def in_long_form(
    source: Source, kept: list[str], items: list[str], people: str | None = None
) -> Source:
    """The answers one a row.

    Args:
        source: rows of persons.
        kept: columns that each answer of a row has.
        items: columns of scores.
        people: what rows are named by, where each is a person.
    """
    shown = f"{items[0]} to {items[-1]}" if len(items) > 1 else items[0]
    source.notes.append(f"{len(items)} columns are items: {shown}")
    columns = replace(source.columns, item=_ITEM, correct=_SCORE)
    if people is not None:
        source.notes.append(f"each row is a person, named {people}:LINE")
        kept, columns = [_USER, *kept], replace(columns, user=_USER)
    return Source(
        header=[*kept, _ITEM, _SCORE],
        columns=columns,
        notes=source.notes,
        size=source.size,
        per_line=len(items),
        _batches=_answers(source, kept, items, people),
    )


def _answers(
    source: Source, kept: list[str], items: list[str], people: str | None
) -> Iterator[Batch]:
    step = max(_ANSWERS // len(items), 1)
    for batch in source:
        # its values are no columns of long rows
        broken: list[Broken] = [
            (line * len(items), f"{reason}: {', '.join(values)}", [])
            for line, reason, values in batch.broken
        ]
        for first in range(0, max(batch.table.num_rows, 1), step):
            table = batch.table.slice(first, step)
            lines = batch.lines[first : first + step]
            if people is not None:
                names = pa.array([f"{people}:{line}" for line in lines.tolist()], pa.string())
                table = table.append_column(_USER, names)
            yield _long(table, lines, kept, items, broken, batch.bytes_read)
            broken = []


def _long(
    table: pa.Table, lines: Any, kept: list[str], items: list[str], broken: list[Broken], done: int
) -> Batch:
    people, width = table.num_rows, len(items)
    person = np.repeat(np.arange(people), width)
    item = np.tile(np.arange(width), people)
    scores = pa.chunked_array([plain_text(table.column(name)).text for name in items], pa.string())
    columns = [table.column(name).take(pa.array(person)) for name in kept]
    columns += [
        pa.array(items, pa.string()).take(pa.array(item)),
        scores.combine_chunks().take(pa.array(item * people + person)),
    ]
    long = pa.table(columns, names=[*kept, _ITEM, _SCORE])
    return Batch(lines[person] * width + item, long, broken, done)
