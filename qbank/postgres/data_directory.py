"""Where the embedded server lives, and which system user runs it.

Postgres refuses to run as root, so root hands it to another user. Where that user cannot reach the
home (below ``/root``, or a folder of mode 0700) the data live in ``/var/lib/qbank`` instead, and
nobody's folder is opened up; where it cannot run the environment's programs, a copy of them lies
beside the data. What never lives here: processes.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from qbank.errors import EmbeddedServerError
from qbank.postgres.account import Account, PopenAccount, server_account
from qbank.postgres.folders import make_folder
from qbank.postgres.installation import bundled_installation, copied, fault_for
from qbank.postgres.server_supervisor import clear_remains

OUTSIDE = Path("/var/lib/qbank")


@dataclass(frozen=True)
class DataDirectory:
    """Where a server lives.

    Attributes:
        binaries: folder with ``postgres`` and ``initdb``.
        data: the data folder (its parent exists).
        account: user that runs it; None is the caller.
    """

    binaries: Path
    data: Path
    account: Account | None

    def popen_account(self) -> PopenAccount:
        """Keyword arguments of ``subprocess`` that run a program as the server's user."""
        return self.account.as_popen() if self.account else {}


def locate(home: Path) -> DataDirectory:
    """Decides where the server of a home folder lives and makes the folders around it.

    Raises:
        EmbeddedServerError: no user to run it, one that cannot reach or run it, or
            ``/var/lib/qbank`` cannot be written.
    """
    account = server_account()
    area = home / "postgres"
    if account is not None:
        _move_outside_if_unreachable(area, account)
    make_folder(area, 0o711)
    installation = bundled_installation()
    if account is not None:
        _check_reachable(area.resolve(), account)
        # the environment may be in a private folder although the home is not
        if fault_for(installation, account):
            installation = copied(installation, area.resolve(), account)
    return DataDirectory(installation / "bin", area / "data", account)


def _move_outside_if_unreachable(area: Path, account: Account) -> None:
    if area.is_symlink() or area.exists() or account.can_enter(area.parent):
        return
    outside = _outside(area.parent)
    if (outside / "data").exists():
        # of a home that was removed, and its passwords with it: nobody can use them any more
        clear_remains(outside / "data")
        shutil.rmtree(outside / "data")
    area.symlink_to(outside)


def _check_reachable(area: Path, account: Account) -> None:
    if not account.can_enter(area):
        raise EmbeddedServerError(
            f"the user {account.name!r}, who runs the server for root, may no longer pass through "
            f"to {area}: chmod o+x the folders above it"
        )


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
        make_folder(OUTSIDE, 0o755)
        make_folder(folder, 0o711)
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
