"""Keeps a set of programs running until it is told to stop, and leaves none behind.

What never lives here: what the programs are (``services``).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from qbank.errors import QbankError
from qbank.probe import answers
from qbank.serving.services import Service

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
READY_S = 180.0
STOP_S = 15.0
RESTARTS, RESTART_WINDOW_S = 5, 120.0  # more often than this is not an accident
ROTATE_BYTES = 10_000_000


@dataclass
class _Running:
    service: Service
    log: Path
    process: subprocess.Popen[bytes] | None = None
    log_start: int = 0
    ready: bool = False
    restarts: deque[float] = field(default_factory=deque)


class Supervisor:
    """Starts programs, restarts those that die, stops all at the end."""

    def __init__(
        self,
        services: Sequence[Service],
        logs: Path,
        *,
        cwd: Path,
        say: Callable[[str], None] = print,
        every_second: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepares; nothing starts before :meth:`run`.

        Args:
            services: the programs.
            logs: folder of their logs, ``<name>.log``.
            cwd: their working directory.
            say: hears what happens.
            every_second: called about once a second, for other things that are to be kept.
        """
        self._running = [_Running(service, logs / f"{service.name}.log") for service in services]
        self._cwd = cwd
        self._say = say
        self._every_second = every_second
        self._stopping = False
        self._libc = ctypes.CDLL(None, use_errno=True)

    def run(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Runs until SIGINT or SIGTERM; call it in the main thread.

        Raises:
            QbankError: a program does not start, or dies again and again; all are stopped then.
        """
        previous = {s: signal.signal(s, self._on_signal) for s in (signal.SIGINT, signal.SIGTERM)}
        if sys.platform == "linux":
            # grandchildren whose parent was killed come to us instead of to init
            self._libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
        try:
            for running in self._running:
                self._start(running)
            self._wait_until_ready()
            if not self._stopping:
                on_ready()
            while not self._stopping:
                for running in self._running:
                    self._restart_if_dead(running)
                self._reap_strangers()
                self._every_second()
                time.sleep(1.0 if not self._stopping else 0.0)
        finally:
            self._stop_all()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _start(self, running: _Running) -> None:
        if running.log.exists() and running.log.stat().st_size > ROTATE_BYTES:
            running.log.replace(running.log.with_suffix(".log.1"))
        with running.log.open("ab") as log:
            running.log_start = log.tell()
            running.ready = False
            running.process = subprocess.Popen(  # noqa: S603
                running.service.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._cwd,
                env=os.environ | dict(running.service.environment) | {"PYTHONUNBUFFERED": "1"},
                # a group of its own: the terminal's Ctrl-C is ours to pass on, in order
                process_group=0,
                preexec_fn=self._die_with_supervisor,
            )

    def _die_with_supervisor(self) -> None:
        if sys.platform == "linux":
            self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        waiting = list(self._running)
        while waiting and not self._stopping:
            for running in list(waiting):
                if running.process is not None and running.process.poll() is not None:
                    raise QbankError(f"{_ended(running)} while starting{_last_lines(running)}")
                if _is_ready(running):
                    running.ready = True
                    waiting.remove(running)
            if time.monotonic() > deadline:
                names = ", ".join(running.service.title for running in waiting)
                raise QbankError(f"{names} not ready after {READY_S:.0f} s; see {waiting[0].log}")
            time.sleep(0.1)

    def _restart_if_dead(self, running: _Running) -> None:
        process = running.process
        if self._stopping or process is None or process.poll() is None:
            return
        now = time.monotonic()
        while running.restarts and now - running.restarts[0] > RESTART_WINDOW_S:
            running.restarts.popleft()
        if len(running.restarts) >= RESTARTS:
            raise QbankError(
                f"{_ended(running)}, for the {RESTARTS + 1}th time in {RESTART_WINDOW_S:.0f} s"
                f"{_last_lines(running)}"
            )
        running.restarts.append(now)
        self._say(f"{_ended(running)}: starting it again")
        _signal_group(process.pid, signal.SIGKILL)  # what it left
        self._start(running)

    def _stop_all(self) -> None:
        # programs first see a polite signal alone, for they end their own children in order
        alive = [r.process for r in self._running if r.process and r.process.poll() is None]
        for process in alive:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        for process in alive:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        for running in self._running:
            if running.process is not None:
                _signal_group(running.process.pid, signal.SIGKILL)
                running.process.wait()
        self._end_strangers()

    def _end_strangers(self) -> None:
        """Ends what came to us from programs that are gone: code servers, runs in progress."""
        known = {r.process.pid for r in self._running if r.process}
        deadline = time.monotonic() + 5.0
        while strangers := [pid for pid in _children() if pid not in known]:
            late = time.monotonic() > deadline
            for pid in strangers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
            time.sleep(0.1)
            self._reap_strangers()

    def _reap_strangers(self) -> None:
        known = {r.process.pid for r in self._running if r.process}
        for pid in _children():
            if pid not in known:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)


def _is_ready(running: _Running) -> bool:
    service = running.service
    if service.health is not None:
        return answers(service.health)
    if service.ready_line is None:
        return True
    with running.log.open("rb") as log:
        log.seek(running.log_start)
        return service.ready_line.encode() in log.read()


def _ended(running: _Running) -> str:
    code = running.process.returncode if running.process else 0
    how = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
    return f"{running.service.title} ended ({how})"


def _last_lines(running: _Running) -> str:
    with running.log.open("rb") as log:
        log.seek(running.log_start)
        lines = log.read().decode(errors="replace").splitlines()
    shown = " | ".join(line.strip() for line in lines[-3:] if line.strip())
    return f"; see {running.log}: {shown}" if shown else f"; see {running.log}"


def _signal_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _children() -> list[int]:
    try:
        threads = Path("/proc/self/task").iterdir()
        return [int(pid) for t in threads for pid in (t / "children").read_text().split()]
    except OSError:
        return []
