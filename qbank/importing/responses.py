"""Import of one file of responses: read, judge, stage, load, all or nothing.

What never lives here: SQL of the load (``loading``) and the rules of a right row (``validation``).
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from qbank.errors import ImportFileError
from qbank.importing.exam import tenant_of_exam
from qbank.importing.loading import COPY, STAGE, Loaded, load
from qbank.importing.reading import Source, fingerprint, open_source
from qbank.importing.rejects import RejectsFile
from qbank.importing.request import ImportReport, ImportRequest
from qbank.importing.validation import Rules, validate
from qbank.postgres import Connection, connect
from qbank.settings import Settings

Progress = Callable[[str, int, int], None]
_TOUCHED = "quiz_sessions, quiz_items, user_responses, questions, question_versions"


def import_responses(
    request: ImportRequest,
    *,
    settings: Settings | None = None,
    on_progress: Progress = lambda stage, done, total: None,
) -> ImportReport:
    """Imports a file in one transaction: a failed import leaves nothing.

    The same file again adds nothing: sittings have ids made from what identifies them.

    Args:
        request: what to import.
        settings: those of the process where None.
        on_progress: hears (stage, bytes read, bytes in all); bytes stand still while loading.

    Raises:
        ImportFileError: the file, a column or the exam is not usable, or no row is right.
        DatabaseUnavailableError: Postgres does not answer.
    """
    if request.columns.timestamp is None and request.timestamp is None:
        raise ImportFileError(
            "when was this answered? name the column with --timestamp-col, or give all rows "
            "one date with --timestamp 2024-06-01"
        )
    sha256 = fingerprint(request.path) if request.path.is_file() else ""
    opened = open_source(request.path, delimiter=request.delimiter, encoding=request.encoding)
    with opened as source:
        request.columns.check(source.header)
        rejects = RejectsFile(request.rejects_path(), source.header)
        try:
            with connect("owner", settings=settings) as connection:
                report = _run(connection, request, source, rejects, sha256, on_progress)
        except BaseException as error:
            if not isinstance(error, _NoRightRowError):
                rejects.discard()
            raise
    with connect("owner", settings=settings, autocommit=True) as connection:
        connection.execute(f"ANALYZE {_TOUCHED}")
    return report


class _NoRightRowError(ImportFileError):
    """Every row was refused; the rejects file says why."""


def _run(
    connection: Connection,
    request: ImportRequest,
    source: Source,
    rejects: RejectsFile,
    sha256: str,
    on_progress: Progress,
) -> ImportReport:
    # one import of an exam at a time, and room to sort
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [request.exam_code])
    connection.execute("SET LOCAL work_mem = '256MB'")
    connection.execute("SET LOCAL temp_buffers = '256MB'")
    actor = request.actor or f"import:{_system_user()}"
    tenant = tenant_of_exam(connection, request.exam_code, request.tenant, request.new_exam)
    connection.execute(STAGE)
    read = _stage(connection, request, source, rejects, on_progress)
    if read == rejects.count:
        where = rejects.finish()
        raise _NoRightRowError(
            f"none of the {read} rows of {request.path} is right"
            + (f": {where} has the reasons" if where else ": the file has a header only")
        )

    def step(stage: str) -> None:
        on_progress(stage, source.size, source.size)

    loaded = load(connection, tenant=tenant, exam_code=request.exam_code, actor=actor, step=step)
    _reject_duplicates(loaded, request, source, rejects)
    _note_batch(connection, request, loaded, read, rejects.count, sha256, actor)
    return ImportReport(
        rows_read=read,
        rows_inserted=loaded.inserted,
        rows_known=loaded.known,
        rows_rejected=rejects.count,
        new_items=loaded.new_items,
        unkeyed_items=loaded.unkeyed_items,
        rejects=rejects.finish(),
    )


def _stage(
    connection: Connection,
    request: ImportRequest,
    source: Source,
    rejects: RejectsFile,
    on_progress: Progress,
) -> int:
    """Copies right rows to the staging table, refused ones to the file; returns rows read."""
    rules = Rules.of(
        request.columns,
        request.timestamp,
        blank_correct_is_omitted=request.blank_correct_is_omitted,
    )
    no_header = pa_csv.WriteOptions(include_header=False)
    read = 0
    with connection.cursor().copy(COPY) as copy:
        for batch in source:
            for line, reason, text in batch.broken:
                rejects.add(line, reason, [text])
            read += len(batch.broken) + batch.table.num_rows
            if batch.table.num_rows:
                rows, reasons = validate(batch.lines, batch.table, rules)
                rejects.add_batch(batch.lines, batch.table, reasons)
                sink = pa.BufferOutputStream()
                pa_csv.write_csv(rows.filter(pc.is_null(reasons)), sink, no_header)
                copy.write(sink.getvalue().to_pybytes())
            on_progress("reading", batch.bytes_read, source.size)
    return read


def _reject_duplicates(
    loaded: Loaded, request: ImportRequest, source: Source, rejects: RejectsFile
) -> None:
    columns = request.columns
    for line, first, user, item, correct, option, time, at, topic in loaded.duplicates:
        values: dict[str | None, Any] = {
            columns.user: user,
            columns.item: item,
            columns.correct: "" if correct is None else int(correct),
            columns.option: option,
            columns.time: time if columns.time_unit == "ms" or time is None else time / 1000,
            columns.timestamp: at,
            columns.topic: topic,
        }
        row = [str(v) if (v := values.get(name)) is not None else "" for name in source.header]
        reason = (
            f"user '{user}' answers item '{item}' already in line {first} of the same sitting: "
            "map --session-col or --attempt-col where people answer twice"
        )
        rejects.add(line, reason, row)


def _note_batch(
    connection: Connection,
    request: ImportRequest,
    loaded: Loaded,
    read: int,
    rejected: int,
    sha256: str,
    actor: str,
) -> None:
    """Notes the import, unless it is an old file that added nothing."""
    insert = """
        INSERT INTO import_batches (exam_code, source_name, source_sha256, rows_read,
            rows_inserted, rows_known, rows_rejected, imported_by)
        SELECT %(exam)s, %(name)s, %(sha)s, %(read)s, %(inserted)s, %(known)s, %(rejected)s, %(by)s
        WHERE %(inserted)s > 0 OR NOT EXISTS (
            SELECT 1 FROM import_batches WHERE exam_code = %(exam)s AND source_sha256 = %(sha)s)
    """
    values = {
        "exam": request.exam_code,
        "name": request.path.name,
        "sha": sha256,
        "read": read,
        "inserted": loaded.inserted,
        "known": loaded.known,
        "rejected": rejected,
        "by": actor,
    }
    try:
        connection.execute(insert, values)
    except psycopg.errors.CheckViolation as error:
        raise AssertionError(f"rows do not add up: {values}") from error


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
