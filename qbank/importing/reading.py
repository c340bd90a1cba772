"""Streams a file of any known format as batches of raw rows with line numbers.

What never lives here: judging the values.
"""

from __future__ import annotations

import csv
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qbank.errors import ImportFileError
from qbank.importing.columns import OF_ANSWERS, ColumnError, plain_name
from qbank.importing.delimited import delimited
from qbank.importing.opening import WHOLE_FILES, format_of, unpacked
from qbank.importing.quiz_reports import ReportColumns
from qbank.importing.quiz_scores import report_form
from qbank.importing.records import excel, json_lines
from qbank.importing.request import ImportRequest
from qbank.importing.source import Batch, Source
from qbank.importing.wide import columns_of_wide, long_form
from qbank.wording import one_line

PARQUET_ROWS = 131_072
_BROKEN_FILE = (
    pa.ArrowInvalid,
    pa.ArrowNotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
    csv.Error,
    json.JSONDecodeError,
    OSError,
    EOFError,
)


def fingerprint(path: Path) -> str:
    """SHA-256 of the file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def open_source(request: ImportRequest) -> Iterator[Source]:
    """Opens the file of a request for streaming.

    Raises:
        ImportFileError: the file is missing, empty, of no known format, or lacks a column.
    """
    with _rows_of(request) as source:
        if isinstance(request.columns, ReportColumns):
            yield report_form(source, request.columns.report, request.timezone)
        else:
            people = request.path.name if request.persons_by_row else None
            yield source if request.shape == "long" else long_form(source, request.items, people)


@contextmanager
def _rows_of(request: ImportRequest) -> Iterator[Source]:
    """The rows as they stand in the file."""
    if request.shape == "wide" or isinstance(request.columns, ReportColumns):
        columns = columns_of_wide(request.columns)
        if request.persons_by_row:
            columns = replace(columns, user="")
        request = replace(request, columns=columns)
    path = request.path
    if not path.is_file():
        raise ImportFileError(f"{path} is not a file: name the file of responses")
    size = path.stat().st_size
    if size == 0:
        raise ImportFileError(f"{path} is empty: nothing to import")
    with path.open("rb") as file:
        try:
            with unpacked(path, file) as stream:
                yield _opened(request, file, stream, size)
        except _BROKEN_FILE as error:
            if isinstance(error, OSError) and error.errno:
                raise
            reason = one_line(error)
            raise ImportFileError(f"{path} cannot be read to its end: {reason}") from error


def recognised(request: ImportRequest) -> ImportRequest:
    """The request with what its file's header tells: a report's columns, and a shape to find out.

    A file is ``wide`` whose header tells who answered, and neither an item nor a score.

    Raises:
        ImportFileError: the file cannot be opened as either.
    """
    if isinstance(request.columns, ReportColumns):
        with _rows_of(request) as source:
            return replace(request, columns=source.columns, shape="wide")
    if request.shape != "auto":
        return request
    if request.persons_by_row:
        return replace(request, shape="wide")
    try:
        with open_source(replace(request, shape="long")):
            return replace(request, shape="long")
    except ColumnError as error:
        if error.meaning != "item":
            raise
        names = {plain_name(name): name for name in error.header}
        of_answers = OF_ANSWERS | {plain_name(request.columns.correct)}
        one = next((own for name, own in names.items() if name in of_answers), None)
        if request.items is None and one is not None:
            raise ImportFileError(
                f"{error}; column {one!r} is of one answer: where a row has all of a person's, name"
                " its items with --items"
            ) from error
    return replace(request, shape="wide")


def _opened(request: ImportRequest, file: BinaryIO, stream: Any, size: int) -> Source:
    form, start = format_of(request.path, stream)
    if form in WHOLE_FILES and stream is not file:
        raise ImportFileError(f"{request.path} is a packed {form} file: unpack it first")
    if form == "parquet":
        return _parquet(request, file, size)
    if form == "excel":
        return excel(request, size)
    if form in ("spss", "stata"):
        # pandas takes half a second to import
        from qbank.importing.statistics_files import statistics_file

        return statistics_file(request, form, size)
    rest = _Rest(start, stream)
    if form == "json":
        return json_lines(request, rest, file, size)
    return delimited(request, rest, start, file, size)


class _Rest:
    """A stream whose first bytes were read already; it need not be one that can go back."""

    closed = False

    def __init__(self, start: bytes, stream: Any) -> None:
        self._start = start
        self._stream = stream

    def read(self, count: int = -1) -> bytes:
        """The next bytes."""
        if not self._start:
            return bytes(self._stream.read(count)) if count >= 0 else bytes(self._stream.read())
        if count < 0:
            taken, self._start = self._start + bytes(self._stream.read()), b""
            return taken
        taken, self._start = self._start[:count], self._start[count:]
        return taken

    def readable(self) -> bool:
        """Yes."""
        return True

    def close(self) -> None:
        """The stream is closed by whoever opened it."""


def _parquet(request: ImportRequest, file: BinaryIO, size: int) -> Source:
    file.seek(0)
    parquet = pq.ParquetFile(file)
    header = list(parquet.schema_arrow.names)
    columns, notes = request.columns.found_in(header)

    def batches() -> Iterator[Batch]:
        first, total = 1, max(parquet.metadata.num_rows, 1)
        for batch in parquet.iter_batches(batch_size=PARQUET_ROWS):
            lines = np.arange(first, first + batch.num_rows, dtype=np.int64)
            first += batch.num_rows
            done = int(size * (first - 1) / total)
            yield Batch(lines, pa.Table.from_batches([batch]), [], done)

    return Source(header, columns, notes, size, batches())
