"""The embedded server under faults: killed, raced for, copied, run by root or an ordinary user."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from qbank.errors import DatabaseUnavailableError, EmbeddedServerError
from qbank.postgres import connect, embedded, keeper, libpq_environment, pool
from qbank.postgres.placement import OUTSIDE, bundled_installation, place
from qbank.settings import Settings, get_settings

ROOT = os.geteuid() == 0


@pytest.fixture
def home():
    folder = Path(tempfile.mkdtemp(prefix="qbank-embedded-"))
    folder.chmod(0o711)
    yield folder / "home"
    embedded.drop(_settings(folder / "home"), force=True)
    shutil.rmtree(folder)


@pytest.fixture
def server(home):
    settings = _settings(home)
    with connect(settings=settings, database="postgres", autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n integer)")
    return settings


def _settings(home: Path) -> Settings:
    return Settings(home=home, database="postgres", postgres_fsync=True)


def _postmaster(settings: Settings) -> int:
    found = keeper.find_postmaster(settings.home / "postgres" / "data")
    assert found is not None
    return found.pid


def _keeper(settings: Settings) -> int:
    return int((settings.home / "run" / "keeper.lock").read_text())


def _wait(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _python(home: Path, code: str, **options) -> subprocess.Popen:
    environment = os.environ | {"QBANK_HOME": str(home), "QBANK_DATABASE": "postgres"}
    return subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True, **options
    )


@pytest.mark.parametrize("victims", [("postmaster",), ("keeper",), ("postmaster", "keeper")])
def test_it_survives_kill_9(server, victims):
    with connect(settings=server) as connection:
        connection.execute("INSERT INTO kept VALUES (1)")
    before = _postmaster(server)
    pids = {"postmaster": before, "keeper": _keeper(server)}
    for victim in victims:
        os.kill(pids[victim], signal.SIGKILL)
    with connect(settings=server) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(1,)]
    if "keeper" not in victims:
        assert _postmaster(server) != before


def test_what_was_acknowledged_survives_the_death_of_the_postmaster(server):
    with connect(settings=server, autocommit=True) as connection:
        for n in range(50):
            connection.execute("INSERT INTO kept VALUES (%s)", [n])
        os.kill(_postmaster(server), signal.SIGKILL)
    with connect(settings=server) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (50,)


def test_it_starts_again_for_programs_that_only_have_the_address(server):
    """dbt and Dagster connect by themselves: the keeper brings the server back for them."""
    address = libpq_environment("owner", server)
    os.kill(_postmaster(server), signal.SIGKILL)
    psql = [str(place(server.home).binaries / "psql"), "-tAc", "SELECT 1"]
    if not Path(psql[0]).exists():  # a copy outside has only the server
        psql[0] = str(bundled_installation() / "bin" / "psql")

    def answers():
        done = subprocess.run(psql, env=address, capture_output=True, text=True, check=False)
        return done.stdout.strip() == "1"

    _wait(answers)


def test_a_pool_hands_out_good_connections_after_a_backend_was_killed(server):
    with pool("owner", settings=server, min_size=1, max_size=1) as connections:
        with connections.connection() as connection:
            pid = connection.info.backend_pid
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
        with connections.connection(timeout=30) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_last_user_out_stops_the_server(home):
    settings = _settings(home)
    user = _python(home, "from qbank.postgres import connect; connect(); print('up')")
    assert user.communicate()[0] == "up\n"
    _wait(lambda: not keeper.orphans(home / "postgres" / "data"))
    assert not embedded.is_running(settings)


def test_a_user_that_is_killed_leaves_no_server_behind(home):
    settings = _settings(home)
    code = "import time; from qbank.postgres import connect; connect(); print('up', flush=True)"
    user = _python(home, f"{code}; time.sleep(60)")
    assert user.stdout.readline() == "up\n"
    assert embedded.is_running(settings)
    user.kill()
    user.communicate()
    _wait(lambda: not embedded.is_running(settings))


def test_one_user_leaving_does_not_stop_it_for_another(home, server):
    user = _python(home, "from qbank.postgres import connect; connect(); print('up')")
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
    assert _python(home, code).communicate()[0] == "True\n"
    _wait(lambda: not embedded.is_running(_settings(home)))


def test_many_may_come_at_once(home):
    code = "from qbank.postgres import connect; print(connect().execute('SELECT 1').fetchone())"
    users = [_python(home, code) for _ in range(4)]
    assert [user.communicate()[0] for user in users] == ["(1,)\n"] * 4


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
    with connect(settings=_settings(home)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not making.exists()


def test_another_program_on_its_port_makes_it_move(home, server):
    port = embedded.ensure_running(server)
    embedded.stop(server)
    code = f"import socket; s=socket.create_server(('127.0.0.1',{port})); print('up',flush=True)"
    other = _python(home, f"{code}; input()", stdin=subprocess.PIPE)
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
            "database_url": _secret(f"postgresql://qbank:x@127.0.0.1:{address['PGPORT']}/postgres")
        }
    )
    with pytest.raises(DatabaseUnavailableError, match="authentication failed"):
        connect(settings=wrong)


def test_dropping_refuses_while_another_uses_it(home, server):
    code = "import time; from qbank.postgres import connect; connect(); print('up', flush=True)"
    user = _python(home, f"{code}; time.sleep(60)")
    user.stdout.readline()
    with pytest.raises(EmbeddedServerError, match="in use by another"):
        embedded.drop(server)
    user.kill()
    user.communicate()
    _wait(lambda: not embedded.is_running(server))
    embedded.drop(server)
    assert not (home / "postgres").exists()


@pytest.mark.skipif(not ROOT, reason="only root hands the server to another user")
def test_below_a_private_folder_it_lives_outside_and_the_folder_stays_private():
    private = Path(tempfile.mkdtemp(prefix="qbank-private-"))
    settings = _settings(private / "home")
    try:
        with connect(settings=settings) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        outside = (private / "home" / "postgres").resolve()
        assert outside.parent == OUTSIDE
        # a copy of the checkout does not work on the first one's data
        shutil.copytree(private, private / "copy", symlinks=True, ignore=_no_sockets)
        copied = _settings(private / "copy" / "home")
        with connect(settings=copied):
            assert (copied.home / "postgres").resolve() != outside
    finally:
        for each in (settings, _settings(private / "copy" / "home")):
            embedded.drop(each, force=True)
        shutil.rmtree(private)
    assert not outside.exists()


@pytest.mark.skipif(not ROOT, reason="only root hands the server to another user")
def test_a_home_that_was_removed_does_not_stand_in_the_way_of_a_new_one():
    private = Path(tempfile.mkdtemp(prefix="qbank-private-"))
    settings = _settings(private / "home")
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
    packages = next(p for p in sys.path if p.endswith("site-packages"))
    same = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    if not python or subprocess.run([python, "-c", same], check=False).returncode:
        pytest.skip("no Python of this version that an ordinary user may run")
    folder = Path(tempfile.mkdtemp(prefix="qbank-ordinary-"))
    shutil.chown(folder, "nobody")
    code = "from qbank.postgres import connect; print(connect().execute('SELECT 1').fetchone())"
    environment = {
        "QBANK_HOME": str(folder / "home"),
        "QBANK_DATABASE": "postgres",
        "PYTHONPATH": os.pathsep.join([str(get_settings().project_dir), packages]),
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
        _wait(lambda: not keeper.orphans(folder / "home" / "postgres" / "data"))
        shutil.rmtree(folder)


def test_a_server_that_is_not_there_is_an_error_that_names_the_variable():
    elsewhere = Settings(
        database_url=_secret("postgresql://u:secret-word@127.0.0.1:9/none"), database_timeout_s=0.5
    )
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailableError, match="check QBANK_DATABASE_URL") as refusal:
        connect(settings=elsewhere)
    assert time.monotonic() - began < 5
    assert "secret-word" not in str(refusal.value)


def _secret(text: str):
    from pydantic import SecretStr

    return SecretStr(text)


def _has_user(name: str) -> bool:
    import pwd

    return any(entry.pw_name == name for entry in pwd.getpwall())


def _no_sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "data"]
