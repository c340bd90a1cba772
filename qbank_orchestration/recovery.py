"""Ends the rows, and the Dagster runs, of processes that are gone.

A killed worker cannot say that it died: its row would be running for ever. Whoever looks next
(a sensor every half minute, a command before it starts) ends it with a reason, and the exam is
free for the next run. Nothing half-published can be behind it, for publication is one transaction.

What never lives here: repeating the lost work.
"""

from __future__ import annotations

import time
from datetime import timedelta

from qbank import postgres
from qbank.stores import runs

SILENT_FOR = timedelta(seconds=10)
"""Five heartbeats: silence after which a row that nobody holds is given up."""
LOST_FOR = timedelta(minutes=10)
"""Silence after which even a held row is: its machine hangs or is cut off."""

REASON = "its worker process is gone; nothing was published"


def recover(*, patience_s: float = 0.0) -> tuple[runs.Run, ...]:
    """Ends abandoned rows as failed.

    Args:
        patience_s: how long to wait for rows that fell silent only just now.

    Returns:
        The rows that were ended.
    """
    ended: list[runs.Run] = []
    deadline = time.monotonic() + patience_s
    while True:
        ended += _end_abandoned()
        if time.monotonic() >= deadline or not _unheld():
            return tuple(ended)
        time.sleep(0.5)


def _end_abandoned() -> list[runs.Run]:
    with postgres.connect("orchestration") as conn:
        found = runs.abandoned(conn, silent_for=SILENT_FOR, lost_for=LOST_FOR)
        return [
            run
            for run in found
            if runs.finish(conn, run.id, "failed", error=REASON, stopped_reason="died")
        ]


def _unheld() -> bool:
    """Whether a running row has no living process behind it."""
    with postgres.connect("orchestration") as conn:
        return bool(runs.abandoned(conn, silent_for=timedelta(0), lost_for=LOST_FOR))
