"""What a killed night left at work is ended by the next command, where no daemon does it."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import dagster as dg
import pytest

from qbank import postgres
from qbank.stores import runs
from qbank_orchestration import recovery
from qbank_orchestration.console import Console
from qbank_orchestration.engine.working_rows import WorkingRows
from qbank_orchestration.instance import instance
from qbank_orchestration.presence import present
from tests.orchestration.conftest import ALGEBRA, Exams


def test_the_next_command_ends_the_row_and_the_run_of_a_killed_one(
    exams: Exams, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(recovery, "SILENT_FOR", timedelta(seconds=1))
    monkeypatch.setattr(recovery, "GONE_FOR", timedelta(seconds=2))
    monkeypatch.setattr(recovery, "QUIET_FOR", timedelta(0))
    with instance() as opened:
        run = dg.DagsterRun(job_name="nightly", status=dg.DagsterRunStatus.STARTED)
        opened.add_run(run)
        row = _killed_at_work(run.run_id)
        with Console() as console:
            console.runner()
        after = opened.get_run_by_id(run.run_id)
    with postgres.connect("orchestration") as conn:
        ended = runs.get(conn, row.id)
    assert (ended.status, ended.error) == ("failed", recovery.REASON)
    assert after.status == dg.DagsterRunStatus.FAILURE
    said = " ".join(capfd.readouterr().err.split())
    assert f"sympson_hetter of {ALGEBRA} is ended, run {row.id}: {recovery.REASON}" in said
    assert f"nightly is ended, Dagster run {run.run_id}" in said


def _killed_at_work(dagster_run_id: str) -> runs.Run:
    """A row whose process was killed while it held it."""
    with postgres.connect("orchestration") as conn:
        row = runs.create(
            conn, kind="sympson_hetter", exam_code=ALGEBRA, params={}, requested_by="me", seed=1
        )
    process = os.fork()
    if process == 0:
        rows = WorkingRows(lambda: postgres.connect("orchestration", autocommit=True))
        with present(dagster_run_id), rows:
            rows.take(row.id, dagster_run_id)
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(process, 0)
    return row
