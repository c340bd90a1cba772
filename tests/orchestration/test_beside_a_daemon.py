"""Commands beside a living daemon: it does the work, once, for what was asked and nothing else."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import dagster as dg
import pytest

from qbank import postgres
from qbank.stores import runs
from qbank_orchestration import queueing
from qbank_orchestration.instance import instance
from qbank_orchestration.tags import EXAM
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, MakeTemplate, copied
from tests.orchestration.daemon import daemon, wait_for
from tests.orchestration.requests import PATIENCE, ended

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def alive(template: MakeTemplate) -> Iterator[None]:
    """A daemon on a copy of two exams that were never calibrated."""
    with copied(template), daemon(), instance() as opened:
        wait_for(
            lambda: True if queueing.silent_for(opened) < queueing.ALIVE_S else None,
            PATIENCE,
            "the daemon's first sign of life",
        )
        yield


@pytest.fixture(scope="module")
def calibrated(alive: None) -> None:
    """An exam with item parameters, whichever tests ran before."""
    with postgres.connect("orchestration") as conn:
        nights = runs.list(conn, runs.RunFilter(ALGEBRA, kind="irt", status="done")).runs
    if not nights:
        end(qbank("nightly", "--exam", ALGEBRA, "--json"))


def test_two_nights_at_once_are_one_and_nothing_runs_twice(alive: None):
    both = [qbank("nightly", "--json") for _ in range(2)]
    told = [json.loads(end(process)) for process in both]
    assert told[0] != {}
    assert [run["success"] for one in told for run in one["runs"]] == [True] * 12
    assert jobs() == {
        ("rebuild_marts", None): 1,
        ("nightly", ALGEBRA): 1,
        ("nightly", GEOMETRY): 1,
        ("reestimate_exam", ALGEBRA): 1,
        ("reestimate_exam", GEOMETRY): 1,
        ("refresh_results", None): 1,
    }


def test_a_night_of_one_exam_leaves_the_others_alone(alive: None):
    before = jobs()
    told = json.loads(end(qbank("nightly", "--exam", ALGEBRA, "--full", "--json")))
    assert [run["partition"] for run in told["runs"] if run["job"] == "nightly"] == [ALGEBRA]
    assert jobs() - before == {
        ("rebuild_marts", None): 1,
        ("nightly", ALGEBRA): 1,
        ("refresh_results", None): 1,
    }


def test_a_calibration_by_hand_is_one_more_request(alive: None):
    before = jobs()
    told = json.loads(end(qbank("calibrate", "--exam", ALGEBRA, "--tau", "0.5", "--json")))
    assert [run["success"] for run in told["runs"]] == [True]
    assert told["runs"][0]["checks_passed"] > 5
    begun = jobs() - before
    # once for what was published, by the sensor's next look: now or in a moment
    assert begun.pop(("refresh_results", None), 0) <= 1
    assert begun == Counter({("calibrate_exam", ALGEBRA): 1})
    with postgres.connect("orchestration") as conn:
        (row, *_) = runs.list(conn, runs.RunFilter(ALGEBRA, kind="sympson_hetter")).runs
    assert row.params["tau"] == 0.5


LONG = ("calibrate", "--exam", ALGEBRA, "--n", "200000", "--iters", "40", "--tau")


def test_ctrl_c_leaves_the_work_to_the_daemon(calibrated: None):
    following = qbank(*LONG, "0.51")
    row_id = simulating(0.51)
    following.send_signal(signal.SIGINT)
    _, told = following.communicate(timeout=60)
    assert "the daemon goes on with it, and Dagit shows it" in " ".join(told.split())
    assert following.returncode == 130
    assert ended(row_id).status == "done"


@pytest.mark.timeout(600)
def test_ctrl_c_at_a_terminal_asks_and_cancels(calibrated: None):
    keyboard, terminal = pty.openpty()
    following = qbank(*LONG, "0.52", stdin=terminal, stderr=terminal)
    row_id = simulating(0.52)
    following.send_signal(signal.SIGINT)
    shown = ""
    while "cancel it? [y/N]" not in " ".join(shown.split()):
        shown += os.read(keyboard, 4096).decode()
    os.write(keyboard, b"y\n")
    assert following.wait(60) == 130
    os.close(keyboard)
    os.close(terminal)
    assert ended(row_id).status == "canceled"


def test_ctrl_c_before_a_night_is_queued_leaves_it_whole(alive: None):
    before = jobs()
    following = qbank("nightly", "--exam", GEOMETRY, start_new_session=True)
    launching = wait_for(lambda: child_of(following.pid), PATIENCE, "dagster job launch")
    os.killpg(following.pid, signal.SIGINT)  # as a terminal does, to all of the group
    _, told = following.communicate(timeout=120)
    assert "the daemon goes on with it, and Dagit shows it" in " ".join(told.split())
    assert not Path(f"/proc/{launching}").exists()

    def over() -> bool | None:
        return jobs()["refresh_results", None] > before["refresh_results", None] or None

    wait_for(over, 2 * PATIENCE, "the end of the night")
    assert (jobs() - before)["rebuild_marts", None] == 1


def simulating(tau: float) -> UUID:
    """The row of the exam's calibration to that tau, once it simulates."""

    def look() -> UUID | None:
        with postgres.connect("orchestration") as conn:
            for row in runs.list(conn, runs.RunFilter(ALGEBRA, status="running")).runs:
                if row.params.get("tau") == tau and runs.get(conn, row.id).history:
                    return row.id
        return None

    return wait_for(look, PATIENCE, "the simulation")


def child_of(pid: int) -> int | None:
    """A process that another one started as `dagster job launch`."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(FileNotFoundError):
            if b"job\0launch" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    return None


def qbank(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).parent / "qbank"), *arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen(command, text=True, **streams)


def end(process: subprocess.Popen[str]) -> str:
    out, told = process.communicate(timeout=900)
    assert process.returncode == 0, told
    assert "it does the work, this command follows" in " ".join(told.split())
    return out


def jobs() -> Counter[tuple[str, str | None]]:
    """How often each job ran for each exam."""
    with instance() as opened:
        return Counter(
            (run.job_name, run.tags.get(EXAM)) for run in opened.get_runs(dg.RunsFilter())
        )
