"""Proposals of calibration runs that nothing can need any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from qbank.postgres import connect
from qbank.retention.settings import Removed, RetentionSettings
from qbank.settings import Settings
from qbank.stores import runs

BATCH = 200


def old_proposals(
    now: datetime, keep: RetentionSettings, settings: Settings, *, dry_run: bool
) -> Removed:
    """Removes them in batches, a transaction each; a `dry_run` only counts."""
    before = now - timedelta(days=keep.keep_proposals_days)
    with connect("orchestration", settings=settings) as conn:
        count, size = runs.count_old_proposals(conn, before)
    if not dry_run:
        count = 0
        with connect("orchestration", settings=settings, autocommit=True) as conn:
            while removed := runs.remove_old_proposals(conn, before, at_most=BATCH):
                count += removed
    return Removed("proposals of calibration runs", count, size)
