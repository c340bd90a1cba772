"""Ends the rows, and the Dagster runs, of processes that are gone.

A killed worker cannot say that it died: its row would be running for ever. Whoever looks next
(a sensor every half minute, a command before it starts) ends it with a reason, and the exam is
free for the next run. Nothing half-published can be behind it, for publication is one transaction.

What never lives here: repeating the lost work.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from qbank import postgres
from qbank.stores import presence, runs
from qbank_orchestration.presence import name_of

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

SILENT_FOR = timedelta(seconds=10)
"""Five heartbeats: silence after which a row that nobody holds is given up."""
LOST_FOR = timedelta(minutes=10)
"""Silence after which even a held row is: its machine hangs or is cut off."""
STARTING_S = 60.0
"""A run that began less than this ago may not hold its lock yet."""

REASON = "its worker process is gone; nothing was published"


def recover_rows(*, patience_s: float = 0.0) -> tuple[runs.Run, ...]:
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


def recover_dagster_runs(
    instance: DagsterInstance, *, starting_s: float = STARTING_S
) -> tuple[DagsterRun, ...]:
    """Ends Dagster runs that say they run while no process holds their lock.

    Dagster's own monitoring sees a worker die only while the code server that started it lives.

    Returns:
        The runs that were ended.
    """
    import dagster as dg

    alive = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    ended = []
    with postgres.connect("orchestration", autocommit=True) as conn:
        for record in instance.get_run_records(dg.RunsFilter(statuses=alive)):
            began = record.start_time or record.create_timestamp.timestamp()
            run = record.dagster_run
            if time.time() - began < starting_s or presence.is_held(conn, name_of(run.run_id)):
                continue
            instance.report_run_failed(run, REASON)
            ended.append(run)
    return tuple(ended)


def end_rows_of(dagster_run_id: str, status: runs.Status, error: str) -> tuple[runs.Run, ...]:
    """Ends the open rows of a Dagster run that is over."""
    with postgres.connect("orchestration") as conn:
        return tuple(
            run
            for run in runs.of_orchestrator(conn, dagster_run_id)
            if run.status == "running"
            and runs.finish(conn, run.id, status, error=error, stopped_reason="run ended")
        )


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
