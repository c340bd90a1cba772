"""The file of refused rows: line, reason, and the row as it stood, so that it can be put right.

What never lives here: deciding what is refused.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


class RejectsFile:
    """Writes refused rows as they come; no file is left where there were none.

    Attributes:
        path: where the file appears once it is whole.
        count: rows written so far.
    """

    def __init__(self, path: Path, header: list[str]) -> None:
        self.path = path
        self.count = 0
        self._header = header
        self._partial = path.with_name(path.name + ".partial")
        self._file: Any = None
        self._writer: Any = None

    def add(self, line: int, reason: str, values: list[str]) -> None:
        """Writes one row; `values` in the order of the header, or the raw text of a broken row."""
        if self._file is None:
            self._file = self._partial.open("w", newline="", encoding="utf-8")
            self._writer = csv.writer(self._file, lineterminator="\n")
            self._writer.writerow(["line", "reason", *self._header])
        self._writer.writerow([line, reason, *values])
        self.count += 1

    def add_batch(self, lines: Any, table: pa.Table, reasons: Any) -> None:
        """Writes the rows that have a reason against them."""
        refused = pc.is_valid(reasons)
        rows = table.filter(refused)
        wanted = zip(
            pa.array(lines).filter(refused).to_pylist(),
            reasons.filter(refused).to_pylist(),
            *(rows.column(i).to_pylist() for i in range(rows.num_columns)),
            strict=True,
        )
        for line, reason, *values in wanted:
            self.add(line, reason, [_shown(value) for value in values])

    def finish(self) -> Path | None:
        """Closes the file and gives its path; None where nothing was refused."""
        if self._file is None:
            return None
        self._file.close()
        self._partial.replace(self.path)
        return self.path

    def discard(self) -> None:
        """Removes what was written: the import did not happen."""
        if self._file is not None:
            self._file.close()
            self._partial.unlink(missing_ok=True)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
