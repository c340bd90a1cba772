"""The system user that runs the server for root, and what that user can do on this machine.

What never lives here: folders and binaries (``data_directory``, ``installation``).
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from qbank.errors import EmbeddedServerError


class PopenAccount(TypedDict, total=False):
    """Keyword arguments of ``subprocess`` that run a program as another user."""

    user: int
    group: int
    extra_groups: list[str | int]


@dataclass(frozen=True)
class Account:
    """The system user that runs the server for root."""

    name: str
    uid: int
    gid: int

    def as_popen(self) -> PopenAccount:
        """Keyword arguments of ``subprocess`` that drop to this user, and all groups."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        """Whether the user may pass through a folder, and all above it."""
        return self.fault_of("/bin/sh", "-c", 'test -x "$1"', "sh", str(folder)) is None

    def fault_of(self, *command: str) -> str | None:
        """Runs a program as the user: None where it succeeds, else why it does not.

        Raises:
            EmbeddedServerError: root may not change to the user here.
        """
        return _fault_of(command, self)


def server_account() -> Account | None:
    """Who runs the server; None is the caller, who is not root.

    Raises:
        EmbeddedServerError: the caller is root and there is no other user.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedServerError(
        "Postgres does not run as root and there is no user 'postgres' or 'nobody': "
        "make one, run as an ordinary user, or set QBANK_DATABASE_URL"
    )


def _fault_of(command: Sequence[str], account: Account) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
            **account.as_popen(),
        )
    except PermissionError as error:
        if os.access(command[0], os.X_OK) and not error.filename:
            raise EmbeddedServerError(
                f"root may not change to the user {account.name!r} here (a container without "
                "CAP_SETUID?): run as an ordinary user, or set QBANK_DATABASE_URL"
            ) from error
        return f"the user {account.name!r} may not run {command[0]}"
    if done.returncode == 0:
        return None
    return " ".join(done.stderr.split()) or f"{command[0]} ended with code {done.returncode}"
