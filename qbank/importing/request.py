"""What an import is asked to do, and what it did.

What never lives here: doing it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from qbank.importing.columns import ColumnMap
from qbank.importing.exam import NewExam


@dataclass(frozen=True)
class ImportRequest:
    """What to import, and into what.

    Attributes:
        path: .csv, .csv.gz, .tsv or .parquet.
        exam_code: the exam the responses belong to.
        columns: which column means what.
        timestamp: when all was answered, for files without a timestamp column.
        tenant: tenant of the exam; None takes that of an existing exam, else ``default``.
        new_exam: how to make the exam where it does not exist; None refuses.
        blank_correct_is_omitted: an empty `correct` is an item served and not answered.
        rejects: where refused rows go; None is ``<file>.rejects.csv`` in the working directory.
        delimiter, encoding: of a CSV.
        actor: who imports; None is the system user.
    """

    path: Path
    exam_code: str
    columns: ColumnMap = field(default_factory=ColumnMap)
    timestamp: datetime | None = None
    tenant: str | None = None
    new_exam: NewExam | None = None
    blank_correct_is_omitted: bool = False
    rejects: Path | None = None
    delimiter: str | None = None
    encoding: str = "utf-8"
    actor: str | None = None

    def rejects_path(self) -> Path:
        """Where refused rows go."""
        return self.rejects or Path.cwd() / f"{self.path.name.split('.')[0]}.rejects.csv"


@dataclass(frozen=True)
class ImportReport:
    """What an import did; ``rows_read`` is the sum of the other row counts.

    Attributes:
        rows_inserted: new rows.
        rows_known: rows that the database had already.
        rows_rejected: rows in the rejects file.
        new_items: questions that were made.
        unkeyed_items: of these, those with options whose correct one is not certain.
        rejects: the rejects file; None where nothing was refused.
    """

    rows_read: int
    rows_inserted: int
    rows_known: int
    rows_rejected: int
    new_items: int
    unkeyed_items: int
    rejects: Path | None
