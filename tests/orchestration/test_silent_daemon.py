"""A command whose daemon falls silent takes back what was not begun, and says so."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from qbank import postgres
from qbank.errors import QbankError
from qbank.stores import runs
from qbank_orchestration import queueing
from qbank_orchestration.asking import Request
from qbank_orchestration.instance import instance
from tests.orchestration.conftest import ALGEBRA, Exams


@pytest.fixture
def silent(exams: Exams, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance whose daemon gave its last sign of life just now."""
    monkeypatch.setattr(queueing, "SILENT_S", 3.0)
    with instance() as opened:
        for name in ("SENSOR", "QUEUED_RUN_COORDINATOR"):
            opened.add_daemon_heartbeat(DaemonHeartbeat(time.time(), name, "gone", []))
        yield opened


def test_requests_are_taken_back(silent: dg.DagsterInstance):
    asked = [Request("sympson_hetter", ALGEBRA, {"tau": tau}) for tau in (0.4, 0.5)]
    with pytest.raises(QbankError, match=r"silent since \d+ s: 2 pieces of work .* taken back"):
        queueing.Queue(silent).requests(asked)
    with postgres.connect("orchestration") as conn:
        page = runs.list(conn, runs.RunFilter(ALGEBRA))
    assert [run.status for run in page.runs] == ["canceled", "canceled"]


@pytest.mark.slow
def test_a_night_is_taken_back(silent: dg.DagsterInstance):
    with pytest.raises(QbankError, match="1 pieces of work"):
        queueing.Queue(silent).night(datetime.now(UTC).date())
    assert [run.status for run in silent.get_runs()] == [dg.DagsterRunStatus.CANCELED]


@pytest.mark.slow
def test_no_command_trusts_a_daemon_that_was_stopped(silent: dg.DagsterInstance):
    command = [sys.executable, "-c", "from qbank.cli import main; main()", "serve"]
    serve = subprocess.Popen([*command, "--only", "daemon"], stdout=subprocess.PIPE, text=True)
    try:
        assert any("Ctrl-C stops all" in line for line in serve.stdout or ())
        assert queueing.silent_for(silent) < queueing.ALIVE_S
        serve.send_signal(signal.SIGINT)
        assert serve.wait(60) == 0
    finally:
        serve.kill()
        serve.communicate()
    assert queueing.silent_for(silent) == float("inf")
