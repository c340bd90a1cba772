"""Whether the process behind a running row lives: a lock that dies with it, and a heartbeat.

A row is given up for its silence alone, and a held lock grants it more patience: Postgres frees a
session's lock with its process. Behind a transaction pooler a lock says nothing either way; the
heartbeat still decides. Nobody is silent while the server is up too short a time to hear anybody.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from qbank.stores.runs.record import LISTED, Run

_KEY = "hashtextextended('qbank.run:' || {}::text, 0)"


def hold(conn: Connection[Any], run_id: UUID) -> bool:
    """Takes the row's liveness lock for this session; False where another process has it."""
    sql = f"SELECT pg_try_advisory_lock({_KEY.format('%s')})"
    row = conn.execute(sql, (run_id,)).fetchone()
    return bool(row and row[0])


def let_go(conn: Connection[Any], run_id: UUID) -> None:
    """Gives the lock back; without it the session's end does."""
    conn.execute(f"SELECT pg_advisory_unlock({_KEY.format('%s')})", (run_id,))


def abandoned(
    conn: Connection[Any], *, silent_for: timedelta, lost_for: timedelta
) -> tuple[Run, ...]:
    """Running rows whose process is gone.

    Args:
        conn: an open connection; the rows stay locked against their return until it commits.
        silent_for: silence after which a row that nobody holds counts as abandoned.
        lost_for: silence after which even a held row does: its machine hangs or is cut off.
    """
    sql = f"""WITH silent AS MATERIALIZED (
            SELECT * FROM calibration_runs WHERE status = 'running'
              AND coalesce(heartbeat_at, started_at) < clock_timestamp() - %(silent)s
              AND pg_postmaster_start_time() < clock_timestamp() - %(silent)s)
        SELECT {LISTED} FROM silent
        WHERE heartbeat_at < clock_timestamp() - %(lost)s
           OR pg_try_advisory_xact_lock({_KEY.format("silent.id")})"""  # noqa: S608
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        values = {"silent": silent_for, "lost": lost_for}
        return tuple(cursor.execute(sql, values).fetchall())
