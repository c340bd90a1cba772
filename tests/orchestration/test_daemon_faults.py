"""kill -9 of Postgres and of the daemon while a run works."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from qbank import postgres
from qbank.settings import get_settings
from qbank.stores import exposure, runs
from tests.orchestration.conftest import ALGEBRA, MakeTemplate, copied
from tests.orchestration.daemon import daemon, wait_for
from tests.orchestration.requests import ended, in_force, look, request
from tests.qbank.servers import postmaster_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module", autouse=True)
def calibrated_exam(calibrated_template: MakeTemplate) -> Iterator[None]:
    with copied(calibrated_template):
        yield


def test_postgres_killed_under_a_run_leaves_what_was_in_force_or_the_whole_result():
    before = in_force()
    with daemon():
        run_id = request(n=1_000_000, iters=1000, tau=0.34)
        wait_for(lambda: look(run_id).history or None, 300, "the first iteration")
        killed = postmaster_of(get_settings())
        os.kill(killed, signal.SIGKILL)
        # a worker that was simulating may find the new server before it needs it
        run = ended(run_id)
        assert postmaster_of(get_settings()) != killed
        assert run.status in ("failed", "done"), run.error
        assert (in_force() == before) == (run.status == "failed")
        _history_agrees()
        published = in_force()
        assert ended(request(tau=0.5)).status == "done"
        assert in_force() != published


def test_a_killed_daemon_is_followed_by_one_that_goes_on():
    with daemon() as killed:
        run_id = request(n=500_000, iters=12)
        wait_for(lambda: look(run_id).history or None, 300, "the first iteration")
        waiting = request(tau=0.35)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait(20)
        with daemon():
            # its worker is a process of its own and ends what it began, or it died with the daemon
            assert ended(run_id).status in ("done", "failed")
            assert ended(waiting).status == "done"
    _history_agrees()


def _history_agrees() -> None:
    with postgres.connect("orchestration") as conn:
        assert runs.running(conn) == ()
        assert [(c.question_id, c.sh_p) for c in exposure.at_end(conn, ALGEBRA)] == in_force()
