"""The life of a run: queued → running → proposed → its end, never back.

A run that has nothing to propose ends from running; one that was proposed waits for whoever audits
and publishes it, in this process or another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row, scalar_row
from psycopg.types.json import Jsonb

from qbank.stores.errors import ConflictError, InvalidValueError, NotFoundError
from qbank.stores.runs.reading import get
from qbank.stores.runs.record import COLUMNS, Run
from qbank.vocabulary import FINISHED, OPEN, Kind, Status


def create(
    conn: Connection[Any],
    *,
    kind: Kind,
    exam_code: str,
    params: Mapping[str, Any],
    requested_by: str,
    seed: int | None = None,
    run_id: UUID | None = None,
    orchestrator_run_id: str | None = None,
) -> Run:
    """Queues a request, or begins a run that nobody needs to take from the queue.

    Args:
        conn: an open connection; the caller commits.
        kind: what is asked for.
        exam_code: the exam it is for.
        params: JSON object of request parameters.
        requested_by: user id, or the name of the schedule.
        seed: seed of all randomness in the run.
        run_id: a chosen id, so that asking twice makes one row.
        orchestrator_run_id: who works on it from the first moment; such a row is never queued, so
            nobody can take it for a request.

    Raises:
        NotFoundError: the exam does not exist.
    """
    sql = f"""INSERT INTO calibration_runs
            (id, kind, exam_code, params, requested_by, seed,
             orchestrator_run_id, status, started_at, heartbeat_at)
        SELECT coalesce(%(id)s, gen_random_uuid()), %(kind)s, %(exam)s, %(params)s, %(who)s,
            %(seed)s, %(by)s::text, CASE WHEN by.given THEN 'running' ELSE 'queued' END,
            CASE WHEN by.given THEN clock_timestamp() END,
            CASE WHEN by.given THEN clock_timestamp() END
        FROM (SELECT %(by)s::text IS NOT NULL AS given) AS by
        ON CONFLICT (id) DO NOTHING RETURNING {COLUMNS}"""  # noqa: S608
    values = {
        "id": run_id,
        "kind": kind,
        "exam": exam_code,
        "params": Jsonb(dict(params)),
        "who": requested_by,
        "seed": seed,
        "by": orchestrator_run_id,
    }
    try:
        with conn.cursor(row_factory=class_row(Run)) as cursor:
            row = cursor.execute(sql, values).fetchone()
    except ForeignKeyViolation as error:
        raise NotFoundError(f"exam {exam_code!r} does not exist: create it first") from error
    if row is None:
        assert run_id is not None  # noqa: S101  (only a chosen id can exist already)
        return get(conn, run_id)
    return row


def claim(conn: Connection[Any], run_id: UUID, *, orchestrator_run_id: str) -> Run:
    """Takes a queued run to work on it.

    A row that the same orchestrator run holds already is taken again, from the beginning: that is
    its retry.

    Raises:
        NotFoundError: no such run.
        ConflictError: someone else works on it, or it is finished.
    """
    sql = f"""UPDATE calibration_runs SET status = 'running', orchestrator_run_id = %(by)s,
            started_at = coalesce(started_at, clock_timestamp()),
            heartbeat_at = clock_timestamp(), history = '[]', result = NULL
        WHERE id = %(id)s
          AND (status = 'queued'
               OR (status IN ('running', 'proposed') AND orchestrator_run_id = %(by)s))
        RETURNING {COLUMNS}"""  # noqa: S608
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        row = cursor.execute(sql, {"id": run_id, "by": orchestrator_run_id}).fetchone()
    if row is None:
        other = get(conn, run_id)
        raise ConflictError(
            f"run {run_id} is {other.status}"
            f" (orchestrator run {other.orchestrator_run_id}): request a new run"
        )
    return row


def fill(conn: Connection[Any], run_id: UUID, params: Mapping[str, Any]) -> None:
    """Writes the request into a run as it is worked on, with all that its asker left out."""
    sql = "UPDATE calibration_runs SET params = params || %s::jsonb WHERE id = %s"
    conn.execute(sql, (Jsonb(dict(params)), run_id))


def progress(
    conn: Connection[Any], run_id: UUID, entries: Sequence[Mapping[str, Any]] = ()
) -> bool:
    """Appends iterations to the history and moves the heartbeat.

    Returns:
        Whether the run should go on: False once somebody asked to cancel it or it was ended.
    """
    sql = """UPDATE calibration_runs
        SET history = history || %s::jsonb, heartbeat_at = clock_timestamp()
        WHERE id = %s AND status = 'running' RETURNING cancel_requested_at IS NULL"""
    with conn.cursor(row_factory=scalar_row) as cursor:
        row = cursor.execute(sql, (Jsonb([dict(e) for e in entries]), run_id)).fetchone()
    return bool(row)


def propose(
    conn: Connection[Any],
    run_id: UUID,
    result: Mapping[str, Any],
    *,
    input_fingerprint: str,
    seed: int | None = None,
) -> None:
    """Keeps what the run proposes; nothing that delivery reads changes.

    What the same kind of run proposed before for the exam (and day), and nobody published, is
    overtaken and ends as canceled; a dry run overtakes nothing.

    Raises:
        ConflictError: the run is not running (any more).
    """
    sql = """UPDATE calibration_runs SET status = 'proposed',
            result = coalesce(result, '{}') || %s::jsonb,
            input_fingerprint = %s, seed = coalesce(%s, seed), heartbeat_at = clock_timestamp()
        WHERE id = %s AND status = 'running'"""
    values = (Jsonb(dict(result)), input_fingerprint, seed, run_id)
    if conn.execute(sql, values).rowcount == 0:
        raise ConflictError(f"run {run_id} is not running: its proposal is not kept")
    overtaken = """UPDATE calibration_runs AS older SET status = 'canceled',
            stopped_reason = 'superseded', finished_at = clock_timestamp(),
            error = 'run ' || newer.id || ' proposed anew before this one was published'
        FROM calibration_runs AS newer
        WHERE newer.id = %s AND NOT coalesce((newer.params ->> 'dry_run')::boolean, false)
          AND older.status = 'proposed' AND older.id <> newer.id
          AND (older.exam_code, older.kind) = (newer.exam_code, newer.kind)
          AND older.params ->> 'day' IS NOT DISTINCT FROM newer.params ->> 'day'"""
    conn.execute(overtaken, (run_id,))


def finish(
    conn: Connection[Any],
    run_id: UUID,
    status: Status,
    *,
    result: Mapping[str, Any] | None = None,
    error: str | None = None,
    stopped_reason: str | None = None,
    input_fingerprint: str | None = None,
    only_if: Sequence[Status] = OPEN,
) -> bool:
    """Ends a run; ``result`` is merged into what it proposed.

    Args:
        conn: an open connection; the caller commits.
        run_id: the run.
        status: one that ends a run.
        result: merged into what it proposed.
        error: what went wrong, for people.
        stopped_reason: why it stopped, for programs.
        input_fingerprint: what it judged, where it proposed nothing.
        only_if: the states from which it may be ended here.

    Returns:
        Whether this call ended it. A run ends once: a later call changes nothing.

    Raises:
        InvalidValueError: ``status`` is not one that ends a run.
    """
    if status not in FINISHED:
        raise InvalidValueError(f"status {status!r} does not end a run: use one of {FINISHED}")
    sql = """UPDATE calibration_runs SET status = %s, error = %s,
            stopped_reason = coalesce(%s, stopped_reason),
            input_fingerprint = coalesce(%s, input_fingerprint),
            result = CASE WHEN %s::jsonb IS NULL THEN result
                          ELSE coalesce(result, '{}') || %s::jsonb END,
            finished_at = clock_timestamp()
        WHERE id = %s AND status = ANY(%s)"""
    merged = None if result is None else Jsonb(dict(result))
    values = (status, error, stopped_reason, input_fingerprint, merged, merged, run_id, [*only_if])
    return conn.execute(sql, values).rowcount == 1


def note(conn: Connection[Any], run_id: UUID, more: Mapping[str, Any]) -> None:
    """Adds to the result of a run, e.g. what was published of it."""
    sql = "UPDATE calibration_runs SET result = coalesce(result, '{}') || %s::jsonb WHERE id = %s"
    conn.execute(sql, (Jsonb(dict(more)), run_id))


def remark(conn: Connection[Any], run_id: UUID, error: str) -> bool:
    """Says on a proposed run why it was not published yet; returns whether it still waits."""
    sql = "UPDATE calibration_runs SET error = %s WHERE id = %s AND status = 'proposed'"
    return conn.execute(sql, (error, run_id)).rowcount == 1


def request_cancel(conn: Connection[Any], run_id: UUID, *, tenant_id: str | None = None) -> Run:
    """Cancels a queued or proposed run at once; a running one stops at its next iteration.

    Raises:
        NotFoundError: no such run.
        ConflictError: the run is finished.
    """
    get(conn, run_id, tenant_id=tenant_id)
    sql = f"""UPDATE calibration_runs
        SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
            status = CASE status WHEN 'running' THEN status ELSE 'canceled' END,
            stopped_reason = CASE status WHEN 'running' THEN stopped_reason ELSE 'canceled' END,
            finished_at = CASE status WHEN 'running' THEN NULL ELSE clock_timestamp() END
        WHERE id = %s AND status IN ('queued', 'running', 'proposed') RETURNING {COLUMNS}"""  # noqa: S608
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        row = cursor.execute(sql, (run_id,)).fetchone()
    if row is None:
        raise ConflictError(f"run {run_id} is finished already: nothing is left to cancel")
    return row
