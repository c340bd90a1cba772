"""Reading exposure control: as it is, as it was, and how it came to be."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from qbank.stores.errors import NotFoundError
from qbank.stores.exposure.record import Control, ControlInForce, HistoryEntry


def in_force(conn: Connection[Any], exam_code: str) -> tuple[ControlInForce, ...]:
    """All controls of the exam, by question id and version."""
    sql = """SELECT question_id, version, sh_p, pinned, updated_at, updated_by, run_id
        FROM item_exposure_control WHERE exam_code = %s ORDER BY question_id, version"""
    with conn.cursor(row_factory=class_row(ControlInForce)) as cursor:
        return tuple(cursor.execute(sql, (exam_code,)).fetchall())


def as_of(conn: Connection[Any], exam_code: str, moment: datetime) -> tuple[Control, ...]:
    """The controls that were in force at ``moment`` (changes at that very moment not included)."""
    sql = """SELECT * FROM (
            SELECT DISTINCT ON (question_id, version) question_id, version, after AS sh_p
            FROM item_exposure_history WHERE exam_code = %s AND at < %s
            ORDER BY question_id, version, at DESC, id DESC) AS last
        WHERE sh_p IS NOT NULL ORDER BY question_id, version"""
    with conn.cursor(row_factory=class_row(Control)) as cursor:
        return tuple(cursor.execute(sql, (exam_code, moment)).fetchall())


def history(
    conn: Connection[Any],
    exam_code: str,
    *,
    question_id: int | None = None,
    limit: int = 100,
    offset: int = 0,
) -> tuple[HistoryEntry, ...]:
    """Changes of sh_p, newest first."""
    sql = """SELECT id, exam_code, question_id, version, before, after, source, run_id, actor,
            note, at
        FROM item_exposure_history
        WHERE exam_code = %s AND (%s::bigint IS NULL OR question_id = %s)
        ORDER BY at DESC, id DESC LIMIT %s OFFSET %s"""
    values = (exam_code, question_id, question_id, limit, offset)
    with conn.cursor(row_factory=class_row(HistoryEntry)) as cursor:
        return tuple(cursor.execute(sql, values).fetchall())


def after_run(conn: Connection[Any], exam_code: str, run_id: UUID) -> tuple[Control, ...]:
    """Every item's control as it stood when ``run_id`` had published; None where it had none.

    Items that came under control only later are part of the answer, so that publishing it takes
    the exam back as a whole.

    Raises:
        NotFoundError: the run published nothing in this exam.
    """
    sql = """WITH published AS (
            SELECT max(id) AS last FROM item_exposure_history
            WHERE exam_code = %(exam)s AND run_id = %(run)s),
        then_in_force AS (
            SELECT DISTINCT ON (question_id, version) question_id, version, after
            FROM item_exposure_history, published
            WHERE exam_code = %(exam)s AND id <= last
            ORDER BY question_id, version, id DESC)
        SELECT h.question_id, h.version, t.after AS sh_p
        FROM (SELECT DISTINCT question_id, version FROM item_exposure_history, published
              WHERE exam_code = %(exam)s AND last IS NOT NULL) AS h
        LEFT JOIN then_in_force AS t USING (question_id, version)
        ORDER BY question_id, version"""
    with conn.cursor(row_factory=class_row(Control)) as cursor:
        rows = cursor.execute(sql, {"exam": exam_code, "run": run_id}).fetchall()
    if not rows:
        raise NotFoundError(
            f"run {run_id} published no exposure control for exam {exam_code!r}:"
            " choose a run that changed something"
        )
    return tuple(rows)
