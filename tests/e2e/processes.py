"""Real processes of the product, on loopback, for the time of a test run.

What never lives here: what a browser does.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

PROJECT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(command: list[str], environment: Mapping[str, str], timeout: float) -> None:
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env=os.environ | dict(environment),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"


@contextmanager
def process(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """A process of its own group, stopped with all that it started."""
    with log.open("wb") as out:
        started = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=os.environ | dict(environment),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
        assert started.poll() is None, f"{command} ended by itself:\n{log.read_text()[-4000:]}"
    finally:
        stop(started)


def stop(started: subprocess.Popen[bytes]) -> None:
    if started.poll() is None:
        started.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            started.wait(15)
    with suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)  # its own group: whoever is left of it
    started.wait()


def wait_for(url: str, log: Path, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"{url} does not answer after {seconds} s:\n{log.read_text()[-4000:]}")


def python(module: str) -> list[str]:
    return [sys.executable, "-m", module]


def tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
