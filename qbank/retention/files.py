"""Files that failed runs and killed processes left, old logs and reports.

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
    answers = [
        _removed(
            what,
            [path for pattern in patterns for path in settings.home.glob(pattern)],
            before,
            dry_run=dry_run,
        )
        for what, patterns in _PATTERNS.items()
    ]
    # of an exam's reports the newest stays; a process that was killed leaves one without a name
    exams = [path for path in settings.reports_dir.glob("*") if path.is_dir()]
    past = [path for exam in exams for path in sorted(exam.glob("[!.]*"), key=_newest)[:-1]]
    before_reports = (now - timedelta(days=keep.keep_reports_days)).timestamp()
    left = [path for exam in exams for path in exam.glob(".report-*")]
    return [
        *answers,
        _removed("technical reports", past, before_reports, dry_run=dry_run),
        _removed("unfinished technical reports", left, before, dry_run=dry_run),
    ]


def _removed(what: str, paths: list[Path], before: float, *, dry_run: bool) -> Removed:
    old = [path for path in paths if _newest(path) < before]
    size = sum(_size(file) for path in old for file in _files(path))
    if not dry_run:
        for path in old:
            _remove(path)
    return Removed(what, len(old), size)


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
