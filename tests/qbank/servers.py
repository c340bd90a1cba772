"""What the tests of the embedded server share: settings of one of their own, and its processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from qbank.postgres import server_supervisor
from qbank.settings import Settings


def settings_of(home: Path) -> Settings:
    return Settings(home=home, database="postgres", postgres_fsync=True)


def postmaster_of(settings: Settings) -> int:
    found = server_supervisor.find_postmaster(settings.home / "postgres" / "data")
    assert found is not None
    return found.pid


def supervisor_of(settings: Settings) -> int:
    return int((settings.home / "run" / "supervisor.lock").read_text())


def wait_until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def run_python(home: Path, code: str, **options) -> subprocess.Popen:
    environment = os.environ | {"QBANK_HOME": str(home), "QBANK_DATABASE": "postgres"}
    return subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True, **options
    )
