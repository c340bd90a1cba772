"""Shows that the process of a Dagster run is alive, so that a dead one's run can be ended.

What never lives here: ending runs (``recovery``).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from qbank import postgres
from qbank.errors import QbankError
from qbank.stores import presence

_CHECK_S = 3.0


def name_of(dagster_run_id: str) -> str:
    """The name under which a run's process is present."""
    return f"dagster run {dagster_run_id}"


@contextmanager
def present(dagster_run_id: str) -> Iterator[None]:
    """Holds the run's lock, and takes it again when Postgres was away."""
    stop = threading.Event()
    name = name_of(dagster_run_id)
    held = [_hold(name)]

    def watch() -> None:
        while not stop.wait(_CHECK_S):
            with suppress(psycopg.Error, QbankError, OSError):
                try:
                    held[0].execute("SELECT 1")
                except psycopg.OperationalError:
                    held[0] = _hold(name)

    thread = threading.Thread(target=watch, name="presence", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        held[0].close()


def _hold(name: str) -> psycopg.Connection[Any]:
    conn = postgres.connect("orchestration", autocommit=True)
    presence.hold(conn, name)
    return conn
