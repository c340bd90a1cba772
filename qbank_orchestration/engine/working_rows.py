"""Keeps the rows that a process works on alive, and ends them when the process stops working.

While a row is held, a lock that dies with this process and a heartbeat tell everybody that someone
is at work on it; progress and cancellation travel the same way, outside the work's transactions.

What never lives here: what is computed, and what is published.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

import psycopg

from qbank.errors import QbankError
from qbank.stores import runs

Connect = Callable[[], "psycopg.Connection[Any]"]
Answer = TypeVar("Answer")
HEARTBEAT_S = 2.0


class WorkingRows:
    """The rows of ``calibration_runs`` that this process works on.

    Leaving the context ends every row that is still running as failed, so none says ``running``
    when nobody runs it; what was proposed needs nobody and stays.
    """

    def __init__(self, connect: Connect, *, heartbeat_s: float = HEARTBEAT_S) -> None:
        """Nothing is opened before the first row is taken.

        Args:
            connect: opens an autocommit connection.
            heartbeat_s: seconds between two signs of life.
        """
        self._connect = connect
        self._heartbeat_s = heartbeat_s
        self._conn: psycopg.Connection[Any] | None = None
        self._held: set[UUID] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close("the run ended before it published" if error is None else str(error))

    def take(self, run_id: UUID, orchestrator_run_id: str) -> runs.Run:
        """Claims a row and keeps it alive.

        Raises:
            ConflictError: someone else works on it, or it is finished.
        """
        with self._lock:
            run = self._run(
                lambda conn: runs.claim(conn, run_id, orchestrator_run_id=orchestrator_run_id)
            )
            self._run(lambda conn: runs.hold(conn, run_id))
            self._held.add(run_id)
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
            self._thread.start()
        return run

    def report(self, run_id: UUID, entry: Mapping[str, Any]) -> bool:
        """Writes one iteration; returns whether to go on (nobody canceled)."""
        with self._lock:
            return self._run(lambda conn: runs.progress(conn, run_id, [entry]))

    def go_on(self, run_id: UUID) -> bool:
        """Whether nobody canceled the run."""
        with self._lock:
            return self._run(lambda conn: runs.progress(conn, run_id))

    def fail(self, run_id: UUID, error: str) -> None:
        """Ends a row as failed at once; nothing happens where it was ended before."""
        self._end(run_id, "failed", error=error, stopped_reason="error")

    def finish_empty(
        self, run_id: UUID, reason: str, summary: Mapping[str, Any] | None = None
    ) -> None:
        """Ends a row that had nothing to propose, with what it looked at."""
        self._end(
            run_id,
            "empty",
            stopped_reason=reason,
            result={"summary": dict(summary)} if summary else None,
        )

    def finish_canceled(self, run_id: UUID) -> None:
        """Ends a row that somebody canceled."""
        self._end(run_id, "canceled", stopped_reason="canceled")

    def finish_infeasible(self, run_id: UUID, error: str, input_fingerprint: str) -> None:
        """Ends a row whose targets cannot be met: a result, not a fault."""
        self._end(
            run_id,
            "rejected",
            error=error,
            stopped_reason="infeasible",
            input_fingerprint=input_fingerprint,
        )

    def _end(
        self,
        run_id: UUID,
        status: runs.Status,
        *,
        error: str | None = None,
        stopped_reason: str | None = None,
        input_fingerprint: str | None = None,
        result: Mapping[str, Any] | None = None,
    ) -> None:
        with self._lock, suppress(psycopg.Error, QbankError):
            self._run(
                lambda conn: runs.finish(
                    conn,
                    run_id,
                    status,
                    error=error,
                    stopped_reason=stopped_reason,
                    input_fingerprint=input_fingerprint,
                    result=result,
                )
            )

    def close(self, reason: str) -> None:
        """Ends what is still running as failed, and lets go of the rest."""
        self._stop.set()
        with self._lock, suppress(psycopg.Error, QbankError):
            for run_id in self._held:
                self._run(partial(_end_dead, run_id=run_id, reason=reason))
            self._held.clear()
            if self._conn is not None:
                self._conn.close()
                self._conn = None

    def _beat(self) -> None:
        while not self._stop.wait(self._heartbeat_s):
            # a database that is away is the work's to report; the beat comes back with it
            with self._lock, suppress(psycopg.Error, QbankError, OSError):
                for run_id in self._held:
                    self._run(partial(runs.progress, run_id=run_id))

    def _run(self, work: Callable[[psycopg.Connection[Any]], Answer]) -> Answer:
        if self._conn is None or self._conn.broken or self._conn.closed:
            self._conn = self._connect()
            for run_id in self._held:
                runs.hold(self._conn, run_id)
        return work(self._conn)


def _end_dead(conn: psycopg.Connection[Any], run_id: UUID, reason: str) -> None:
    runs.finish(conn, run_id, "failed", error=reason, stopped_reason="died", only_if=("running",))
    runs.let_go(conn, run_id)
