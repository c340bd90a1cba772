"""Makes a backup: whole, or not at all under its name.

What never lives here: the way back (``restoring``).
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from qbank import migrations
from qbank.backups import programs
from qbank.backups.archive import DAGSTER, MAIN, MANIFEST, Backup, measured
from qbank.errors import BackupError
from qbank.postgres import Role, connect, dagster_database
from qbank.settings import Settings, get_settings


def backup(folder: Path, settings: Settings | None = None) -> Backup:
    """Backs up both databases into a new folder, while everything may go on working.

    Each dump is of one moment. Dagster's comes second, so that it knows every run that a row of
    the first one names.

    Args:
        folder: to be made, mode 0700; its files have mode 0600. It gets its name when it is whole.
        settings: those of the process where None.

    Raises:
        BackupError: the folder is there already or cannot be made, or a dump failed.
        DatabaseUnavailableError: the server does not answer.
    """
    settings = settings or get_settings()
    folder = folder.absolute()
    if folder.exists():
        raise BackupError(f"{folder} exists already: choose a new name")
    began = datetime.now(UTC)
    applied = tuple(state.name for state in migrations.status(settings) if state.applied)
    if not applied:
        raise BackupError("the database has no schema: there is nothing to back up")
    partial = folder.with_name(f".{folder.name}.partial")
    _make_anew(partial)
    try:
        _dump("owner", None, partial / MAIN, settings)
        _dump("orchestration", dagster_database(settings), partial / DAGSTER, settings)
        with connect("owner", settings=settings) as connection:
            row = connection.execute(
                "SELECT current_setting('server_version'), current_user"
            ).fetchone()
        assert row is not None  # noqa: S101
        made = Backup(
            created_at=began,
            postgres=row[0],
            owner=row[1],
            migrations=applied,
            files={name: measured(partial / name) for name in (MAIN, DAGSTER)},
        )
        _write(partial / MANIFEST, made.model_dump_json(indent=2).encode())
        _flush(partial)
        partial.rename(folder)
        _flush(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return made


def _dump(role: Role, database: str | None, path: Path, settings: Settings) -> None:
    _write(path, b"")  # pg_dump keeps the mode of a file that is there
    programs.run(
        "pg_dump",
        "--format=custom",
        "--no-password",
        "--lock-wait-timeout=60s",
        f"--file={path}",
        env=programs.environment(role, settings, database),
    )
    _flush(path)


def _make_anew(partial: Path) -> None:
    shutil.rmtree(partial, ignore_errors=True)  # of a backup that was killed
    try:
        partial.mkdir(mode=0o700)
    except OSError as error:
        raise BackupError(f"{partial} cannot be made ({error.strerror})") from error


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _flush(path: Path) -> None:
    """Brings a file, or a folder's names, to the disk: a renamed backup survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
