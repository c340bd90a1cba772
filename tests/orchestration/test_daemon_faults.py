"""kill -9 of Postgres and of the daemon while a run works; on a server of the tests' own."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qbank import migrations, postgres
from qbank.postgres import embedded
from qbank.settings import get_settings
from qbank.stores import exposure, runs
from qbank_orchestration.instance import instance
from qbank_orchestration.running import Runner
from tests.orchestration.conftest import ALGEBRA
from tests.orchestration.daemon import daemon, wait_for
from tests.orchestration.planted import plant
from tests.orchestration.requests import ended, in_force, look, request

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.xdist_group("orchestration, a server of its own"),
]


@pytest.fixture(scope="module", autouse=True)
def own_server() -> Iterator[None]:
    """A calibrated exam on a server that may be killed."""
    before = dict(os.environ)
    home = tempfile.mkdtemp(prefix="qbank-faults-")
    Path(home).chmod(0o711)
    os.environ.pop("QBANK_DATABASE", None)
    os.environ |= {"QBANK_HOME": home, "QBANK_POSTGRES_FSYNC": "true"}
    try:
        migrations.migrate()
        plant(ALGEBRA)
        with instance() as opened:
            runner = Runner(opened)
            for job, partition in (("rebuild_marts", None), ("nightly", ALGEBRA)):
                done = runner.run(job, partition=partition)
                assert done.success, done.error
        yield
    finally:
        embedded.drop(get_settings(), force=True)
        os.environ.clear()
        os.environ |= before
        shutil.rmtree(home, ignore_errors=True)


def test_postgres_killed_under_a_run_leaves_what_was_in_force():
    before = in_force()
    with daemon():
        run_id = request(n=1_000_000, iters=1000)
        wait_for(lambda: look(run_id).history or None, 300, "the first iteration")
        os.kill(_postmaster(), signal.SIGKILL)
        run = ended(run_id)
        assert run.status == "failed", run.error
        assert in_force() == before
        assert ended(request(tau=0.5)).status == "done"
        assert in_force() != before


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
    with postgres.connect("orchestration") as conn:
        assert runs.running(conn) == ()
        assert [(c.question_id, c.sh_p) for c in exposure.at_end(conn, ALGEBRA)] == in_force()


def _postmaster() -> int:
    with postgres.connect("owner", database="postgres") as conn:
        row = conn.execute("SHOW data_directory").fetchone()
    assert row
    return int((Path(row[0]) / "postmaster.pid").read_text().splitlines()[0])
