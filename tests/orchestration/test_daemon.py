"""With the daemon alive: requests, cancellation, a failed audit, a killed worker, a night."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import pytest

from qbank import postgres
from qbank.stores import audit, exposure, runs
from qbank_orchestration import retries
from qbank_orchestration.instance import instance
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, MakeTemplate, copied
from tests.orchestration.daemon import daemon, wait_for
from tests.orchestration.requests import PATIENCE, ended, in_force, look, request

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def alive(calibrated_template: MakeTemplate) -> Iterator[int]:
    """A daemon on a calibrated copy; its process id."""
    with copied(calibrated_template), daemon() as process:
        with instance() as opened:
            wait_for(
                lambda: True if opened.has_dynamic_partition("exam", GEOMETRY) else None,
                PATIENCE,
                "the exam partitions sensor",
            )
        yield process.pid


def test_a_queued_row_becomes_a_run_with_progress_and_is_published(alive: int):
    before = in_force()
    run_id = request(tau=0.5)
    asked = time.monotonic()

    def launched() -> float | None:
        with instance() as opened:
            found = opened.get_runs_count(dg.RunsFilter(tags={"qbank/row": str(run_id)}))
        return time.monotonic() - asked if found else None

    took = wait_for(launched, PATIENCE, "the run of a queued row")
    print(f"a queued row had its run after {took:.1f} s")
    run = ended(run_id)
    assert run.status == "done", run.error
    assert [entry["iter"] for entry in run.history] == list(range(1, len(run.history) + 1))
    assert run.result is not None
    assert run.result["published"]["changed"] > 0
    assert in_force() != before
    # asked once, run once
    with instance() as opened:
        assert opened.get_runs_count(dg.RunsFilter(tags={"qbank/row": str(run_id)})) == 1


def test_a_failed_audit_rejects_and_the_old_values_stay(alive: int):
    before = in_force()
    # five iterations of a small sample cannot bound the exposure
    run = ended(request(tau=0.3, n=50, iters=1, alpha=0.1))
    assert run.status == "rejected"
    assert run.error is not None
    assert "exposure_bound" in run.error
    assert in_force() == before


def test_wrong_parameters_fail_with_a_reason(alive: int):
    run = ended(request(taus=0.3))
    assert run.status == "failed"
    assert run.error is not None
    assert "'taus' is unknown" in run.error


def test_cancel_stops_a_run_at_its_next_iteration(alive: int):
    before = in_force()
    run_id = request(n=1_000_000, iters=1000)
    wait_for(lambda: look(run_id).history or None, PATIENCE, "the first iteration")
    with postgres.connect("delivery") as conn:
        conn.execute(
            "SELECT set_config('qbank.tenant_id', 't', true), set_config('qbank.actor', 'a', true)"
        )
        runs.request_cancel(conn, run_id)
        audit.noting(conn, "t", "a")("calibration.cancel", f"run={run_id}")
    run = ended(run_id)
    assert (run.status, run.stopped_reason) == ("canceled", "canceled")
    assert in_force() == before


def test_a_killed_worker_leaves_no_row_running_and_frees_the_exam(alive: int):
    before = in_force()
    run_id = request(n=1_000_000, iters=1000)
    wait_for(lambda: look(run_id).history or None, PATIENCE, "the first iteration")
    orchestrator = look(run_id).orchestrator_run_id
    assert orchestrator is not None
    os.kill(_worker(orchestrator), signal.SIGKILL)
    run = ended(run_id)
    assert run.status == "failed"
    assert run.error is not None
    assert in_force() == before
    # whoever asked was told that it failed: nothing starts for it behind their back
    with instance() as opened:
        lost = wait_for(lambda: _decided(opened, orchestrator), PATIENCE, "what becomes of the run")
        assert not retries.comes(lost)
    # the exam is free again
    assert ended(request(tau=0.45)).status == "done"


def test_a_rollback_request_is_one_more_run(alive: int):
    with postgres.connect("orchestration") as conn:
        first = runs.list(conn, runs.RunFilter(kind="sympson_hetter", status="done")).runs[-1]
        then = exposure.after_run(conn, ALGEBRA, first.id)
    run = ended(request("rollback", run_id=str(first.id)))
    assert run.status == "done", run.error
    assert dict(in_force()) == {c.question_id: c.sh_p for c in then}


def test_no_row_is_left_running(alive: int):
    with postgres.connect("orchestration") as conn:
        assert runs.running(conn) == ()
        assert runs.abandoned(conn, silent_for=timedelta(0), lost_for=timedelta(0)) == ()


def _decided(opened: dg.DagsterInstance, run_id: str) -> dg.DagsterRun | None:
    run = opened.get_run_by_id(run_id)
    return run if run is not None and retries.is_decided(run) else None


def _worker(orchestrator_run_id: str) -> int:
    """The process that executes a run, as the run's own log tells it."""
    with instance() as opened:
        told = [
            re.search(r"\(pid: (\d+)\)", entry.user_message or "")
            for entry in opened.all_logs(orchestrator_run_id)
        ]
    return int(next(match[1] for match in told if match))
