"""What a report is about: an exam, the runs whose results it tells, and how they are read.

What never lives here: what is told of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection

from qbank.errors import QbankError
from qbank.reporting.document import Table, table
from qbank.stores import item_bank, runs
from qbank.stores.item_bank import Exam
from qbank.stores.runs import Run
from qbank.vocabulary import Kind


class ReportError(QbankError):
    """A report cannot be written."""


@dataclass(frozen=True)
class Subject:
    """An exam and the runs that a report is about.

    Attributes:
        exposure: the calibration of exposure control; None where none was published.
        parameters: the estimation of item parameters; None where none was published.
        cuts: abilities at which the exam decides.
    """

    conn: Connection[Any]
    exam: Exam
    exposure: Run | None
    parameters: Run | None
    cuts: tuple[float, ...]

    def rows(
        self, query: LiteralString, values: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:
        """What a query gives; ``%(exam)s`` is the exam."""
        given = {"exam": self.exam.exam_code} | dict(values or {})
        return self.conn.execute(query, given).fetchall()

    def table(self, name: str, title: str, query: LiteralString) -> Table:
        """A table whose columns are those of a query."""
        cursor = self.conn.execute(query, {"exam": self.exam.exam_code})
        columns = [column.name for column in cursor.description or ()]
        return table(name, title, columns, cursor.fetchall())

    @property
    def certificate(self) -> Mapping[str, Any]:
        """What the calibration certifies; empty without one."""
        result = self.exposure.result if self.exposure else None
        return (result or {}).get("certificate") or {}

    @property
    def summary(self) -> Mapping[str, Any]:
        """What the calibration of exposure control says of itself."""
        result = self.exposure.result if self.exposure else None
        return (result or {}).get("summary") or {}


def subject(
    conn: Connection[Any], exam_code: str, run_id: UUID | None, cuts: tuple[float, ...]
) -> Subject:
    """The exam with the runs in force, or with the run that was asked for and those before it.

    Raises:
        ReportError: no such exam or run, the run is another exam's or published nothing.
    """
    try:
        exam = item_bank.exam(conn, exam_code)
        asked = runs.get(conn, run_id) if run_id else None
    except QbankError as error:
        raise ReportError(str(error)) from error
    if asked is not None and asked.exam_code != exam.exam_code:
        raise ReportError(
            f"run {asked.id} is of exam {asked.exam_code}, not {exam.exam_code}:"
            f" `qbank runs list --exam {exam.exam_code}` lists this one's"
        )
    if asked is not None and not (
        asked.status == "done" and asked.kind in _REPORTED and asked.stopped_reason != "dry_run"
    ):
        raise ReportError(
            f"run {asked.id} is {asked.kind}, {asked.stopped_reason or asked.status}: name one"
            f" that published ({' or '.join(_REPORTED)}, done)"
        )
    built = conn.execute("SELECT to_regclass('analytics.item_health') IS NOT NULL").fetchone()
    if built is None or not built[0]:
        raise ReportError("the marts are not built yet: `qbank nightly` builds them")
    until = datetime.max.replace(tzinfo=UTC)
    if asked is not None and asked.finished_at is not None:
        until = asked.finished_at
    exposure = parameters = asked
    if asked is None or asked.kind != "sympson_hetter":
        exposure = runs.calibration_in_force(conn, exam.exam_code, before=until)
    if asked is None or asked.kind != "irt":
        parameters = _estimation(conn, exam.exam_code, until)
    return Subject(conn, exam, exposure, parameters, cuts)


_REPORTED: tuple[Kind, ...] = ("irt", "sympson_hetter")


def _estimation(conn: Connection[Any], exam_code: str, until: datetime) -> Run | None:
    """The newest estimation that published item parameters by then."""
    found = conn.execute(
        """SELECT id FROM calibration_runs WHERE exam_code = %s AND kind = 'irt'
            AND status = 'done' AND stopped_reason IS DISTINCT FROM 'dry_run'
            AND finished_at <= %s
        ORDER BY finished_at DESC, id LIMIT 1""",
        (exam_code, until),
    ).fetchone()
    return runs.get(conn, found[0]) if found else None
