"""The folder of a backup: a dump of each database and a manifest that they are held to.

What never lives here: talking to Postgres.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from qbank.errors import BackupError

MANIFEST = "backup.json"
MAIN, DAGSTER = "qbank.dump", "dagster.dump"


class DumpFile(BaseModel):
    """One file of a backup: its length in bytes and the SHA-256 of its content."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: str


class Backup(BaseModel):
    """What a backup is of.

    Attributes:
        created_at: when its first dump began.
        postgres: version of the server.
        owner: the role that owned the schema.
        migrations: those that were applied.
        files: the dumps, by file name.
    """

    model_config = ConfigDict(frozen=True)

    created_at: datetime
    postgres: str
    owner: str
    migrations: tuple[str, ...]
    files: Mapping[str, DumpFile]


def measured(path: Path) -> DumpFile:
    """Length and checksum of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return DumpFile(bytes=path.stat().st_size, sha256=digest)


def read(folder: Path) -> Backup:
    """The manifest of a backup whose files are whole.

    Raises:
        BackupError: it is no backup, or a file of it is missing or was changed.
    """
    try:
        found = Backup.model_validate_json((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise BackupError(
            f"{folder} is no backup ({MANIFEST}: {error.strerror}): name a folder that "
            "`qbank db backup` made"
        ) from error
    except ValidationError as error:
        raise BackupError(f"{folder / MANIFEST} is not what `qbank db backup` wrote") from error
    for name, expected in found.files.items():
        path = folder / name
        if not path.is_file() or measured(path) != expected:
            raise BackupError(
                f"{path} is not the file that was backed up (missing, cut off or changed): "
                "take another backup"
            )
    return found
