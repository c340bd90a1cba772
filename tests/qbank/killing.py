"""Work in processes of their own, which may be killed at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qbank.postgres import connect

# what is imported stays: a line of input is a fork that does the work
_WORKER = """
import os, sys
{preparation}
while line := sys.stdin.readline():
    words = line.split()
    child = os.fork()
    if child == 0:
        try:
            {work}
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    print(child, flush=True)
    sys.stdin.readline()  # its id stays its own until it is waited for
    print(os.waitpid(child, 0)[1], flush=True)
"""


@contextmanager
def worker(preparation: str, work: str, folder: Path) -> Iterator[Callable[..., int]]:
    """Gives ``run(words, seconds=None)``, which does the work and returns its status.

    Args:
        preparation: lines of Python that are run once.
        work: a statement that does it, by the list ``words``.
        folder: where.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _WORKER.format(preparation=preparation, work=work)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
    )

    def run(words: str, seconds: float | None = None) -> int:
        """With `seconds` it is killed after them."""
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{words}\n")
        process.stdin.flush()
        child = int(process.stdout.readline())
        if seconds is not None:
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)
        process.stdin.write("\n")
        process.stdin.flush()
        status = int(process.stdout.readline())
        assert status in (0, signal.SIGKILL)
        return status

    with process:
        yield run
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def wait_for_silence() -> None:
    """Waits until no other connection is at work: what a killed process had sent is over then."""
    others = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""
    with connect() as connection:
        while connection.execute(others).fetchone()[0]:
            connection.rollback()
            time.sleep(0.01)
