"""A real daemon with its code server, on the database that the environment names."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from qbank.project_files import project_file
from qbank.serving import dagster_environment
from qbank.settings import get_settings
from tests.e2e.processes import stop

Seen = TypeVar("Seen")
SCHEDULES = (
    "QBANK_NIGHTLY_CRON",
    "QBANK_WEEKLY_CRON",
    "QBANK_REPORT_CRON",
    "QBANK_RETENTION_CRON",
)


@contextmanager
def daemon(
    environment: Mapping[str, str] | None = None, workspace: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs ``dagster-daemon`` in a process group of its own; all of it is gone at the end.

    No schedule of it comes due meanwhile, whatever the hour of the test.

    Args:
        environment: variables over those that Dagster's processes have.
        workspace: another one than the project's.
    """
    settings = get_settings()
    workspace = workspace or project_file("workspace.yaml")
    far = f"0 {(datetime.now(UTC).hour + 12) % 24} * * *"
    schedules = dict.fromkeys(SCHEDULES, far)
    command = [str(Path(sys.executable).parent / "dagster-daemon"), "run", "-w", str(workspace)]
    with (settings.home / "daemon.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            env=os.environ | dagster_environment() | schedules | dict(environment or {}),
            cwd=settings.project_dir,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            stop(process)


def wait_for(look: Callable[[], Seen | None], seconds: float, what: str) -> Seen:
    """Looks until there is something to see.

    Raises:
        AssertionError: it did not come in time; the message has the daemon's last words.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (seen := look()) is not None:
            return seen
        time.sleep(0.2)
    log = (get_settings().home / "daemon.log").read_text(errors="replace")
    raise AssertionError(
        f"{what} did not happen within {seconds} s; the daemon says:\n{log[-3000:]}"
    )
