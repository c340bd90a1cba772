"""Reading exposure control: as it is, as it was, and how it came to be."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from qbank.stores.errors import NotFoundError
from qbank.stores.exposure.record import Control, ControlInForce, HistoryEntry


def in_force(
    conn: Connection[Any], exam_code: str, question_id: int | None = None
) -> tuple[ControlInForce, ...]:
    """All controls of the exam, or of one question in it, by question id and version."""
    one = "" if question_id is None else "AND question_id = %(question)s"
    sql = f"""SELECT question_id, version, sh_p, pinned, updated_at, updated_by, run_id
        FROM item_exposure_control WHERE exam_code = %(exam)s {one}
        ORDER BY question_id, version"""  # noqa: S608
    with conn.cursor(row_factory=class_row(ControlInForce)) as cursor:
        values = {"exam": exam_code, "question": question_id}
        return tuple(cursor.execute(sql, values).fetchall())


def at_start_of(conn: Connection[Any], exam_code: str, day: date) -> tuple[Control, ...]:
    """The controls that a UTC day starts from, by what each change was *for*.

    A re-estimation counts at the start of the day it is for, whenever it was computed, and in its
    latest version: a day that is computed again gives the later days another start. Everything
    else counts when it happened.
    """
    return _timeline(conn, exam_code, datetime.combine(day, time.min, tzinfo=UTC))


def at_end(conn: Connection[Any], exam_code: str) -> tuple[Control, ...]:
    """The controls that the whole sequence of changes leads to: what ought to be in force."""
    return _timeline(conn, exam_code, datetime.max.replace(tzinfo=UTC))


def _timeline(conn: Connection[Any], exam_code: str, until: datetime) -> tuple[Control, ...]:
    sql = """WITH latest AS (
            SELECT DISTINCT ON (day) day, result -> 'proposal' AS proposal
            FROM calibration_runs, LATERAL (SELECT (params ->> 'day')::date AS day) AS d
            WHERE exam_code = %(exam)s AND kind = 'reestimation' AND status = 'done'
              AND stopped_reason IS DISTINCT FROM 'dry_run'
              AND (day::timestamp AT TIME ZONE 'UTC') < %(until)s
            ORDER BY day, finished_at DESC),
        -- an item that was out of the pool lately still has its history below
        recent AS (SELECT * FROM latest ORDER BY day DESC LIMIT 14),
        events AS (
            SELECT question_id, version, after AS sh_p, at, id FROM item_exposure_history
            WHERE exam_code = %(exam)s AND source <> 'reestimation' AND at < %(until)s
            UNION ALL
            SELECT h.question_id, h.version, h.after, d.day::timestamp AT TIME ZONE 'UTC', 0
            FROM item_exposure_history AS h JOIN calibration_runs AS r ON r.id = h.run_id,
                LATERAL (SELECT (r.params ->> 'day')::date AS day) AS d
            WHERE h.exam_code = %(exam)s AND h.source = 'reestimation'
              AND d.day < coalesce((SELECT min(day) FROM recent), '-infinity')
            UNION ALL
            SELECT i.question_id, i.version, i.sh_p, day::timestamp AT TIME ZONE 'UTC', 0
            FROM recent, LATERAL ROWS FROM (
                jsonb_array_elements_text(proposal -> 'question_id'),
                jsonb_array_elements_text(proposal -> 'version'),
                jsonb_array_elements_text(proposal -> 'sh_p')) AS t (q, v, k),
                LATERAL (SELECT q::bigint AS question_id, v::integer AS version,
                    k::float8 AS sh_p) AS i)
        SELECT question_id, version, sh_p FROM (
            SELECT DISTINCT ON (question_id, version) * FROM events
            ORDER BY question_id, version, at DESC, id DESC) AS last
        WHERE sh_p IS NOT NULL ORDER BY question_id, version"""
    with conn.cursor(row_factory=class_row(Control)) as cursor:
        return tuple(cursor.execute(sql, {"exam": exam_code, "until": until}).fetchall())


def last_calibrated(
    conn: Connection[Any], exam_code: str, *, before: date | None = None
) -> datetime | None:
    """When sh_p was last replaced as a whole (calibration or rollback), before a UTC day began."""
    sql = """SELECT max(at) FROM item_exposure_history
        WHERE exam_code = %(exam)s AND source IN ('calibration', 'rollback')
          AND (%(day)s::date IS NULL OR at < %(day)s::date::timestamp AT TIME ZONE 'UTC')"""
    row = conn.execute(sql, {"exam": exam_code, "day": before}).fetchone()
    return row[0] if row else None


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
