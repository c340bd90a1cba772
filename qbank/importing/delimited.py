"""Streams delimited text: which delimiter, where the header stands, which line a row is on.

What never lives here: judging the values.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from qbank.errors import ImportFileError
from qbank.importing.codes import plainest
from qbank.importing.opening import encoding_of, unpacked
from qbank.importing.request import ImportRequest
from qbank.importing.source import Batch, Broken, Source, distinct
from qbank.option_labels import option_label

BLOCK_BYTES = 8 << 20
_DELIMITERS = (",", ";", "\t", "|")
_TITLE_LINES = 20


@dataclass(frozen=True)
class _Layout:
    """How the text is written.

    Attributes:
        skipped: lines above the first row, the header's own among them.
        header_at: 0-based line on which the header begins.
    """

    encoding: str
    delimiter: str
    header: list[str]
    skipped: int
    header_at: int
    quoting: str

    def reader(self, lines: Any) -> Any:
        return _reader(lines, self.delimiter, self.quoting)


def delimited(
    request: ImportRequest, stream: Any, start: bytes, file: BinaryIO, size: int
) -> Source:
    """A CSV in any delimiter, encoding and line ending, below any title lines.

    Args:
        request: what the file is to be read as; what it leaves open is found out.
        stream: the unpacked text, from its beginning.
        start: the first bytes of it.
        file: the packed file, to tell how far it was read.
        size: its bytes.
    """
    layout, lines = _layout(request, start)
    columns, notes = request.columns.found_in(layout.header)
    for number, line in enumerate(lines[: layout.header_at], 1):
        notes.append(f"line {number} is skipped: {line.strip()[:60]}")
    names = distinct(layout.header)
    broken: list[Broken] = []

    def note(row: Any) -> str:
        values: list[str] = next(layout.reader([row.text]), [])
        reason = f"the row has {row.actual_columns} columns, not {row.expected_columns}"
        if row.actual_columns > row.expected_columns:
            reason += f": {', '.join(values[row.expected_columns :])} is beyond"
        record = int(row.number or 0)
        if "\n" in row.text:
            swallowed.texts[record] = row.text
        broken.append((record, reason if row.text.strip() else "", values))
        return "skip"

    told_by = next((name for name in (columns.correct, columns.option) if name in names), names[-1])
    swallowed = _Swallowed(
        request, layout, names.index(told_by), is_option=told_by == columns.option
    )
    with swallowed.explained():
        reader = _open(stream, layout, names, note)
    batches = _numbered(reader, broken, layout.skipped, file, swallowed)
    return Source(layout.header, columns, notes, size, batches)


def _open(stream: Any, layout: _Layout, names: list[str], note: Any) -> Any:
    return pa_csv.open_csv(
        pa.PythonFile(stream, mode="r"),
        # one thread: only then does pyarrow know the number of a broken row
        read_options=pa_csv.ReadOptions(
            block_size=BLOCK_BYTES,
            use_threads=False,
            encoding=layout.encoding,
            column_names=names,
            skip_rows=layout.skipped,
        ),
        parse_options=pa_csv.ParseOptions(
            delimiter=layout.delimiter,
            quote_char=False if layout.quoting == "none" else '"',
            escape_char="\\" if layout.quoting == "backslash" else False,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=note,
        ),
        # binary: a byte that is not UTF-8 spoils its row, not the file
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.binary()), strings_can_be_null=False
        ),
    )


def _layout(request: ImportRequest, start: bytes) -> tuple[_Layout, list[str]]:
    encoding = request.encoding or encoding_of(start)
    # a byte order mark is no part of the first name
    codec = "utf-8-sig" if encoding.lower().replace("-", "") == "utf8" else encoding
    try:
        text = start.decode(codec, errors="replace")
    except LookupError as error:
        raise ImportFileError(f"--encoding {encoding!r} is unknown: {error}") from error
    lines = io.StringIO(text, newline="").readlines()
    delimiters = (request.delimiter,) if request.delimiter else _DELIMITERS
    if any(len(delimiter) != 1 for delimiter in delimiters):
        raise ImportFileError(
            f"--delimiter {request.delimiter!r} is not one character: leave it out, it is found out"
        )
    top = 0
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].strip()) <= 5:
        top, delimiters = 1, (lines[0].rstrip("\r\n")[4:] or ",",)

    def at(line: int, delimiter: str) -> tuple[list[str], int]:
        reader = _reader(lines[line:], delimiter, request.quoting)
        try:
            header: list[str] = next(reader, [])
        except csv.Error as error:
            raise ImportFileError(
                f"the header of {request.path} cannot be read: {error}"
            ) from error
        return header, line + reader.line_num

    if request.names:
        wide = len(request.names)
        # where the names tell how many columns there are, a space may be what parts them
        tried = delimiters if request.delimiter else (*delimiters, " ")
        delimiter = next((d for d in tried if len(at(top, d)[0]) == wide), delimiters[0])
        return _Layout(encoding, delimiter, list(request.names), top, top, request.quoting), lines
    places = [
        (line, d) for line in range(top, min(top + _TITLE_LINES, len(lines))) for d in delimiters
    ]
    usable = (place for place in places if request.columns.are_in(at(*place)[0]))
    likely = max(delimiters, key=lambda delimiter: len(at(top, delimiter)[0]))
    line, delimiter = next(usable, (top, likely))
    header, skipped = at(line, delimiter)
    if any("\ufffd" in name or "\x00" in name for name in header):
        raise ImportFileError(
            f"the header of {request.path} is not {encoding} text: name its --encoding"
        )
    return _Layout(encoding, delimiter, header, skipped, line, request.quoting), lines


def _reader(lines: Any, delimiter: str, quoting: str) -> Any:
    if quoting == "none":
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    if quoting == "backslash":
        return csv.reader(lines, delimiter=delimiter, escapechar="\\")
    return csv.reader(lines, delimiter=delimiter)


@dataclass
class _Swallowed:
    """Finds rows that a stray quote took into one value.

    Attributes:
        place: 0-based column of the score, or else of the option that was chosen.
        is_option: whether it is the latter.
        texts: rows that are none and have line breaks, by record.
    """

    request: ImportRequest
    layout: _Layout
    place: int
    is_option: bool
    texts: dict[int, str] = field(default_factory=dict)

    def look(self, text: str, line: int) -> None:
        """Refuses the file where a value that begins on `line` has whole rows of it inside."""
        known = self.request.codes.meanings()
        for inner in text.splitlines()[1:]:
            cells = inner.split(self.layout.delimiter)
            if len(cells) != len(self.layout.header):
                continue
            value = plainest(cells[self.place])
            if value in known or (self.is_option and " " not in value and option_label(value)):
                raise self._error(line, text.splitlines()[0])

    def look_at_broken(self, lines: Mapping[int, int]) -> None:
        """The same for the rows that are none; `lines` gives the line of a record."""
        for record in [record for record in self.texts if record in lines]:
            self.look(self.texts.pop(record), lines[record])

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Names the line where the file is one value from there on."""
        try:
            yield
        except pa.ArrowInvalid as error:
            if "straddl" not in str(error):
                raise
            with self.request.path.open("rb") as file, unpacked(self.request.path, file) as stream:
                text = io.TextIOWrapper(stream, self.layout.encoding, "replace", newline="")
                reader, line = self.layout.reader(text), 0
                try:
                    for _ in reader:
                        line = reader.line_num
                except csv.Error:
                    raise self._error(line + 1) from error
            raise

    def _error(self, line: int, text: str = "") -> ImportFileError:
        shown = f" ({text[:60]})" if text else ""
        return ImportFileError(
            f"{self.request.path}, line {line}: a quote opens here and takes in the rows below it"
            f"{shown}: mend it, or read quotes as ordinary characters with --quoting none"
        )


def _numbered(
    reader: Any, broken: list[Broken], skipped: int, file: BinaryIO, swallowed: _Swallowed
) -> Iterator[Batch]:
    """Gives each row its line: records are counted over broken ones and line breaks in values."""
    record, breaks = skipped + 1, 0
    while batch := _next(reader, swallowed):
        table = pa.Table.from_batches([batch])
        passed = [entry[0] for entry in broken]
        candidates = np.arange(record, record + batch.num_rows + len(passed), dtype=np.int64)
        records = candidates[~np.isin(candidates, passed)][: batch.num_rows]
        record = int(records[-1]) + 1 if records.size else record
        inside = _line_breaks(table)
        before = breaks + np.concatenate([[0], np.cumsum(inside)])
        for row in np.flatnonzero(inside):
            for column in table.columns:
                swallowed.look(
                    column[int(row)].as_py().decode(errors="replace"),
                    int(records[row] + before[row]),
                )
        past = [entry for entry in broken if entry[0] < record]
        del broken[: len(past)]
        at = np.searchsorted(records, [entry[0] for entry in past])
        swallowed.look_at_broken(_lines(past, before[at]))
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
        shift = np.full(len(broken), breaks)
        swallowed.look_at_broken(_lines(broken, shift))
        left = _shifted(broken, shift)
        yield Batch(np.empty(0, np.int64), none, left, file.tell())


def _next(reader: Any, swallowed: _Swallowed) -> Any:
    with swallowed.explained():
        return next(reader, None)


def _lines(entries: list[Broken], by: Any) -> dict[int, int]:
    return {entry[0]: entry[0] + int(shift) for entry, shift in zip(entries, by, strict=True)}


def _shifted(entries: list[Broken], by: Any) -> list[Broken]:
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
