"""Rows as they stand in a file, whatever its format.

What never lives here: reading one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from qbank.importing.columns import ColumnMap

Broken = tuple[int, str, list[str]]


@dataclass(frozen=True)
class Batch:
    """Rows as they stand in the file.

    Attributes:
        lines: 1-based line of the file, or row number where it has no lines, shape (n,).
        table: all columns; text for CSV, the file's own types for Parquet.
        broken: rows that are not rows of this table: (line, reason, values).
        bytes_read: how far the file has been read.
    """

    lines: np.ndarray[Any, np.dtype[np.int64]]
    table: pa.Table
    broken: list[Broken]
    bytes_read: int


@dataclass
class Source:
    """A file that can be streamed once.

    Attributes:
        header: column names as the file has them.
        columns: the request's map with the names that the tables of the batches have.
        notes: what was skipped, or taken for what, to be told; it may grow to the last batch.
        size: bytes on disk.
        per_line: numbers of rows that one line of the file has.
    """

    header: list[str]
    columns: ColumnMap
    notes: list[str]
    size: int
    _batches: Iterator[Batch] = field(repr=False)
    per_line: int = 1

    def line(self, number: int) -> int:
        """The line of the file that a row's number stands for."""
        return number // self.per_line

    def __iter__(self) -> Iterator[Batch]:
        return self._batches


def distinct(header: list[str]) -> list[str]:
    """Column names of which none comes twice; the first of each keeps its own."""
    names: list[str] = []
    for name in header:
        number, own = 2, name
        while own in names:
            own, number = f"{name} ({number})", number + 1
        names.append(own)
    return names
