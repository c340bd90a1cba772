"""kill -9 at random moments of the night and of publication, twenty in all."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from qbank import postgres
from qbank.stores import exposure, runs
from qbank_orchestration import recovery
from qbank_orchestration.engine import publication
from qbank_orchestration.instance import instance
from qbank_orchestration.running import Runner
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, Exams, MakeTemplate, copied
from tests.orchestration.requests import in_force

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(1800)]

NIGHTS, PUBLICATIONS = 3, 17
LONGEST_NIGHT_S = 300.0
Numbers = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def moments() -> random.Random:
    seed = random.SystemRandom().randrange(10_000)
    print(f"the moments are those of seed {seed}")
    return random.Random(seed)  # noqa: S311  (not a secret)


def test_a_night_killed_anywhere_ends_right_when_it_is_run_again(
    template: MakeTemplate, moments: random.Random, today, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(recovery, "SILENT_FOR", timedelta(seconds=1))
    with copied(template):
        began = time.monotonic()
        assert _night().wait(LONGEST_NIGHT_S) == 0
        lasts = time.monotonic() - began
        undisturbed = numbers()
    assert all(undisturbed.values())

    killed = 0
    while killed < NIGHTS:
        with copied(template):
            # an exam that is published has nothing due: then another copy is begun
            while killed < NIGHTS and not _published_twice():
                process = _night()
                _wait(process, moments, lasts, publishing=killed % 2 == 1)
                killed += _kill(process)
                recovery.recover_rows(patience_s=15)
                nothing_is_half_done()
            with instance() as opened:
                night = Runner(opened).night(today)
            assert night.success, [run.error for run in night.ended]
            nothing_is_half_done()
            assert numbers() == undisturbed


def test_a_publication_killed_anywhere_is_whole_or_not_at_all(
    calibrated: Exams, moments: random.Random
):
    began = time.monotonic()
    os.waitpid(_publishing(_proposed(0)), 0)
    lasts = time.monotonic() - began
    for number in range(1, PUBLICATIONS + 1):
        before, run_id = in_force(), _proposed(number)
        process = _publishing(run_id)
        time.sleep(moments.uniform(0, lasts))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        with postgres.connect("orchestration") as conn:
            # what the killed process had begun is over when its lock is free
            exposure.lock(conn, ALGEBRA)
            run = runs.get(conn, run_id)
        published = [k for _, k in in_force()].count(_value(number)) == FREE
        assert (run.status, published) in (("proposed", False), ("done", True))
        assert published or in_force() == before
        if not published:
            with postgres.connect("orchestration") as conn:
                assert publication.publish(conn, run_id).status == "done"
        nothing_is_half_done()
        assert [k for _, k in in_force()].count(_value(number)) == FREE


FREE = 20  # items whose sh_p a proposal changes; the others leave enough for a test


def _value(number: int) -> float:
    return 0.5 + number / 100


def _proposed(number: int) -> UUID:
    """A row with a proposal of its own, which waits for its publication."""
    with postgres.connect("orchestration") as conn:
        last = runs.latest(conn, ALGEBRA, "sympson_hetter")
        assert last is not None
        result = runs.get(conn, last.id).result
        assert result is not None
        proposal = result["proposal"]
        proposal["sh_p"] = [_value(number)] * FREE + [1.0] * (len(proposal["sh_p"]) - FREE)
        run = runs.create(
            conn, kind="sympson_hetter", exam_code=ALGEBRA, params={}, requested_by="me", seed=1
        )
        runs.claim(conn, run.id, orchestrator_run_id=f"killed {number}")
        runs.propose(conn, run.id, result, input_fingerprint=proposal["input_fingerprint"])
    return run.id


def _publishing(run_id: UUID) -> int:
    """A process that publishes a proposal and ends; forked, so that it begins at once."""
    process = os.fork()
    if process == 0:
        try:
            with postgres.connect("orchestration") as conn:
                publication.publish(conn, run_id)
        finally:
            os._exit(0)
    return process


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
    began = datetime.now(UTC)  # an earlier night may have left a proposal behind
    fresh = "SELECT 1 FROM calibration_runs WHERE status = 'proposed' AND created_at > %s"
    for _ in _while_alive(process):
        with postgres.connect("owner") as conn:
            if conn.execute(fresh, (began,)).fetchone():
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
