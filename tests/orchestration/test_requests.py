"""A request by run config or command line: filled for the exam, or refused with its reason."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta

import dagster as dg
import pytest
from psycopg.types.json import Jsonb

from qbank import postgres
from qbank.stores import runs
from qbank_orchestration.engine.backfill import partition_key
from qbank_orchestration.running import Ended, Runner
from tests.orchestration.conftest import ALGEBRA, Exams

OPS = {"sympson_hetter": "sympson_hetter_calibration", "reestimation": "sh_p_reestimation"}
JOBS = {"sympson_hetter": "calibrate_exam", "reestimation": "reestimate_exam"}


def do(runner: Runner, kind: str, day: date, **config: object) -> tuple[Ended, runs.Run]:
    """Runs a job as Dagit's launchpad does; gives its end and its row."""
    partition = ALGEBRA if kind == "sympson_hetter" else partition_key(ALGEBRA, day)
    ended = runner.run(JOBS[kind], partition=partition, ops={OPS[kind]: {"config": config}})
    with postgres.connect("orchestration") as conn:
        return ended, runs.list(conn, runs.RunFilter(kind=kind)).runs[0]


def test_the_row_of_a_run_keeps_the_request_with_the_exams_own_values(
    exams: Exams, runner: Runner, today: date
):
    policy = {"n": 3000, "theta_dist": "normal(.5,1)", "reestimation": {"days": 3, "floor": 0.2}}
    with postgres.connect("owner") as conn:
        conn.execute("UPDATE exams SET policy = %s WHERE exam_code = 'algebra'", (Jsonb(policy),))
    ended, row = do(runner, "sympson_hetter", today, iters=4)
    assert ended.success, ended.error
    own = {"n": 3000, "theta_dist": "normal(.5,1)", "tau": 0.4, "test_len": 10}
    assert row.params.items() >= (own | {"iters": 4, "alpha": 1.0, "floor": 0.02}).items()

    ended, row = do(runner, "reestimation", today - timedelta(days=3), ceil=0.9)
    assert ended.success, ended.error
    own = {"days": 3, "floor": 0.2, "tau": 0.4, "rule": "nudge", "basis": "sessions"}
    assert row.params.items() >= (own | {"ceil": 0.9}).items()


@pytest.mark.parametrize(
    ("kind", "config", "message"),
    [
        ("sympson_hetter", {"theta_dist": "normal(0,0)"}, "theta_dist is 'normal(0,0)': the sd"),
        ("sympson_hetter", {"floor": 0.9, "ceil": 0.1}, "floor 0.9 lies above ceil 0.1"),
        ("reestimation", {"fading": 2.0}, "fading is 2.0: give a number above 0, at most 1"),
    ],
)
def test_a_wrong_number_fails_the_row_which_says_why(
    exams: Exams, runner: Runner, today: date, kind: str, config: dict[str, object], message: str
):
    ended, row = do(runner, kind, today, **config)
    assert not ended.success
    assert row.status == "failed"
    assert message in (row.error or "")


def test_a_word_that_is_none_is_refused_before_anything_runs(
    exams: Exams, runner: Runner, today: date
):
    with pytest.raises(dg.DagsterInvalidConfigError, match="rule not in enum type Rule got shove"):
        do(runner, "reestimation", today, rule="shove")
    with postgres.connect("orchestration") as conn:
        assert runs.list(conn).total == 0


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("calibrate --theta-dist empirical", "theta_dist is 'empirical': give \"normal(mean,sd)\""),
        ("calibrate --alpha 0", "alpha is 0.0: give a number above 0, at most 1"),
        ("calibrate --topic-tau [1]", "--topic-tau '[1]' is no JSON object"),
        ('calibrate --topic-tau {"Sets":0.1}', "topic 'Sets' is unknown: give a topic's id"),
        ("reestimate --days 0", "days is 0: give a whole number from 1 to 365"),
        ("reestimate --rule shove", "rule is 'shove': give nudge or eligibility"),
    ],
)
def test_the_command_line_refuses_at_once_in_one_line(exams: Exams, command: str, message: str):
    program = "from qbank.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *command.split(), "--exam", ALGEBRA],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"qbank: {message}"), done.stderr
    assert done.stderr.count("\n") == 1
