"""Where the embedded server lives and who may use it: root, others, copies, private folders."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from qbank.errors import DatabaseUnavailableError, EmbeddedServerError
from qbank.postgres import connect, embedded, libpq_environment, server_supervisor
from qbank.postgres.data_directory import OUTSIDE
from qbank.settings import Settings
from tests.qbank.environments import make_installation
from tests.qbank.servers import run_python, settings_of, wait_until

ROOT = os.geteuid() == 0


def test_a_pid_that_was_reused_is_not_taken_for_the_server(home, server):
    embedded.stop(server)
    # after a restart of the machine the pid in the file may be anybody's: here it is our own
    pid_file = home / "postgres" / "data" / "postmaster.pid"
    data = (home / "postgres" / "data").resolve()
    lines = [str(os.getpid()), str(data), "0", "20001", "", "127.0.0.1", "0 0", "ready"]
    pid_file.write_text("\n".join(lines) + "\n")
    shutil.chown(pid_file, *(["postgres"] if _has_user("postgres") and ROOT else [os.geteuid()]))
    assert not embedded.is_running(server)
    with connect(settings=server) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_a_half_made_cluster_is_made_anew(home):
    making = home / "postgres" / "making" / "data"
    making.mkdir(parents=True)
    (making / "PG_VERSION").write_text("18\n")
    home.chmod(0o711)
    with connect(settings=settings_of(home)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not making.exists()


def test_another_program_on_its_port_makes_it_move(home, server):
    port = embedded.ensure_running(server)
    embedded.stop(server)
    code = f"import socket; s=socket.create_server(('127.0.0.1',{port})); print('up',flush=True)"
    other = run_python(home, f"{code}; input()", stdin=subprocess.PIPE)
    assert other.stdout.readline() == "up\n"
    try:
        assert embedded.ensure_running(server) != port
    finally:
        other.communicate("\n")


def test_nobody_else_may_read_the_secrets_or_connect_without_them(home, server):
    assert stat.S_IMODE((home / "secrets").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "postgres" / "data").stat().st_mode) == 0o700
    address = libpq_environment("owner", server)
    wrong = server.model_copy(
        update={
            "database_url": SecretStr(
                f"postgresql://qbank:x@127.0.0.1:{address['PGPORT']}/postgres"
            )
        }
    )
    with pytest.raises(DatabaseUnavailableError, match="authentication failed"):
        connect(settings=wrong)


def test_dropping_refuses_while_another_uses_it(home, server):
    code = "import time; from qbank.postgres import connect; connect(); print('up', flush=True)"
    user = run_python(home, f"{code}; time.sleep(60)")
    user.stdout.readline()
    with pytest.raises(EmbeddedServerError, match="in use by another"):
        embedded.drop(server)
    user.kill()
    user.communicate()
    wait_until(lambda: not embedded.is_running(server))
    embedded.drop(server)
    assert not (home / "postgres").exists()


@pytest.mark.skipif(not ROOT, reason="only root hands the server to another user")
def test_below_a_private_folder_it_lives_outside_and_the_folder_stays_private():
    private = Path(tempfile.mkdtemp(prefix="qbank-private-"))
    settings = settings_of(private / "home")
    try:
        with connect(settings=settings) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        outside = (private / "home" / "postgres").resolve()
        assert outside.parent == OUTSIDE
        # a copy of the checkout does not work on the first one's data
        shutil.copytree(private, private / "copy", symlinks=True, ignore=_no_sockets)
        copied = settings_of(private / "copy" / "home")
        with connect(settings=copied):
            assert (copied.home / "postgres").resolve() != outside
    finally:
        for each in (settings, settings_of(private / "copy" / "home")):
            embedded.drop(each, force=True)
        shutil.rmtree(private)
    assert not outside.exists()


@pytest.mark.skipif(not ROOT, reason="only root hands the server to another user")
def test_a_home_that_was_removed_does_not_stand_in_the_way_of_a_new_one():
    private = Path(tempfile.mkdtemp(prefix="qbank-private-"))
    settings = settings_of(private / "home")
    try:
        connect(settings=settings).close()
        embedded.stop(settings)
        shutil.rmtree(private / "home")  # and its passwords, but not the data outside
        with connect(settings=settings) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        embedded.drop(settings, force=True)
        shutil.rmtree(private)


@pytest.mark.skipif(not ROOT, reason="runs as an ordinary user already")
def test_an_ordinary_user_runs_it_too():
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin") or ""
    same = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    if not python or subprocess.run([python, "-c", same], check=False).returncode:
        pytest.skip("no Python of this version that an ordinary user may run")
    folder = Path(tempfile.mkdtemp(prefix="qbank of an ordinary user "))  # of mode 0700
    make_installation(folder / "env")
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, "nobody")
    code = "from qbank.postgres import connect; print(connect().execute('SELECT 1').fetchone())"
    environment = {
        "QBANK_HOME": str(folder / "home"),
        "QBANK_DATABASE": "postgres",
        "PYTHONPATH": str(folder / "env"),
    }
    try:
        for _ in range(2):  # made, then started again
            done = subprocess.run(
                [python, "-c", code],
                env=environment,
                cwd="/",
                user="nobody",
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.stdout, done.stderr) == ("(1,)\n", "")
        assert (folder / "home" / "postgres" / "data").owner() == "nobody"
    finally:
        wait_until(lambda: not server_supervisor.orphans(folder / "home" / "postgres" / "data"))
        shutil.rmtree(folder)


def test_a_server_that_is_not_there_is_an_error_that_names_the_variable():
    elsewhere = Settings(
        database_url=SecretStr("postgresql://u:secret-word@127.0.0.1:9/none"),
        database_timeout_s=0.5,
    )
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailableError, match="check QBANK_DATABASE_URL") as refusal:
        connect(settings=elsewhere)
    assert time.monotonic() - began < 5
    assert "secret-word" not in str(refusal.value)


def _has_user(name: str) -> bool:
    return any(entry.pw_name == name for entry in pwd.getpwall())


def _no_sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "data"]
