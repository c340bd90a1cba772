"""Retention: what grows with every night and is needed no longer goes.

What never goes: results in force and their history, what a rollback or a backfill starts from.
What never lives here: Dagster's runs (``qbank_orchestration.retention``) and its ticks, which
Dagster purges by itself (``deploy/dagster/dagster.yaml``).
"""

from qbank.retention.events import old_events
from qbank.retention.files import old_files
from qbank.retention.proposals import old_proposals
from qbank.retention.settings import Removed, RetentionSettings
from qbank.retention.uploads import old_uploads

__all__ = [
    "Removed",
    "RetentionSettings",
    "old_events",
    "old_files",
    "old_proposals",
    "old_uploads",
]
