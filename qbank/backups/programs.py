"""Postgres' own programs, run as a role on one database; their words become the error.

What never lives here: what they are run for.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from qbank.errors import BackupError
from qbank.postgres import Role, libpq_environment
from qbank.postgres.installation import program
from qbank.postgres.server_supervisor import die_with_parent
from qbank.settings import Settings


def environment(role: Role, settings: Settings, database: str | None) -> dict[str, str]:
    """The variables by which a program connects; no password is on its command line."""
    return os.environ | libpq_environment(role, settings, database=database)


def run(
    name: str, *arguments: str | Path, env: Mapping[str, str], stdout: IO[bytes] | None = None
) -> None:
    """Runs a program to its end.

    Raises:
        BackupError: it failed; the message has its last words.
    """
    done = subprocess.run(  # noqa: S603
        [program(name), *map(str, arguments)],
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
        # nothing goes on writing into what the next backup clears away
        preexec_fn=die_with_parent,
    )
    if done.returncode != 0:
        raise BackupError(f"{name} failed: {last_words(done.stderr)}")


def last_words(stderr: bytes) -> str:
    """The end of what a program said of its failure, in one line."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines()]
    return " | ".join([line for line in lines if line][-3:]) or "(it said nothing)"
