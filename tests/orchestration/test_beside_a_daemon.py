"""Commands beside a living daemon: it does the work, once, for what was asked and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from qbank import postgres
from qbank.stores import runs
from qbank_orchestration import queueing
from qbank_orchestration.instance import instance
from qbank_orchestration.tags import EXAM
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, MakeTemplate, _copy
from tests.orchestration.daemon import daemon, wait_for
from tests.orchestration.requests import PATIENCE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def alive(template: MakeTemplate) -> Iterator[None]:
    """A daemon on a copy of two exams that were never calibrated."""
    with _copy(template), daemon(), instance() as opened:
        wait_for(
            lambda: True if queueing.silent_for(opened) < queueing.ALIVE_S else None,
            PATIENCE,
            "the daemon's first sign of life",
        )
        yield


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
    assert jobs() - before == Counter({("calibrate_exam", ALGEBRA): 1})
    with postgres.connect("orchestration") as conn:
        (row, *_) = runs.list(conn, runs.RunFilter(ALGEBRA, kind="sympson_hetter")).runs
    assert row.params["tau"] == 0.5


def qbank(*arguments: str) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).parent / "qbank"), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


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
