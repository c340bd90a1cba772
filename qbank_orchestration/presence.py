"""Shows that a process of a Dagster run is alive, so that a dead one's run can be ended.

What never lives here: ending runs (``recovery``).
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import psycopg

from qbank import postgres
from qbank.errors import QbankError
from qbank.stores import presence

BEAT_S = 3.0


@contextmanager
def present(dagster_run_id: str) -> Iterator[None]:
    """Beats for the run until the process leaves it, through an outage of Postgres, too."""
    stop = threading.Event()
    process = f"{socket.gethostname()}:{os.getpid()}:{uuid4()}"
    conn = _connect()
    presence.beat(conn, dagster_run_id, process)

    def watch() -> None:
        nonlocal conn
        while not stop.wait(BEAT_S):
            with suppress(psycopg.Error, QbankError, OSError):
                if conn.closed:
                    conn = _connect()
                presence.beat(conn, dagster_run_id, process)

    thread = threading.Thread(target=watch, name="presence", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        with suppress(psycopg.Error, QbankError, OSError):
            if conn.closed:
                conn = _connect()
            presence.leave(conn, dagster_run_id, process)
            conn.close()


def _connect() -> psycopg.Connection[Any]:
    return postgres.connect("orchestration", autocommit=True)
