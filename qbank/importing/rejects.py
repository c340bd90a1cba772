"""The file of refused rows: the input's own columns, and behind them line and reason.

It can be mended and imported any number of times. What never lives here: deciding what is refused.
"""

from __future__ import annotations

import csv
import heapq
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from qbank.errors import ImportFileError

LINE, REASON = "reject_line", "reject_reason"
_ENDINGS = r"(\.(csv|tsv|txt|gz|bz2|zst|zip|parquet|pq|jsonl|ndjson|json|xlsx|xls))+$"
Refused = tuple[int, str, list[str]]


class RejectsFile:
    """Takes refused rows in the order of the file; nothing is left where there were none.

    Attributes:
        count: rows taken so far.
    """

    def __init__(self, source: Path, wanted: Path | None, header: list[str]) -> None:
        """Nothing is ever written over.

        Args:
            source: the file that is imported.
            wanted: where refused rows go; None is ``<source>.rejects.csv`` in the working
                directory, or the next free ``<source>.rejects.2.csv``.
            header: column names of the source, which may be rejects themselves.

        Raises:
            ImportFileError: there is a file at `wanted`.
        """
        if wanted is not None and wanted.exists():
            raise ImportFileError(f"--rejects {wanted} is there already: name a file that is not")
        self.count = 0
        self._wanted = wanted
        self._source = source
        self._kept = [k for k, name in enumerate(header) if name not in (LINE, REASON)]
        self._header = [header[k] for k in self._kept]
        self._partial: Path | None = None
        self._file: Any = None
        self._writer: Any = None

    def add(self, refused: Iterable[Refused]) -> None:
        """Takes rows in order of line, values in the order of the header."""
        for line, reason, values in refused:
            if self._file is None:
                self._open()
            row = [values[k] if k < len(values) else "" for k in self._kept]
            self._writer.writerow([*row, line, reason])
            self.count += 1

    def merge(self, later: Iterator[Refused]) -> None:
        """Takes rows in order of line that were refused after those taken so far."""
        if self._file is None:
            self.add(later)
            return
        self._file.close()
        earlier, self._file = self._partial, None
        assert earlier is not None  # noqa: S101
        self.count = 0
        place = {column: k for k, column in enumerate(self._kept)}
        width = max(self._kept) + 1
        try:
            with earlier.open(newline="", encoding="utf-8") as file:
                rows = csv.reader(file)
                next(rows)
                taken = (
                    (int(line), why, [values[place[k]] if k in place else "" for k in range(width)])
                    for *values, line, why in rows
                )
                self.add(heapq.merge(taken, later, key=lambda refused: refused[0]))
        finally:
            earlier.unlink()

    def finish(self) -> Path | None:
        """Closes the file and gives its path; None where nothing was refused."""
        if self._file is None or self._partial is None:
            return None
        self._file.close()
        for path in self._places():
            try:
                # unlike a renaming, a link never takes another file's place
                os.link(self._partial, path)
            except FileExistsError:
                continue
            self._partial.unlink()
            return path
        raise ImportFileError(
            f"--rejects {self._wanted} is there by now: the refused rows are in {self._partial}"
        )

    def discard(self) -> None:
        """Removes what was written: the import did not happen."""
        if self._file is not None and self._partial is not None:
            self._file.close()
            self._partial.unlink(missing_ok=True)

    def _open(self) -> None:
        folder = self._wanted.parent if self._wanted else Path.cwd()
        # for its owner alone: it holds what people answered
        handle, name = tempfile.mkstemp(suffix=".partial", prefix=".rejects-", dir=folder)
        self._partial = Path(name)
        self._file = os.fdopen(handle, "w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow([*self._header, LINE, REASON])

    def _places(self) -> Iterator[Path]:
        if self._wanted is not None:
            yield self._wanted
            return
        stem = re.sub(_ENDINGS, "", self._source.name, flags=re.IGNORECASE)
        stem = re.sub(r"\.rejects(\.\d+)?$", "", stem)
        yield Path.cwd() / f"{stem}.rejects.csv"
        for number in range(2, 100_000):
            yield Path.cwd() / f"{stem}.rejects.{number}.csv"


def refused_rows(
    lines: Any, table: pa.Table, reasons: Any, broken: Iterable[Refused] = ()
) -> list[Refused]:
    """The rows of a batch that have a reason against them, and its broken ones, by line."""
    refused = pc.is_valid(reasons)
    rows = table.filter(refused)
    good = zip(
        pa.array(lines).filter(refused).to_pylist(),
        reasons.filter(refused).to_pylist(),
        (list(map(_shown, row)) for row in _tuples(rows)),
        strict=True,
    )
    return sorted([*good, *broken], key=lambda row: row[0])


def picked_rows(lines: Any, table: pa.Table, reasons: Mapping[int, str]) -> Iterator[Refused]:
    """The rows of a batch whose lines have a reason."""
    wanted = pc.is_in(pa.array(lines), pa.array(sorted(reasons), pa.int64()))
    found = pa.array(lines).filter(wanted).to_pylist()
    for line, row in zip(found, _tuples(table.filter(wanted)), strict=True):
        yield line, reasons[line], list(map(_shown, row))


def _tuples(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
