"""Files of requests over the API: refused rows, what was given out, uploads that failed."""

from __future__ import annotations

from datetime import datetime, timedelta

from qbank.postgres import connect
from qbank.retention.settings import Removed, RetentionSettings
from qbank.settings import Settings
from qbank.stores import data_request_files


def old_uploads(
    now: datetime, keep: RetentionSettings, settings: Settings, *, dry_run: bool
) -> Removed:
    """Removes them; their requests stay. A `dry_run` only counts."""
    before = now - timedelta(days=keep.keep_files_days)
    with connect("orchestration", settings=settings) as conn:
        count = data_request_files.remove(conn, before, dry_run=dry_run)
    return Removed("files of requests over the API", count)
