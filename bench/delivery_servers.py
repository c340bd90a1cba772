"""The servers of the delivery bench as real processes, and the processor time they take.

What never lives here: load, figures.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measure import core_seconds_of, postmaster
from qbank.postgres import dsn
from qbank.settings import Settings

PROJECT = Path(__file__).resolve().parents[1]
OURS, BASELINE = "qbank", "first design"


@dataclass(frozen=True)
class Server:
    """A server that was started: its port, and the processes it consists of with Postgres."""

    port: int
    process: subprocess.Popen[bytes]

    def core_seconds(self, settings: Settings) -> float:
        """Processor time so far of the server and of Postgres; other programs do not count."""
        return core_seconds_of(self.process.pid, postmaster(settings))


def commands(settings: Settings, workers: int) -> list[tuple[str, list[str], dict[str, str]]]:
    """Name, arguments after ``python -m`` (the port comes last) and environment of each server."""
    count = ["--workers", str(workers)]
    quiet = ["--log-level", "warning", "--no-access-log", *count, "--port"]
    environment = {"BASELINE_DSN": dsn("owner", settings)}
    orm, by_hand = (f"bench.baselines.delivery_server{kind}:app" for kind in ("", "_sql"))
    return [
        (BASELINE, ["uvicorn", orm, *quiet], environment),
        (f"{BASELINE}, SQL by hand", ["uvicorn", by_hand, *quiet], environment),
        (OURS, ["delivery_api", *count, "--port"], {}),
    ]


@contextmanager
def start(command: list[str], environment: dict[str, str]) -> Iterator[Server]:
    """Starts a server on a free loopback port and stops it at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, str(port)],
        cwd=PROJECT,
        env=os.environ | environment,
        stderr=subprocess.DEVNULL,  # ours writes an access log, which is part of its cost
    )
    try:
        _wait(process, port)
        yield Server(port, process)
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start in time")
