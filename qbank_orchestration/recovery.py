"""Ends the rows, and the Dagster runs, of processes that are gone.

A killed worker cannot say that it died: its row would be running for ever. Whoever looks next
(a sensor every half minute, a command before it starts) ends it with a reason, and the exam is
free for the next run. Nothing half-published can be behind it, for publication is one transaction.

What never lives here: repeating the lost work.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from qbank import postgres
from qbank.stores import presence, runs
from qbank_orchestration.tags import KIND

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

SILENT_FOR = timedelta(seconds=10)
"""Five heartbeats: silence after which a row that nobody holds is given up."""
LOST_FOR = timedelta(minutes=10)
"""Silence after which even a held row is: its machine hangs or is cut off."""
GONE_FOR = timedelta(seconds=20)
"""Silence after which a run's process is gone: six beats."""
QUIET_FOR = timedelta(seconds=7)
"""Silence after which it may be: two beats, and worth waiting for more."""

UNBEGUN_FOR = timedelta(minutes=2)
"""Time after which a run that was made begins no more: Dagster queues or begins it in a second."""
UNBEGUN = "the process that made it went before it began; nothing was published"

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
    instance: DagsterInstance, *, patience_s: float = 0.0
) -> tuple[DagsterRun, ...]:
    """Ends runs of this platform that say they run while their processes fell silent.

    Dagster's own monitoring sees a worker die only while the code server that started it lives.
    Runs of other code locations of the instance never showed a presence here and are left alone.

    Args:
        instance: of the runs.
        patience_s: how long to wait for runs that fell silent only just now.

    Returns:
        The runs that were ended.
    """
    ended = _end_unbegun(instance)
    deadline = time.monotonic() + patience_s
    with postgres.connect("orchestration", autocommit=True) as conn:
        while True:
            for run_id in presence.missing(conn, silent_for=GONE_FOR):
                ended += _end_gone(instance, run_id)
                presence.forget(conn, run_id)
            if time.monotonic() >= deadline or not presence.any_silent(conn, silent_for=QUIET_FOR):
                return tuple(ended)
            time.sleep(0.5)


def _end_unbegun(instance: DagsterInstance) -> list[DagsterRun]:
    """Ends runs that were made and never queued nor begun: who made them died in between.

    A run of the command line, or of several small exams, begins in the process that makes it.
    """
    import dagster as dg

    made = instance.get_runs(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.NOT_STARTED],
            created_before=datetime.now(UTC) - UNBEGUN_FOR,
        )
    )
    ours = [run for run in made if KIND in run.tags]
    for run in ours:
        instance.report_run_failed(run, UNBEGUN)
    return ours


def _end_gone(instance: DagsterInstance, run_id: str) -> list[DagsterRun]:
    import dagster as dg

    run = instance.get_run_by_id(run_id)
    if run is None or run.status not in (
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ):
        return []
    instance.report_run_failed(run, REASON)
    return [run]


def end_rows_of(dagster_run_id: str, status: runs.Status, error: str) -> tuple[runs.Run, ...]:
    """Ends the rows that a Dagster run left at work.

    What it proposed outlives its failure: the row says why it was not published, and a re-execution
    from failure publishes it. A canceled run takes its proposal back.

    Returns:
        The rows that were ended.
    """
    canceled = status == "canceled"
    doomed: tuple[runs.Status, ...] = ("running", "proposed") if canceled else ("running",)
    with postgres.connect("orchestration") as conn:
        of_run = runs.of_orchestrator(conn, dagster_run_id)
        for run in of_run:
            if run.status == "proposed" and not canceled:
                runs.remark(conn, run.id, f"proposed and not published: {error}")
        return tuple(
            run
            for run in of_run
            if run.status in doomed
            and runs.finish(
                conn, run.id, status, error=error, stopped_reason="run ended", only_if=doomed
            )
        )


def _end_abandoned() -> list[runs.Run]:
    with postgres.connect("orchestration") as conn:
        found = runs.abandoned(conn, silent_for=SILENT_FOR, lost_for=LOST_FOR)
        return [
            run
            for run in found
            if runs.finish(
                conn,
                run.id,
                "failed",
                error=REASON,
                stopped_reason="died",
                only_if=("running",),
            )
        ]


def _unheld() -> bool:
    """Whether a running row has no living process behind it."""
    with postgres.connect("orchestration") as conn:
        return bool(runs.abandoned(conn, silent_for=timedelta(0), lost_for=LOST_FOR))
