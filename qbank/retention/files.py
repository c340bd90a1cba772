"""Files of the home folder that failed runs and killed processes left, and old logs.

What never lives here: the data folder of the embedded server, and Dagster's storage.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from qbank.retention.settings import Removed, RetentionSettings
from qbank.settings import Settings

# below the home folder; a file or folder is as old as its newest change
_PATTERNS = {
    "folders of failed dbt runs": ("dbt/run-*",),
    "unfinished parts of the embedded server": ("postgres/making", "postgres/server-partial"),
    # those that are written to are younger; a program that is no longer run writes none
    "files of imports that were killed": ("imports/*",),
    "old log files": ("logs/*.log", "logs/*.log.*"),
}


def old_files(
    now: datetime, keep: RetentionSettings, settings: Settings, *, dry_run: bool
) -> list[Removed]:
    """Removes what has not changed for as long; one that is gone meanwhile is no error."""
    before = (now - timedelta(days=keep.keep_files_days)).timestamp()
    answers = []
    for what, patterns in _PATTERNS.items():
        old = [
            path
            for pattern in patterns
            for path in settings.home.glob(pattern)
            if _newest(path) < before
        ]
        size = sum(_size(file) for path in old for file in _files(path))
        if not dry_run:
            for path in old:
                _remove(path)
        answers.append(Removed(what, len(old), size))
    return answers


def _files(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir() and not path.is_symlink():
        yield from path.rglob("*")


def _newest(path: Path) -> float:
    return max((_stat_time(file) for file in _files(path)), default=0.0)


def _stat_time(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
