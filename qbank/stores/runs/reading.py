"""Reading runs: one, a page, those that wait or work, and what one changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import starmap
from typing import Any, cast
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row, scalar_row

from qbank.exams import selectors
from qbank.stores.errors import InvalidValueError, NotFoundError
from qbank.stores.runs.record import (
    COLUMNS,
    LISTED,
    ItemChange,
    Run,
    RunFilter,
    RunPage,
)
from qbank.vocabulary import Controlled, Kind, Status


def get(conn: Connection[Any], run_id: UUID, *, tenant_id: str | None = None) -> Run:
    """The run with its history and proposal.

    Raises:
        NotFoundError: no such run, or its exam is of another tenant.
    """
    sql = f"""SELECT {COLUMNS} FROM calibration_runs WHERE id = %(id)s
        AND (%(tenant)s::text IS NULL OR exam_code IN
             (SELECT exam_code FROM exams WHERE tenant_id = %(tenant)s))"""  # noqa: S608
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        row = cursor.execute(sql, {"id": run_id, "tenant": tenant_id}).fetchone()
    if row is None:
        raise NotFoundError(f"run {run_id} does not exist: see `qbank runs list`")
    return row


def list(
    conn: Connection[Any],
    where: RunFilter | None = None,
    *,
    page: int = 1,
    page_size: int = 50,
    after: tuple[datetime | str, UUID | str] | None = None,
) -> RunPage:
    """Runs, newest first, without histories and proposals.

    Args:
        conn: an open connection.
        where: which runs.
        page: counts from 1.
        page_size: runs on it.
        after: in place of ``page``: those that follow the run of this ``created_at`` and ``id``.

    Raises:
        InvalidValueError: page < 1 or page_size outside 1..200.
    """
    if page < 1 or not 1 <= page_size <= 200:
        raise InvalidValueError(
            f"page {page} with page_size {page_size}: pages count from 1, sizes are 1 to 200"
        )
    where = where or RunFilter()
    condition = """(%(exam)s::text IS NULL OR exam_code = %(exam)s)
        AND (%(kind)s::text IS NULL OR kind = %(kind)s)
        AND (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(start)s::timestamptz IS NULL OR created_at >= %(start)s)
        AND (%(end)s::timestamptz IS NULL OR created_at < %(end)s)
        AND (%(tenant)s::text IS NULL OR exam_code IN
             (SELECT exam_code FROM exams WHERE tenant_id = %(tenant)s))"""
    values = {
        "exam": where.exam_code,
        "kind": where.kind,
        "status": where.status,
        "start": where.start,
        "end": where.end,
        "tenant": where.tenant_id,
        "limit": page_size,
        "offset": 0 if after else (page - 1) * page_size,
        "after_at": after[0] if after else None,
        "after_id": after[1] if after else None,
    }
    sql = f"""SELECT {LISTED} FROM calibration_runs WHERE {condition}
        AND (created_at, id) < (coalesce(%(after_at)s::timestamptz, 'infinity'),
            coalesce(%(after_id)s::uuid, '00000000-0000-0000-0000-000000000000'))
        ORDER BY created_at DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s"""  # noqa: S608
    count = f"SELECT count(*) FROM calibration_runs WHERE {condition}"  # noqa: S608
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        rows = tuple(cursor.execute(sql, values).fetchall())
    with conn.cursor(row_factory=scalar_row) as cursor:
        total = cursor.execute(count, values).fetchone()
    return RunPage(rows, int(total or 0))


def queued(conn: Connection[Any]) -> tuple[Run, ...]:
    """Requests that nobody works on yet, oldest first."""
    sql = f"""SELECT {LISTED} FROM calibration_runs
        WHERE status = 'queued' ORDER BY created_at, id"""  # noqa: S608
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return tuple(cursor.execute(sql).fetchall())


def running(conn: Connection[Any]) -> tuple[Run, ...]:
    """Runs that say they are at work, oldest first."""
    sql = f"""SELECT {LISTED} FROM calibration_runs
        WHERE status = 'running' ORDER BY created_at, id"""  # noqa: S608
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return tuple(cursor.execute(sql).fetchall())


def of_orchestrator(conn: Connection[Any], orchestrator_run_id: str) -> tuple[Run, ...]:
    """The rows that an orchestrator run works or worked on, oldest first, without proposals."""
    sql = f"""SELECT {LISTED} FROM calibration_runs WHERE orchestrator_run_id = %s
        ORDER BY created_at, id"""  # noqa: S608
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return tuple(cursor.execute(sql, (orchestrator_run_id,)).fetchall())


def proposed(
    conn: Connection[Any], exam_code: str, kind: Kind, *, day: date | None = None
) -> Run | None:
    """What waits for publication for an exam (and the day of a re-estimation), newest first."""
    sql = f"""SELECT {LISTED} FROM calibration_runs
        WHERE exam_code = %(exam)s AND kind = %(kind)s AND status = 'proposed'
          AND (%(day)s::text IS NULL OR params ->> 'day' = %(day)s)
        ORDER BY created_at DESC, id LIMIT 1"""  # noqa: S608
    values = {"exam": exam_code, "kind": kind, "day": day.isoformat() if day else None}
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(sql, values).fetchone()


def reestimated_days(conn: Connection[Any], exam_code: str, *, after: date) -> tuple[Run, ...]:
    """The latest done re-estimation of each day after ``after``, in order, without proposals."""
    sql = f"""SELECT DISTINCT ON (params ->> 'day') {LISTED} FROM calibration_runs
        WHERE exam_code = %s AND kind = 'reestimation' AND status = 'done'
          AND stopped_reason IS DISTINCT FROM 'dry_run' AND params ->> 'day' > %s
        ORDER BY params ->> 'day', finished_at DESC"""  # noqa: S608
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return tuple(cursor.execute(sql, (exam_code, after.isoformat())).fetchall())


def reestimation_of(conn: Connection[Any], exam_code: str, day: date) -> Run | None:
    """The latest re-estimation of a day that ended by itself (done, empty or rejected)."""
    sql = f"""SELECT {LISTED} FROM calibration_runs
        WHERE exam_code = %s AND kind = 'reestimation' AND params ->> 'day' = %s
          AND status IN ('done', 'empty', 'rejected')
          AND stopped_reason IS DISTINCT FROM 'dry_run'
        ORDER BY finished_at DESC LIMIT 1"""  # noqa: S608
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(sql, (exam_code, day.isoformat())).fetchone()


def newest_published(conn: Connection[Any]) -> Run | None:
    """The last run that put something in force, of any exam and kind, without its proposal."""
    sql = f"""SELECT {LISTED} FROM calibration_runs
        WHERE status = 'done' AND stopped_reason IS DISTINCT FROM 'dry_run'
        ORDER BY finished_at DESC, id LIMIT 1"""  # noqa: S608
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(sql).fetchone()


def latest(
    conn: Connection[Any],
    exam_code: str,
    kind: Kind,
    *,
    statuses: Sequence[Status] = ("done",),
    requested_by: str | None = None,
) -> Run | None:
    """The last run of a kind that ended in one of ``statuses``, without history and proposal.

    Dry runs do not count: they leave everything as it was.
    """
    sql = f"""SELECT {LISTED} FROM calibration_runs
        WHERE exam_code = %s AND kind = %s AND status = ANY(%s)
          AND stopped_reason IS DISTINCT FROM 'dry_run'
          AND (%s::text IS NULL OR requested_by = %s)
        ORDER BY finished_at DESC, id LIMIT 1"""  # noqa: S608
    values = (exam_code, kind, [*statuses], requested_by, requested_by)
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(sql, values).fetchone()


def calibration_in_force(conn: Connection[Any], exam_code: str, *, before: datetime) -> Run | None:
    """The Sympson-Hetter run whose results held at a moment, also where a rollback brought it back.

    None where sh_p was never calibrated until then. Without history and proposal.
    """
    sql = f"""SELECT {LISTED} FROM calibration_runs
        WHERE exam_code = %s AND kind IN ('sympson_hetter', 'rollback') AND status = 'done'
          AND stopped_reason IS DISTINCT FROM 'dry_run' AND finished_at < %s
        ORDER BY finished_at DESC, id LIMIT 1"""  # noqa: S608

    def last(until: datetime | None) -> Run | None:
        with conn.cursor(row_factory=class_row(Run)) as cursor:
            return cursor.execute(sql, (exam_code, until)).fetchone()

    run = last(before)
    while run is not None and run.kind != "sympson_hetter":
        if run.kind == "rollback":
            run = get(conn, UUID(run.params["run_id"]))
        else:  # a re-estimation that was gone back to
            run = last(run.finished_at)
    return run


def selector_in_force(
    conn: Connection[Any], exam_code: str, *, before: datetime
) -> Controlled | None:
    """The selector that the calibration in force at a moment was found for; None without one."""
    run = calibration_in_force(conn, exam_code, before=before)
    return None if run is None else selector_of(run)


def selector_of(run: Run) -> Controlled:
    """The selector that a calibration of exposure control was found for."""
    summary = (run.result or {}).get("summary", {})
    # of the time when there was no other rule, a run says none
    named = run.params.get("selector") or summary.get("selector") or selectors.DEFAULT
    return cast("Controlled", named)


def tried_out(conn: Connection[Any], exam_code: str) -> Sequence[dict[str, Any]]:
    """New items as the exam's newest fit that looked at some left them; see the engine's."""
    sql = """SELECT result #> '{summary,tried_out}' FROM calibration_runs
        WHERE exam_code = %s AND kind = 'irt' AND status IN ('done', 'empty')
            AND result #> '{summary,tried_out}' IS NOT NULL
        ORDER BY finished_at DESC LIMIT 1"""
    row = conn.execute(sql, (exam_code,)).fetchone()
    return row[0] if row else ()


def diff(conn: Connection[Any], run_id: UUID) -> tuple[ItemChange, ...]:
    """sh_p per item before and after the run, by question id and version.

    What was published comes from the history; a run that published nothing (dry run, rejected)
    shows what it proposed.

    Raises:
        NotFoundError: no such run, or it published nothing and its proposal is kept no longer.
    """
    run = get(conn, run_id)
    published = """SELECT question_id, version, before AS sh_p_before, after AS sh_p_after
        FROM item_exposure_history WHERE run_id = %s ORDER BY question_id, version"""
    proposed = """SELECT question_id, version, sh_p_before, sh_p_after FROM calibration_runs,
            LATERAL ROWS FROM (
                jsonb_array_elements_text(result #> '{proposal,question_id}'),
                jsonb_array_elements_text(result #> '{proposal,version}'),
                jsonb_array_elements_text(result #> '{proposal,sh_p_before}'),
                jsonb_array_elements_text(result #> '{proposal,sh_p}')
            ) AS p (q, v, sh_p_b, sh_p_a),
            LATERAL (SELECT q::bigint AS question_id, v::integer AS version,
                sh_p_b::float8 AS sh_p_before, sh_p_a::float8 AS sh_p_after) AS typed
        WHERE id = %s AND sh_p_after IS DISTINCT FROM sh_p_before ORDER BY question_id, version"""
    with conn.cursor(row_factory=class_row(ItemChange)) as cursor:
        rows = cursor.execute(published, (run_id,)).fetchall()
        if not rows and "proposal_removed_at" in (run.result or {}):
            raise NotFoundError(
                f"run {run_id} changed nothing and its proposal is kept no longer"
                " (QBANK_KEEP_PROPOSALS_DAYS)"
            )
        return tuple(rows or cursor.execute(proposed, (run_id,)).fetchall())


def largest_changes(conn: Connection[Any], run: Run, limit: int) -> tuple[ItemChange, ...]:
    """The largest changes of sh_p of a run that is over, as :func:`diff` has them.

    Empty where nothing was proposed, or the proposal is kept no longer.

    Args:
        conn: an open connection.
        run: as :func:`get` reads it, with its proposal.
        limit: changes to return.
    """
    result = run.result or {}
    if result.get("published"):
        sql = """SELECT question_id, version, before AS sh_p_before, after AS sh_p_after
            FROM item_exposure_history WHERE run_id = %s
            ORDER BY abs(coalesce(after, 1) - coalesce(before, 1)) DESC, question_id, version
            LIMIT %s"""
        with conn.cursor(row_factory=class_row(ItemChange)) as cursor:
            return tuple(cursor.execute(sql, (run.id, limit)).fetchall())
    columns = ("question_id", "version", "sh_p_before", "sh_p")
    proposal = result.get("proposal") or {}
    rows = zip(*(proposal.get(name, ()) for name in columns), strict=True)
    changes = [change for change in starmap(ItemChange, rows) if change.delta]
    changes.sort(key=lambda c: (-abs(c.delta), c.question_id, c.version))
    return tuple(changes[:limit])
