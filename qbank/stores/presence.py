"""Whether the processes of an orchestrator run are alive: a row each, whose beat stops with it.

Rows instead of session locks: they say the same behind a transaction pooler. What never lives here:
what a process does, and what follows from its end.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import scalar_row


def beat(conn: Connection[Any], orchestrator_run_id: str, process: str) -> None:
    """Shows that a process of the run is at work now."""
    sql = """INSERT INTO run_presence (orchestrator_run_id, process) VALUES (%s, %s)
        ON CONFLICT (orchestrator_run_id, process) DO UPDATE SET beat_at = clock_timestamp()"""
    conn.execute(sql, (orchestrator_run_id, process))


def leave(conn: Connection[Any], orchestrator_run_id: str, process: str) -> None:
    """The process ends in good order: nobody will miss it."""
    sql = "DELETE FROM run_presence WHERE orchestrator_run_id = %s AND process = %s"
    conn.execute(sql, (orchestrator_run_id, process))


def forget(conn: Connection[Any], orchestrator_run_id: str) -> None:
    """The run is over, however its processes ended."""
    conn.execute("DELETE FROM run_presence WHERE orchestrator_run_id = %s", (orchestrator_run_id,))


def missing(conn: Connection[Any], *, silent_for: timedelta) -> tuple[str, ...]:
    """Runs all of whose processes fell silent without taking their leave.

    A server that was away cannot have heard anybody, so silence counts only since it is up.
    """
    sql = """SELECT orchestrator_run_id FROM run_presence GROUP BY orchestrator_run_id
        HAVING greatest(max(beat_at), pg_postmaster_start_time()) < clock_timestamp() - %s
        ORDER BY max(beat_at)"""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return tuple(cursor.execute(sql, (silent_for,)).fetchall())


def any_silent(conn: Connection[Any], *, silent_for: timedelta) -> bool:
    """Whether a run's processes all fell silent, be it because the server was away."""
    sql = """SELECT exists (SELECT FROM run_presence GROUP BY orchestrator_run_id
        HAVING max(beat_at) < clock_timestamp() - %s)"""
    row = conn.execute(sql, (silent_for,)).fetchone()
    return bool(row and row[0])
