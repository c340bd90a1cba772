"""Keeps the newest report of each exam: in Postgres for who downloads it, in a folder for archives.

Written where the exam is another one than at its last report, and not again where it would say the
same. What never lives here: what a report says, and when one is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from qbank.postgres import connect
from qbank.reporting.document import Document
from qbank.reporting.gathering import gather
from qbank.reporting.subject import ReportError
from qbank.reporting.writing import FILES, write
from qbank.settings import Settings, get_settings
from qbank.stores import exam_reports
from qbank.stores.exam_reports import ExamReport


def renew(
    exam_code: str, *, cuts: Sequence[float] | None = None, settings: Settings | None = None
) -> tuple[ExamReport, bool]:
    """Writes the report of an exam anew, unless it says what the last one said.

    Safe beside itself; killed in the midst, the last report stands and the next call writes.

    Args:
        exam_code: key of the exam.
        cuts: abilities at which the exam decides; those of the last report where None.
        settings: those of the process where None.

    Returns:
        The report, and whether it is a new one.

    Raises:
        ReportError: no such exam, the marts are not built, or the folder cannot be written.
    """
    settings = settings or get_settings()
    with connect("orchestration", settings=settings) as conn:
        last = exam_reports.newest(conn, exam_code)
        # before it is read: what changes meanwhile makes the next report due
        fingerprint = exam_reports.fingerprints(conn, [exam_code]).get(exam_code, "nothing yet")
    decided = sorted({*(cuts if cuts is not None else last.cuts if last else ())})
    document = gather(exam_code, cuts=decided, settings=settings)
    sha256 = hashlib.sha256(document.json().encode()).hexdigest()
    if last is not None and last.sha256 == sha256:
        with connect("orchestration", settings=settings) as conn:
            exam_reports.still_holds(conn, exam_code, fingerprint)
        return last, False
    folder = _written(document, sha256, settings)
    report = ExamReport(
        exam_code=exam_code,
        input_fingerprint=fingerprint,
        cuts=decided,
        run_id=document.run_id,
        as_of=document.as_of,
        missing={s.title: s.missing for s in document.sections if s.missing},
        sha256=sha256,
        folder=str(folder),
        written_at=datetime.now(UTC),
    )
    files = {form: (folder / name).read_bytes() for form, name in FILES.items()}
    with connect("orchestration", settings=settings) as conn:
        return exam_reports.keep(conn, report, files), True


def _written(document: Document, sha256: str, settings: Settings) -> Path:
    """The folder with the files; named for what is in it, so that it is whole or not there."""
    parent = folder_of(document.exam_code, settings)
    as_of = document.as_of or datetime(2000, 1, 1, tzinfo=UTC)
    folder = parent / f"{as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}-{sha256[:12]}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(
            f"{parent} cannot be made: {error.strerror}; QBANK_REPORTS_DIR names another place"
        ) from error
    if not folder.is_dir():
        try:
            write(document, folder)
        except ReportError:
            if not folder.is_dir():  # else somebody wrote the same at this moment
                raise
    return folder


def folder_of(exam_code: str, settings: Settings) -> Path:
    """Where the reports of an exam are."""
    return settings.reports_dir / quote(exam_code, safe="@")
