"""The process that keeps the embedded Postgres: starts it, restarts it, stops it when unused.

Run by path with nothing but the standard library, so that it starts in milliseconds and outlives
the command that spawned it. Users of the server hold a shared lock on ``lease.lock``; this one
waits for the exclusive one and then stops the server, so a user that is killed needs no clean-up.
What never lives here: SQL, settings, and imports of ours.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG = 1
QUICK_DEATH_S = 5.0  # a server that lived shorter than this did not start
ATTEMPTS = 3
STOP_S = 30.0

_LIBC = ctypes.CDLL(None, use_errno=True)  # loaded before any fork


@dataclass(frozen=True)
class Postmaster:
    """What ``postmaster.pid`` says of a server that is alive.

    Attributes:
        pid: process id of the postmaster.
        port: TCP port.
        ready: whether it takes connections (not starting, not stopping).
    """

    pid: int
    port: int
    ready: bool


def process_alive(pid: int) -> bool:
    """Whether the process exists and is neither a zombie nor dead."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        if Path("/proc/self/stat").exists():
            return False
        with contextlib.suppress(OSError):  # no /proc: the best there is
            os.kill(pid, 0)
            return True
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def find_postmaster(data: Path) -> Postmaster | None:
    """The live postmaster of a data folder; None if its pid file is stale or absent."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        pid, port = int(lines[0]), int(lines[3])
    except (OSError, ValueError, IndexError):
        return None
    # a pid is reused, after a restart of the machine above all: the command line tells
    with contextlib.suppress(OSError):
        if os.fsencode(data.resolve()) not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return None
    if not process_alive(pid):
        return None
    return Postmaster(pid, port, len(lines) > 7 and lines[7].strip() == "ready")


def orphans(data: Path) -> list[int]:
    """Live server processes whose working directory is the data folder."""
    found = []
    where = str(data.resolve())
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str((entry / "cwd").readlink()) == where and process_alive(int(entry.name)):
                found.append(int(entry.name))
    return found


def clear_remains(data: Path) -> None:
    """Ends what a killed server left: a postmaster on its way out, its backends, its pid file."""
    if left := find_postmaster(data):
        _signal(left.pid, signal.SIGINT)
    deadline = time.monotonic() + STOP_S
    while find_postmaster(data) and time.monotonic() < deadline:
        time.sleep(0.05)
    # backends see the death of their postmaster and leave by themselves, as a rule at once
    deadline = time.monotonic() + 5.0
    while (left_over := orphans(data)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left_over:
        _signal(pid, signal.SIGKILL)
    (data / "postmaster.pid").unlink(missing_ok=True)


def die_with_parent() -> None:
    """Has the kernel interrupt this process when the one that started it dies."""
    if sys.platform == "linux":
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class ServerSupervisor:
    """Holds one postmaster as a child."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.command = [str(part) for part in spec["command"]]
        self.data = Path(str(spec["data"]))
        self.run_dir = Path(str(spec["run_dir"]))
        self.log = Path(str(spec["log"]))
        self.account: dict[str, Any] = spec["account"]
        self.child: subprocess.Popen[bytes] | None = None
        self.stopping = False
        # reentrant: the signal handler runs in the thread that may hold it
        self.guard = threading.RLock()

    def run(self) -> int:
        """Keeps the server until nobody uses it; returns the exit code."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        threading.Thread(target=self._wait_until_unused, daemon=True).start()
        failures = 0
        while not self.stopping:
            began = time.monotonic()
            clear_remains(self.data)
            self._start()
            if self.child is not None:
                self.child.wait()
            failures = failures + 1 if time.monotonic() - began < QUICK_DEATH_S else 1
            if failures >= ATTEMPTS:
                return 1
            if not self.stopping:
                time.sleep(0.1 * failures)
        return 0

    def stop(self) -> None:
        """Asks the server for a fast shutdown, and insists if that takes too long."""
        with self.guard:
            self.stopping = True
            child = self.child
        if child is not None:
            child.send_signal(signal.SIGINT)
            timer = threading.Timer(STOP_S, child.send_signal, (signal.SIGQUIT,))
            timer.daemon = True
            timer.start()

    def _start(self) -> None:
        with self.guard:
            if self.stopping:
                return
            with self.log.open("ab") as log:
                self.child = subprocess.Popen(  # noqa: S603
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    # after the change of user, which would clear it
                    preexec_fn=die_with_parent,
                    **self.account,
                )
            if self._told_to_stop():  # a signal came between
                self.child.send_signal(signal.SIGINT)

    def _told_to_stop(self) -> bool:
        return self.stopping

    def _wait_until_unused(self) -> None:
        # never closed: the lock is kept until the process ends, so that newcomers wait
        lease = os.open(self.run_dir / "lease.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lease, fcntl.LOCK_EX)
        self.stop()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()


def main() -> int:
    """Takes the supervisor's lock and keeps the server that ``argv[1]`` (JSON) describes."""
    supervisor = ServerSupervisor(json.loads(sys.argv[1]))
    only_one = os.open(supervisor.run_dir / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(only_one, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 3
    os.ftruncate(only_one, 0)
    os.write(only_one, f"{os.getpid()}\n".encode())
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
