"""Rows of JSON Lines, JSON and Excel, every value as the text that stands there.

What never lives here: delimited text and Parquet.
"""

from __future__ import annotations

import datetime as dt
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from qbank.errors import ImportFileError
from qbank.importing.opening import refuse_inflated, whole
from qbank.importing.request import ImportRequest
from qbank.importing.source import Batch, Broken, Source, distinct

_ROWS = 65_536
_TITLE_ROWS = 20


def json_lines(request: ImportRequest, stream: Any, file: BinaryIO, size: int) -> Source:
    """One object a line, or one array of objects; numbers keep their digits."""
    encoding = request.encoding or "utf-8-sig"
    data = whole(request.path, stream)
    try:
        text = io.TextIOWrapper(data, encoding=encoding, errors="replace")
    except LookupError as error:
        raise ImportFileError(f"--encoding {encoding!r} is unknown: {error}") from error
    records = _objects(text.read())
    first = list(itertools.islice(records, _ROWS))
    header: dict[str, None] = {}
    for _, value, _ in first:
        header |= dict.fromkeys(value or {})
    if not header:
        raise ImportFileError(f"{request.path} is no JSON Lines: each line is one object")
    names = list(header)
    columns, notes = request.columns.found_in(names)

    def batches() -> Iterator[Batch]:
        remaining = itertools.chain(first, records)
        while part := list(itertools.islice(remaining, _ROWS)):
            good = [(line, value) for line, value, _ in part if value is not None]
            broken = [
                (line, "it is no JSON object of texts", [raw])
                for line, value, raw in part
                if value is None
            ]
            rows = [[_text(value.get(name)) for name in names] for _, value in good]
            yield _batch([line for line, _ in good], rows, names, broken, file.tell())

    return Source(names, columns, notes, size, batches())


def _objects(text: str) -> Iterator[tuple[int, dict[str, Any] | None, str]]:
    """(line, object or None, text) of each record."""

    def read(part: str) -> Any:
        return json.loads(part, parse_float=str, parse_int=str, parse_constant=str)

    if text.lstrip().startswith("["):
        for number, value in enumerate(read(text), 1):
            raw = str(value)
            yield number, value if _is_object(value, raw) else None, raw
        return
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = read(line)
        except json.JSONDecodeError:
            value = None
        yield number, value if _is_object(value, line) else None, line


def _is_object(value: Any, raw: str) -> bool:
    """Whether it is an object of texts, not of half a character (a lone surrogate)."""
    if not isinstance(value, dict):
        return False
    try:
        if "\\ud" in raw.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if value is None or isinstance(value, str) else json.dumps(value)


def excel(request: ImportRequest, size: int) -> Source:
    """The first sheet that has rows; its header may stand below a title."""
    from python_calamine import CalamineError, load_workbook

    refuse_inflated(request.path)
    try:
        workbook = load_workbook(str(request.path))
        sheets = (
            (name, workbook.get_sheet_by_name(name).to_python()) for name in workbook.sheet_names
        )
        name, rows = next(((name, rows) for name, rows in sheets if rows), ("", []))
    except CalamineError as error:
        raise ImportFileError(f"{request.path} cannot be read to its end: {error}") from error
    cells = [[_cell(value) for value in row] for row in rows]
    top = next((k for k, row in enumerate(cells[:_TITLE_ROWS]) if request.columns.are_in(row)), 0)
    header = cells[top] if cells else []
    names = distinct(header)
    columns, notes = request.columns.found_in(header)
    notes.append(f"sheet {name!r} is read")
    notes += [
        f"row {k + 1} is skipped: {' '.join(filter(None, row))}"
        for k, row in enumerate(cells[:top])
    ]

    def batches() -> Iterator[Batch]:
        numbered = [(k, row) for k, row in enumerate(cells[top + 1 :], top + 2) if any(row)]
        yield _batch([k for k, _ in numbered], [row for _, row in numbered], names, [], size)

    return Source(header, columns, notes, size, batches())


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, dt.timedelta):
        return f"PT{value.total_seconds()}S"
    if isinstance(value, dt.time):
        return value.isoformat()
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _batch(
    lines: list[int],
    rows: Iterable[Sequence[str | None]],
    names: list[str],
    broken: list[Broken],
    done: int,
) -> Batch:
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    table = pa.table([pa.array(column, pa.string()) for column in columns], names=names)
    return Batch(np.array(lines, dtype=np.int64), table, broken, done)
