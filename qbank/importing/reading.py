"""Streams a CSV (also gzipped) or Parquet file as batches of raw text with line numbers.

What never lives here: judging the values.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from qbank.errors import ImportFileError

BLOCK_BYTES = 8 << 20
PARQUET_ROWS = 131_072
_PARQUET = (".parquet", ".pq")
_Broken = tuple[int, str, list[str]]


@dataclass(frozen=True)
class Batch:
    """Rows as they stand in the file.

    Attributes:
        lines: 1-based line (CSV, the header is line 1) or row number (Parquet), shape (n,).
        table: all columns; text for CSV, the file's own types for Parquet.
        broken: rows that are not rows of this table: (line, reason, values).
        bytes_read: how far the file has been read.
    """

    lines: np.ndarray[Any, np.dtype[np.int64]]
    table: pa.Table
    broken: list[tuple[int, str, list[str]]]
    bytes_read: int


@dataclass
class Source:
    """A file that can be streamed once.

    Attributes:
        header: column names.
        size: bytes on disk.
    """

    header: list[str]
    size: int
    _batches: Iterator[Batch] = field(repr=False)

    def __iter__(self) -> Iterator[Batch]:
        return self._batches


def fingerprint(path: Path) -> str:
    """SHA-256 of the file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def open_source(path: Path, *, delimiter: str | None = None, encoding: str = "utf-8") -> Any:
    """Opens a file for streaming: a context manager that gives a :class:`Source`.

    Raises:
        ImportFileError: the file is missing, empty, or neither CSV nor Parquet.
    """
    if not path.is_file():
        raise ImportFileError(f"{path} is not a file: name a .csv, .csv.gz or .parquet file")
    size = path.stat().st_size
    if size == 0:
        raise ImportFileError(f"{path} is empty: nothing to import")
    with path.open("rb") as file:
        try:
            if path.name.lower().endswith(_PARQUET):
                yield _parquet(file, size)
            else:
                yield _csv(file, size, path, delimiter, encoding)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, EOFError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            reason = " ".join(str(error).split())
            raise ImportFileError(f"{path} cannot be read to its end: {reason}") from error


def _parquet(file: BinaryIO, size: int) -> Source:
    parquet = pq.ParquetFile(file)

    def batches() -> Iterator[Batch]:
        first, total = 1, max(parquet.metadata.num_rows, 1)
        for batch in parquet.iter_batches(batch_size=PARQUET_ROWS):
            lines = np.arange(first, first + batch.num_rows, dtype=np.int64)
            first += batch.num_rows
            done = int(size * (first - 1) / total)
            yield Batch(lines, pa.Table.from_batches([batch]), [], done)

    return Source(list(parquet.schema_arrow.names), size, batches())


def _csv(file: BinaryIO, size: int, path: Path, delimiter: str | None, encoding: str) -> Source:
    lowered = path.name.lower()
    stream: Any = pa.PythonFile(file, mode="r")
    if lowered.endswith(".gz"):
        stream = pa.CompressedInputStream(stream, "gzip")
    broken: list[_Broken] = []

    def note(row: Any) -> str:
        empty = not row.text.strip()
        reason = f"the row has {row.actual_columns} columns, not {row.expected_columns}"
        values = next(csv.reader([row.text], delimiter=separator), [])
        if row.actual_columns > row.expected_columns:
            reason += f": {', '.join(values[row.expected_columns :])} is beyond"
        broken.append((int(row.number or 0), "" if empty else reason, values))
        return "skip"

    separator = delimiter or ("\t" if ".tsv" in lowered else ",")
    header = _csv_header(path, separator, encoding)
    reader = pa_csv.open_csv(
        stream,
        # one thread: only then does pyarrow know the number of a broken row
        read_options=pa_csv.ReadOptions(
            block_size=BLOCK_BYTES, use_threads=False, encoding=encoding
        ),
        parse_options=pa_csv.ParseOptions(
            delimiter=separator,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=note,
        ),
        # binary: a byte that is not UTF-8 spoils its row, not the file
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.binary()), strings_can_be_null=False
        ),
    )
    return Source(header, size, _numbered(reader, broken, file))


def _numbered(reader: Any, broken: list[_Broken], file: BinaryIO) -> Iterator[Batch]:
    """Gives each row its line: records are counted over broken ones and line breaks in values."""
    record, breaks = 2, 0  # the header is record 1
    for batch in reader:
        table = pa.Table.from_batches([batch])
        skipped = [entry[0] for entry in broken]
        candidates = np.arange(record, record + batch.num_rows + len(skipped), dtype=np.int64)
        records = candidates[~np.isin(candidates, skipped)][: batch.num_rows]
        record = int(records[-1]) + 1 if records.size else record
        inside = _line_breaks(table)
        before = breaks + np.concatenate([[0], np.cumsum(inside)])
        past = [entry for entry in broken if entry[0] < record]
        del broken[: len(past)]
        at = np.searchsorted(records, [entry[0] for entry in past])
        filled = _filled(table)
        yield Batch(
            lines=(records + before[:-1])[filled],
            table=table.filter(pa.array(filled)),
            broken=_shifted(past, before[at]),
            bytes_read=file.tell(),
        )
        breaks = int(before[-1])
    if broken:
        none = reader.schema.empty_table()
        left = _shifted(broken, np.full(len(broken), breaks))
        yield Batch(np.empty(0, np.int64), none, left, file.tell())


def _shifted(entries: list[_Broken], by: Any) -> list[_Broken]:
    """Broken rows with their lines; an empty line is none."""
    return [
        (record + int(shift), reason, values)
        for (record, reason, values), shift in zip(entries, by, strict=True)
        if reason
    ]


def _filled(table: pa.Table) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Rows that are more than an empty line."""
    length = np.zeros(table.num_rows, dtype=np.int64)
    for column in table.columns:
        length += pc.fill_null(pc.binary_length(column), 0).to_numpy()
    filled: np.ndarray[Any, np.dtype[np.bool_]] = length > 0
    return filled


def _line_breaks(table: pa.Table) -> np.ndarray[Any, np.dtype[np.int64]]:
    total = np.zeros(table.num_rows, dtype=np.int64)
    for column in table.columns:
        total += pc.fill_null(pc.count_substring(column, b"\n"), 0).to_numpy()
    return total


def _csv_header(path: Path, delimiter: str, encoding: str) -> list[str]:
    opener: Any = gzip.open if path.name.lower().endswith(".gz") else open
    # a byte order mark is no part of the first name
    codec = "utf-8-sig" if encoding.lower().replace("-", "") == "utf8" else encoding
    try:
        with opener(path, "rt", encoding=codec, errors="replace", newline="") as file:
            header = next(csv.reader(file, delimiter=delimiter), [])
    except (LookupError, csv.Error) as error:
        raise ImportFileError(f"the header of {path} cannot be read: {error}") from error
    if any("\ufffd" in name or "\x00" in name for name in header):
        raise ImportFileError(f"the header of {path} is not {encoding} text: name its --encoding")
    return header
