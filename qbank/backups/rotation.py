"""Backups one after another in one folder, of which the newest are kept.

What never lives here: making one (``dumping``).
"""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

from qbank.backups.archive import MANIFEST, Backup
from qbank.backups.dumping import backup
from qbank.errors import BackupError
from qbank.settings import Settings

_NAME = "%Y-%m-%dT%H%M%SZ"
_OURS = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z")


def backup_anew(
    folder: Path, keep: int, settings: Settings | None = None, now: datetime | None = None
) -> tuple[Path, Backup, tuple[Path, ...]]:
    """Makes a backup named by its moment within a folder, then removes the oldest there.

    Nothing is removed before the new one is whole, and nothing that has another name.

    Args:
        folder: is there already, such as a mounted volume.
        keep: how many stay, the new one among them; at least 1.
        settings: those of the process where None.
        now: the moment; the clock's where None.

    Returns:
        Where the new one is, what it is of, and the folders that were removed.

    Raises:
        BackupError: the folder is not there, or the backup failed.
    """
    if not folder.is_dir():
        raise BackupError(f"{folder} is no folder: with --keep, backups are made within it")
    place = folder / (now or datetime.now(UTC)).astimezone(UTC).strftime(_NAME)
    made = backup(place, settings)
    whole = sorted(
        path
        for path in folder.iterdir()
        if _OURS.fullmatch(path.name) and (path / MANIFEST).is_file()
    )
    removed = tuple(path for path in whole[:-keep] if path != place)
    for path in removed:
        # first its name: what is half removed is no backup
        going = path.rename(path.with_name(f".{path.name}.removed"))
        shutil.rmtree(going)
    return place, made, removed
