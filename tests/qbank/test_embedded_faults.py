"""The embedded server under faults: killed, raced for, left by its users."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from qbank.postgres import connect, embedded, libpq_environment, pool, server_supervisor
from qbank.postgres.installation import program
from tests.qbank.servers import postmaster_of, run_python, settings_of, supervisor_of, wait_until


@pytest.mark.parametrize(
    "victims", [("postmaster",), ("supervisor",), ("postmaster", "supervisor")]
)
def test_it_survives_kill_9(server, victims):
    with connect(settings=server) as connection:
        connection.execute("INSERT INTO kept VALUES (1)")
    before = postmaster_of(server)
    pids = {"postmaster": before, "supervisor": supervisor_of(server)}
    for victim in victims:
        os.kill(pids[victim], signal.SIGKILL)
    with connect(settings=server) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(1,)]
    if "supervisor" not in victims:
        assert postmaster_of(server) != before


def test_what_was_acknowledged_survives_the_death_of_the_postmaster(server):
    with connect(settings=server, autocommit=True) as connection:
        for n in range(50):
            connection.execute("INSERT INTO kept VALUES (%s)", [n])
        os.kill(postmaster_of(server), signal.SIGKILL)
    with connect(settings=server) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (50,)


def test_it_starts_again_for_programs_that_only_have_the_address(server):
    """dbt and Dagster connect by themselves: the supervisor brings the server back for them."""
    address = libpq_environment("owner", server)
    os.kill(postmaster_of(server), signal.SIGKILL)
    psql = [program("psql"), "-tAc", "SELECT 1"]

    def answers():
        done = subprocess.run(psql, env=address, capture_output=True, text=True, check=False)
        return done.stdout.strip() == "1"

    wait_until(answers)


def test_a_pool_hands_out_good_connections_after_a_backend_was_killed(server):
    with pool("owner", settings=server, min_size=1, max_size=1) as connections:
        with connections.connection() as connection:
            pid = connection.info.backend_pid
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
        with connections.connection(timeout=30) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_last_user_out_stops_the_server(home):
    settings = settings_of(home)
    user = run_python(home, "from qbank.postgres import connect; connect(); print('up')")
    assert user.communicate()[0] == "up\n"
    wait_until(lambda: not server_supervisor.orphans(home / "postgres" / "data"))
    assert not embedded.is_running(settings)


def test_a_user_that_is_killed_leaves_no_server_behind(home):
    settings = settings_of(home)
    code = "import time; from qbank.postgres import connect; connect(); print('up', flush=True)"
    user = run_python(home, f"{code}; time.sleep(60)")
    assert user.stdout.readline() == "up\n"
    assert embedded.is_running(settings)
    user.kill()
    user.communicate()
    wait_until(lambda: not embedded.is_running(settings))


def test_one_user_leaving_does_not_stop_it_for_another(home, server):
    user = run_python(home, "from qbank.postgres import connect; connect(); print('up')")
    user.communicate()
    time.sleep(0.3)
    assert embedded.is_running(server)


def test_a_forked_child_keeps_the_server_for_itself(home):
    """Workers that are forked hold a lease of their own when their parent is gone."""
    code = """
import os, sys, time
from qbank.postgres import connect
connect()
if os.fork():
    os._exit(0)
time.sleep(1.0)
from qbank.settings import get_settings
from qbank.postgres import embedded
print(embedded.is_running(get_settings()))
"""
    assert run_python(home, code).communicate()[0] == "True\n"
    wait_until(lambda: not embedded.is_running(settings_of(home)))


def test_many_may_come_at_once(home):
    code = "from qbank.postgres import connect; print(connect().execute('SELECT 1').fetchone())"
    users = [run_python(home, code) for _ in range(4)]
    assert [user.communicate()[0] for user in users] == ["(1,)\n"] * 4
