"""The embedded Postgres: made at its first use, shared by all who use it, stopped when unused.

Who uses it holds a shared lock (the lease); the supervisor process stops the server when the last
lease is gone. What never lives here: SQL, and the choice of folders (``data_directory``).
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qbank.errors import EmbeddedServerError
from qbank.postgres import server_supervisor
from qbank.postgres.data_directory import disown_copy, locate
from qbank.postgres.folders import make_home
from qbank.postgres.initdb import initialise, server_options
from qbank.settings import Settings

HOST = "127.0.0.1"
START_S = 120.0  # crash recovery of a large database may take its time
# below the range that the kernel hands out to outgoing connections
PORTS = range(20_000, 32_000)

_leases: dict[Path, int] = {}
_guard = threading.Lock()


def ensure_running(settings: Settings) -> int:
    """Takes a lease on the server and starts it where it does not run; returns its port.

    Raises:
        EmbeddedServerError: it does not start; the message has the end of its log.
    """
    home = settings.home
    _take_lease(settings)
    disown_copy(home)
    running = server_supervisor.find_postmaster(home / "postgres" / "data")
    if running is not None and running.ready:
        return running.port
    with _locked(home / "run" / "start.lock"):
        return _start(settings)


def is_running(settings: Settings) -> bool:
    """Whether the server takes connections now; starts nothing."""
    running = server_supervisor.find_postmaster(settings.home / "postgres" / "data")
    return running is not None and running.ready


def release(settings: Settings) -> None:
    """Gives this process's lease back; the server stops when it was the last one."""
    with _guard:
        lease = _leases.pop(settings.home, None)
    if lease is not None:
        os.close(lease)


def stop(settings: Settings, *, force: bool = False) -> bool:
    """Stops the server; returns whether it ran.

    Args:
        settings: whose server.
        force: stop it although other processes use it.

    Raises:
        EmbeddedServerError: other processes use it and `force` is not given.
    """
    release(settings)
    disown_copy(settings.home)
    run_dir = settings.home / "run"
    if not run_dir.is_dir():
        return False
    with _locked(run_dir / "start.lock"):
        if not force and _has_users(run_dir / "lease.lock"):
            raise EmbeddedServerError(
                "the embedded Postgres is in use by another qbank process: stop that first"
            )
        was_running = is_running(settings)
        if _is_locked(run_dir / "supervisor.lock"):
            os.kill(int((run_dir / "supervisor.lock").read_text()), 15)
            _wait_until_free(run_dir / "supervisor.lock")
        if (settings.home / "postgres" / "data").is_dir():
            server_supervisor.clear_remains(settings.home / "postgres" / "data")
    return was_running


def drop(settings: Settings, *, force: bool = False) -> None:
    """Stops the server and removes its data, wherever they live, and the generated secrets.

    Raises:
        EmbeddedServerError: other processes use it and `force` is not given.
    """
    stop(settings, force=force)
    area = settings.home / "postgres"
    if area.is_symlink():
        shutil.rmtree(area.resolve(), ignore_errors=True)
        area.unlink()
    elif area.exists():
        shutil.rmtree(area)
    for name in ("secrets", "run/port"):
        (settings.home / name).unlink(missing_ok=True)


def _take_lease(settings: Settings) -> None:
    with _guard:
        if settings.home not in _leases:
            make_home(settings)
            _leases[settings.home] = _lease(settings.home)


def _lease(home: Path) -> int:
    descriptor = os.open(home / "run" / "lease.lock", os.O_RDWR | os.O_CREAT, 0o600)
    # waits while the supervisor, having seen no user, finishes stopping the server
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def _leases_of_forked_child() -> None:
    # a lock belongs to the open file that parent and child share: the child takes one of its own
    global _guard
    _guard = threading.Lock()
    for home, inherited in list(_leases.items()):
        _leases[home] = _lease(home)
        os.close(inherited)


os.register_at_fork(after_in_child=_leases_of_forked_child)


def _start(settings: Settings) -> int:
    data = settings.home / "postgres" / "data"
    log = settings.home / "logs" / "postgres.log"
    spawned: subprocess.Popen[bytes] | None = None
    tries = 0
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        running = server_supervisor.find_postmaster(data)
        if running is not None and running.ready:
            return running.port
        if not _is_locked(settings.home / "run" / "supervisor.lock") and (
            spawned is None or spawned.poll() is not None
        ):
            if tries == 3:
                break
            tries += 1
            spawned = _spawn_supervisor(settings, log, new_port=tries > 1)
        time.sleep(0.02)
    raise EmbeddedServerError(f"the embedded Postgres does not start; see {log}: {_tail(log)}")


def _spawn_supervisor(settings: Settings, log: Path, *, new_port: bool) -> subprocess.Popen[bytes]:
    directory = locate(settings.home)
    initialise(directory, settings)
    port = _port(settings, new=new_port)
    if log.exists() and log.stat().st_size > 10_000_000:
        log.replace(log.with_suffix(".log.1"))
    # the real path: the command line is how a live postmaster is told from a reused pid
    data = directory.data.resolve()
    spec = {
        "command": [
            str(directory.binaries / "postgres"),
            "-D",
            str(data),
            *server_options(port, HOST, settings),
        ],
        "account": directory.popen_account(),
        "data": str(data),
        "run_dir": str(settings.home / "run"),
        "log": str(log),
    }
    with log.open("ab") as stderr:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", server_supervisor.__file__, json.dumps(spec)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd="/",
            start_new_session=True,
        )


def _port(settings: Settings, *, new: bool) -> int:
    """The port of last time while it is free, so that clients find the server again."""
    if settings.postgres_port is not None:
        return settings.postgres_port
    kept = settings.home / "run" / "port"
    if kept.exists() and not new and _is_free(port := int(kept.read_text())):
        return port
    for port in random.SystemRandom().sample(PORTS, 100):
        if _is_free(port):
            kept.write_text(str(port))
            return port
    raise EmbeddedServerError("no free TCP port: set QBANK_POSTGRES_PORT")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_locked(path: Path, kind: int = fcntl.LOCK_EX) -> bool:
    """Whether another open file holds a lock that stands against `kind`."""
    with path.open("a") as probe:
        try:
            fcntl.flock(probe, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _has_users(lease: Path) -> bool:
    # users share the lock; the supervisor holds it alone while it stops an unused server
    return _is_locked(lease) and not _is_locked(lease, fcntl.LOCK_SH)


def _wait_until_free(path: Path) -> None:
    deadline = time.monotonic() + 2 * server_supervisor.STOP_S
    while _is_locked(path):
        if time.monotonic() > deadline:
            raise EmbeddedServerError(f"the embedded Postgres does not stop: {path} stays held")
        time.sleep(0.02)


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return " | ".join(line for line in lines[-4:] if line.strip()) or "(the log is empty)"
