"""What an import is asked to do.

What never lives here: doing it, and what it did (``qbank.import_reports``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from qbank.importing.codes import Codes
from qbank.importing.columns import ColumnMap
from qbank.importing.exam import NewExam
from qbank.vocabulary import ItemScope, OnConflict, Quoting, Shape


@dataclass(frozen=True)
class ImportRequest:
    """What to import, and into what.

    Attributes:
        path: delimited text, JSON Lines, Excel, Parquet, SPSS or Stata; text may be packed.
        exam_code: the exam the responses belong to.
        columns: which column means what.
        key: file of scoring rules (``item,key``) by which options are scored.
        key_row: the user of the row of this file that is the key, like ``KEY``.
        option_codes: options may have several characters, where those of the key have one.
        codes: special values of the score.
        max_scores: the points that items give whose scores are points: item or pattern of items,
            None for all others, and its most.
        timestamp: when all was answered, for files without a timestamp column.
        timestamp_format: how the timestamp column is written: a format of ``strptime``, ``epoch``
            or ``epoch_ms``; None is ISO 8601 or a date whose month is a word.
        timezone: zone of the timestamps that have no offset, in which days are told apart, too.
        shape: ``long`` has one row per answer, ``wide`` one row per person and one column per item;
            ``auto`` finds out which.
        items: which columns of a wide file are items, like ``q*``; None takes all others.
        persons_by_row: each row of a wide file is a person, named by the file's name and the line.
        sitting: name of the one sitting of each user that all rows belong to.
        gap: a user's sitting ends where as much time passes between two answers; None ends it
            with the day.
        attempts_by_order: a user may answer an item again in one sitting, and the order of rows
            tells how often; for practice data.
        item_scope: whose names the items have: the ``exam``'s own, or the ``tenant``'s, by which
            an item of another exam is the same question.
        pseudonymise: people come in by pseudonyms, under the key that the settings name.
        tenant: tenant of the exam; None takes that of an existing exam, else ``default``.
        new_exam: how to make the exam where it does not exist; None refuses.
        max_rejects: with more refused rows than these nothing is written.
        on_conflict: ``refuse`` writes nothing where an answer is there with another score or
            option; ``replace`` replaces it and keeps what it was. A person's attribute that is
            there otherwise stays, and is said, unless it is to be replaced.
        dry_run: only tells what would be done; no file of rejects either.
        rejects: where refused rows go; None is ``<file>.rejects.csv`` in the working directory.
        delimiter, encoding: of a CSV; None finds them out.
        quoting: of a CSV: a quote inside quotes is ``doubled`` or has a ``backslash`` before it;
            ``none`` reads quotes as ordinary characters.
        names: columns of a CSV without a header.
        actor: who imports; None is the system user.
    """

    path: Path
    exam_code: str
    columns: ColumnMap = field(default_factory=ColumnMap)
    key: Path | None = None
    key_row: str | None = None
    option_codes: bool = False
    codes: Codes = field(default_factory=Codes)
    max_scores: tuple[tuple[str | None, Decimal], ...] = ()
    timestamp: datetime | None = None
    timestamp_format: str | None = None
    timezone: str = "UTC"
    shape: Shape = "long"
    items: str | None = None
    persons_by_row: bool = False
    sitting: str | None = None
    gap: timedelta | None = None
    attempts_by_order: bool = False
    item_scope: ItemScope = "exam"
    pseudonymise: bool = False
    tenant: str | None = None
    new_exam: NewExam | None = None
    max_rejects: int = 0
    on_conflict: OnConflict = "refuse"
    dry_run: bool = False
    rejects: Path | None = None
    delimiter: str | None = None
    encoding: str | None = None
    quoting: Quoting = "doubled"
    names: tuple[str, ...] = ()
    actor: str | None = None

    def mapping(self) -> dict[str, Any]:
        """What the batch keeps of the request: which column is what, and what makes a sitting."""
        day = None
        if self.columns.timestamp is None and self.sitting is None and self.timestamp is not None:
            day = f"{self.timestamp.astimezone(UTC):%Y-%m-%d}"
        columns = self.columns.mapped() | {"time_unit": self.columns.time_unit}
        if self.attempts_by_order:
            columns["attempt"] = "row order"
        if self.persons_by_row:
            columns["user"] = "row"
        return {
            "columns": columns,
            "sitting": self.sitting,
            "day": day,
            "timezone": self.timezone,
            "gap": None if self.gap is None else self.gap.total_seconds(),
            "pseudonymised": self.pseudonymise,
            "groups": [name for name, _ in self.columns.groups],
        }
