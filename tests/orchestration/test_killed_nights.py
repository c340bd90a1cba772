"""kill -9 at twenty random moments of the night, half of them while a proposal is on its way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from qbank import postgres
from qbank.stores import exposure, runs
from qbank_orchestration.instance import instance
from qbank_orchestration.recovery import recover_rows
from qbank_orchestration.running import Runner
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, Exams, _copy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

KILLS = 20
LONGEST_NIGHT_S = 300.0
Numbers = dict[str, list[tuple[Any, ...]]]


def test_a_night_killed_anywhere_ends_right_when_it_is_run_again(
    template: tuple[str, Exams], today
):
    seed = random.SystemRandom().randrange(10_000)
    moments = random.Random(seed)  # noqa: S311  (not a secret)
    print(f"the moments are those of seed {seed}")
    with _copy(template):
        began = time.monotonic()
        assert _night().wait(LONGEST_NIGHT_S) == 0
        lasts = time.monotonic() - began
        undisturbed = numbers()
    assert all(undisturbed.values())

    killed = 0
    while killed < KILLS:
        with _copy(template):
            # an exam that is published has nothing due: then another copy is begun
            while killed < KILLS and not _published_twice():
                process = _night()
                _wait(process, moments, lasts, publishing=killed % 2 == 1)
                killed += _kill(process)
                recover_rows(patience_s=15)
                nothing_is_half_done()
            with instance() as opened:
                night = Runner(opened).night(today)
            assert night.success, [run.error for run in night.ended]
            nothing_is_half_done()
            assert numbers() == undisturbed


def numbers() -> Numbers:
    """What delivery reads, without the times."""
    with postgres.connect("owner") as conn:
        return {
            table: conn.execute(statement).fetchall()
            for table, statement in {
                "parameters": "SELECT exam_code, question_id, version, model, a, b, c, se_a, se_b"
                " FROM item_calibration ORDER BY 1, 2, 3, 4",
                "control": "SELECT exam_code, question_id, version, sh_p"
                " FROM item_exposure_control ORDER BY 1, 2, 3",
                "history": "SELECT exam_code, question_id, version, before, after, source"
                " FROM item_exposure_history ORDER BY 1, 2, 3, id",
            }.items()
        }


def nothing_is_half_done() -> None:
    """No row says running; each publication is whole, and only ended rows have any."""
    with postgres.connect("owner") as conn:
        assert runs.running(conn) == ()
        assert runs.abandoned(conn, silent_for=timedelta(0), lost_for=timedelta(0)) == ()
        changed: dict[Any, int] = dict(
            conn.execute(
                "SELECT run_id, count(*) FROM item_exposure_history GROUP BY run_id"
            ).fetchall()
        )
        published = dict(
            conn.execute(
                "SELECT id, (result -> 'published' ->> 'changed')::int FROM calibration_runs"
                " WHERE status = 'done' AND kind <> 'irt'"
                " AND (result -> 'published' ->> 'changed')::int > 0"
            ).fetchall()
        )
        assert changed == published
        for exam_code in (ALGEBRA, GEOMETRY):
            in_force = {(c.question_id, c.sh_p) for c in exposure.in_force(conn, exam_code)}
            by_history = {(c.question_id, c.sh_p) for c in exposure.at_end(conn, exam_code)}
            assert in_force == by_history


def _night() -> subprocess.Popen[bytes]:
    """The night as an operator starts it, in a process group of its own."""
    qbank = str(Path(sys.executable).with_name("qbank"))
    with Path(os.devnull).open("wb") as nowhere:
        return subprocess.Popen(
            [qbank, "nightly"], stdout=nowhere, stderr=nowhere, start_new_session=True
        )


def _wait(
    process: subprocess.Popen[bytes], moments: random.Random, lasts: float, *, publishing: bool
) -> None:
    """Until a random moment: of the whole night, or just after a proposal was stored."""
    if not publishing:
        with suppress(subprocess.TimeoutExpired):
            process.wait(moments.uniform(0, lasts))
        return
    for _ in _while_alive(process):
        with postgres.connect("owner") as conn:
            if conn.execute(
                "SELECT 1 FROM calibration_runs WHERE status = 'running' AND result ? 'proposal'"
            ).fetchone():
                break
    time.sleep(moments.uniform(0, 0.3))


def _while_alive(process: subprocess.Popen[bytes]) -> Iterator[None]:
    while process.poll() is None:
        yield
        time.sleep(0.02)


def _kill(process: subprocess.Popen[bytes]) -> bool:
    """Whether there was something to kill."""
    alive = process.poll() is None
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)
    return alive


def _published_twice() -> bool:
    with postgres.connect("owner") as conn:
        return all(runs.latest(conn, code, "sympson_hetter") for code in (ALGEBRA, GEOMETRY))
