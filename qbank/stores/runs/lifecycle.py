"""The life of a run: queued → running → done | empty | failed | canceled | rejected, never back."""

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
from qbank.stores.runs.record import COLUMNS, FINISHED, Kind, Run, Status


def create(
    conn: Connection[Any],
    *,
    kind: Kind,
    exam_code: str,
    params: Mapping[str, Any],
    requested_by: str,
    seed: int | None = None,
    run_id: UUID | None = None,
) -> Run:
    """Queues a request.

    Args:
        conn: an open connection; the caller commits.
        kind: what is asked for.
        exam_code: the exam it is for.
        params: JSON object of request parameters.
        requested_by: user id, or the name of the schedule.
        seed: seed of all randomness in the run.
        run_id: a chosen id, so that asking twice makes one row.

    Raises:
        NotFoundError: the exam does not exist.
    """
    sql = f"""INSERT INTO calibration_runs (id, kind, exam_code, params, requested_by, seed)
        VALUES (coalesce(%s, gen_random_uuid()), %s, %s, %s, %s, %s)
        ON CONFLICT (id) DO NOTHING RETURNING {COLUMNS}"""  # noqa: S608
    values = (run_id, kind, exam_code, Jsonb(dict(params)), requested_by, seed)
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
          AND (status = 'queued' OR (status = 'running' AND orchestrator_run_id = %(by)s))
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

    Raises:
        ConflictError: the run is not running (any more).
    """
    sql = """UPDATE calibration_runs SET result = coalesce(result, '{}') || %s::jsonb,
            input_fingerprint = %s, seed = coalesce(%s, seed), heartbeat_at = clock_timestamp()
        WHERE id = %s AND status = 'running'"""
    values = (Jsonb(dict(result)), input_fingerprint, seed, run_id)
    if conn.execute(sql, values).rowcount == 0:
        raise ConflictError(f"run {run_id} is not running: its proposal is not kept")


def finish(
    conn: Connection[Any],
    run_id: UUID,
    status: Status,
    *,
    result: Mapping[str, Any] | None = None,
    error: str | None = None,
    stopped_reason: str | None = None,
    input_fingerprint: str | None = None,
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
        WHERE id = %s AND status IN ('queued', 'running')"""
    merged = None if result is None else Jsonb(dict(result))
    values = (status, error, stopped_reason, input_fingerprint, merged, merged, run_id)
    return conn.execute(sql, values).rowcount == 1


def note(conn: Connection[Any], run_id: UUID, more: Mapping[str, Any]) -> None:
    """Adds to the result of a run, e.g. what was published of it."""
    sql = "UPDATE calibration_runs SET result = coalesce(result, '{}') || %s::jsonb WHERE id = %s"
    conn.execute(sql, (Jsonb(dict(more)), run_id))


def request_cancel(conn: Connection[Any], run_id: UUID, *, tenant_id: str | None = None) -> Run:
    """Cancels a queued run at once; a running one stops at its next iteration.

    Raises:
        NotFoundError: no such run.
        ConflictError: the run is finished.
    """
    get(conn, run_id, tenant_id=tenant_id)
    sql = f"""UPDATE calibration_runs
        SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
            status = CASE status WHEN 'queued' THEN 'canceled' ELSE status END,
            stopped_reason = CASE status WHEN 'queued' THEN 'canceled' ELSE stopped_reason END,
            finished_at = CASE status WHEN 'queued' THEN clock_timestamp() END
        WHERE id = %s AND status IN ('queued', 'running') RETURNING {COLUMNS}"""  # noqa: S608
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        row = cursor.execute(sql, (run_id,)).fetchone()
    if row is None:
        raise ConflictError(f"run {run_id} is finished already: nothing is left to cancel")
    return row
