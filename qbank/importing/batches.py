"""Imports that were made: one row per file, which every response refers to.

What never lives here: what a file holds.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from qbank.errors import ImportFileError
from qbank.import_reports import ImportReport
from qbank.importing.request import ImportRequest
from qbank.postgres import Connection

# what decides who and what a row is about, and which of a user's sittings it belongs to
_IDENTITY = ("user", "item", "session", "attempt", "timestamp")


def refuse_another_mapping(connection: Connection, request: ImportRequest, sha256: str) -> None:
    """Refuses a file that was imported with its rows told apart otherwise: it would come twice.

    Raises:
        ImportFileError: names the earlier import and what was different.
    """
    query = """
        SELECT id, mapping, created_at FROM import_batches
        WHERE kind = 'import' AND exam_code = %s AND source_sha256 = %s AND mapping IS NOT NULL
            AND rows_inserted > 0 AND undone_at IS NULL
        ORDER BY id DESC
    """
    now = _identity(request.mapping())
    for batch, mapping, at in connection.execute(query, [request.exam_code, sha256]).fetchall():
        before = _identity(mapping)
        if different := [name for name in now if now[name] != before[name]]:
            told = ", ".join(
                f"{name} was {before[name] or 'none'}, not {now[name] or 'none'}"
                for name in different
            )
            raise ImportFileError(
                f"{request.path} was imported on {at:%Y-%m-%d} as batch {batch}, and otherwise: "
                f"{told}. Its answers would come twice: qbank import undo {batch} first"
            )


def refuse_other_names(connection: Connection, request: ImportRequest) -> None:
    """Refuses to name people by their ids where the exam has pseudonyms of them, or the reverse.

    Raises:
        ImportFileError: names the import that named them otherwise.
    """
    query = """
        SELECT id FROM import_batches
        WHERE kind = 'import' AND exam_code = %(exam)s AND rows_inserted > 0
            AND undone_at IS NULL
            AND coalesce((mapping ->> 'pseudonymised')::boolean, false) <> %(pseudonymised)s
        ORDER BY id DESC LIMIT 1
    """
    names = {"exam": request.exam_code, "pseudonymised": request.pseudonymise}
    row = connection.execute(query, names).fetchone()
    if row is None:
        return
    how, other = "their own ids", "with --pseudonymise"
    if not request.pseudonymise:
        how, other = "pseudonyms", "without --pseudonymise"
    raise ImportFileError(
        f"exam {request.exam_code!r} has people by {how} (import {row[0]}): {other} they would be "
        f"there twice. Import as before, or qbank import undo {row[0]} first"
    )


_COLUMNS = """
SELECT id AS batch, kind, exam_code, source_name, rows_read, rows_inserted, rows_known,
    rows_replaced, rows_missing, rows_rejected, imported_by, why, created_at, undone_at, undone_by
FROM import_batches
"""


def batches(connection: Connection, exam_code: str | None = None) -> list[dict[str, Any]]:
    """All imports, the newest first; those of one exam where it is named."""
    query = f"{_COLUMNS} WHERE %(exam)s::text IS NULL OR exam_code = %(exam)s ORDER BY id DESC"
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, {"exam": exam_code}).fetchall()


def batch(connection: Connection, number: int) -> dict[str, Any]:
    """One import, with its mapping and how many of its responses are in force.

    Raises:
        ImportFileError: there is no such import.
    """
    query = f"""
        SELECT b.*, i.source_sha256, i.mapping - 'live' AS mapping, (
                SELECT count(*) FROM user_responses AS r WHERE r.import_batch_id = i.id
            ) AS responses, (
                SELECT count(*) FROM response_history AS h WHERE h.import_batch_id = i.id
            ) AS changes
        FROM ({_COLUMNS}) AS b JOIN import_batches AS i ON i.id = b.batch WHERE i.id = %s
    """  # noqa: S608
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(query, [number]).fetchone()
    if found is None:
        raise ImportFileError(f"there is no import {number}: qbank import list shows all")
    return found


def _identity(mapping: dict[str, Any]) -> dict[str, Any]:
    columns = mapping["columns"]
    return {name: columns.get(name) for name in _IDENTITY} | {
        "sitting": mapping["sitting"],
        "day": mapping["day"],
        "timezone": mapping.get("timezone", "UTC"),
        "gap": mapping.get("gap"),
    }


def lock(connection: Connection, exam_code: str) -> None:
    """Lets one transaction at a time import into an exam, or take back what was imported."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [exam_code])


def new_batch(connection: Connection, request: ImportRequest, sha256: str, actor: str) -> int:
    """The number of an import that begins to write."""
    insert = """
        INSERT INTO import_batches (exam_code, source_name, source_sha256, mapping, imported_by,
            rows_read, rows_inserted, rows_known, rows_rejected)
        VALUES (%s, %s, %s, %s, %s, 0, 0, 0, 0) RETURNING id
    """
    mapping = Jsonb(request.mapping())
    values = [request.exam_code, request.path.name, sha256, mapping, actor]
    row = connection.execute(insert, values).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])


def note(
    connection: Connection,
    batch: int,
    report: ImportReport,
    published: list[int],
    *,
    attributes: int = 0,
) -> None:
    """Notes what an import did, unless it is an old file that changed nothing.

    Args:
        connection: in the import's transaction.
        batch: its number.
        report: what it found.
        published: questions that it put live.
        attributes: of people, that it wrote.
    """
    if report.rows_inserted == report.rows_conflicting == attributes == 0:
        old = """
            DELETE FROM import_batches AS b WHERE id = %s AND EXISTS (
                SELECT 1 FROM import_batches AS o WHERE o.id < b.id
                    AND (o.exam_code, o.source_sha256) = (b.exam_code, b.source_sha256))
        """
        if connection.execute(old, [batch]).rowcount:
            return
    update = """
        UPDATE import_batches SET rows_read = %s, rows_inserted = %s, rows_known = %s,
            rows_replaced = %s, rows_missing = %s, rows_rejected = %s, published_questions = %s
        WHERE id = %s
    """
    values = [
        report.rows_read,
        report.rows_inserted,
        report.rows_known,
        report.rows_conflicting,
        report.rows_missing,
        report.rows_rejected,
        published,
        batch,
    ]
    try:
        connection.execute(update, values)
    except psycopg.errors.CheckViolation as error:
        raise AssertionError(f"rows do not add up: {report}") from error
