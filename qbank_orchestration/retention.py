"""Removes what is older than the settings keep, Dagster's own runs included.

Only finished runs of this code location go, and none that tells the newest materialization or
observation of an asset or of a partition of it: the asset pages go on saying what they say. Days
of the re-estimation that are past keeping are the exception, for each is a partition of its own.

What never lives here: what else is removed (``qbank.retention``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import DagsterEventType

from qbank import retention
from qbank.retention import Removed, RetentionSettings
from qbank.settings import get_settings
from qbank_orchestration.tags import KIND

BATCH = 100
_PATIENCE = 100  # files that another one may take away first
FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_REPOSITORY = ".dagster/repository"
_LOCATION = "qbank"  # as workspace.yaml names it


def remove_old(
    instance: dg.DagsterInstance, *, dry_run: bool = False, now: datetime | None = None
) -> list[Removed]:
    """Removes everything that is kept no longer.

    Safe beside itself and beside running work; stopped in the midst, the next one goes on.

    Args:
        instance: the one whose runs are looked through.
        dry_run: only count.
        now: the present moment.

    Returns:
        One entry per kind of thing, also where there was none.
    """
    settings, keep = get_settings(), RetentionSettings.load()
    now = now or datetime.now(UTC)
    return [
        old_runs(instance, now - timedelta(days=keep.keep_runs_days), dry_run=dry_run),
        retention.old_proposals(now, keep, settings, dry_run=dry_run),
        retention.old_uploads(now, keep, settings, dry_run=dry_run),
        retention.old_events(now, keep, settings, dry_run=dry_run),
        *retention.old_files(now, keep, settings, dry_run=dry_run),
    ]


def old_runs(instance: dg.DagsterInstance, before: datetime, *, dry_run: bool) -> Removed:
    """Removes runs that ended before a time, with their events and captured logs."""
    needed = needed_runs(instance, before)
    count = 0
    for run in _ended_before(instance, before):
        if run.run_id in needed or not is_ours(run):
            continue
        count += 1
        if not dry_run:
            instance.delete_run(run.run_id)
            _delete_logs(instance, run.run_id)
    return Removed("Dagster runs", count)


def _delete_logs(instance: dg.DagsterInstance, run_id: str) -> None:
    for _ in range(_PATIENCE):
        # another one that removes the same folder takes files away under this one's hands
        with suppress(FileNotFoundError):
            instance.compute_log_manager.delete_logs(prefix=[run_id])
            return


def is_ours(run: dg.DagsterRun) -> bool:
    """Whether a run is of this code location: others may share the instance."""
    launched_from = run.tags.get(_REPOSITORY, "").rpartition("@")[2]
    return KIND in run.tags or launched_from == _LOCATION


def needed_runs(instance: dg.DagsterInstance, before: datetime) -> set[str]:
    """Ids of the runs that tell the newest state of an asset or of a partition of it."""
    needed: set[str] = set()
    for key in instance.get_asset_keys():
        for kind, fetch in (
            (DagsterEventType.ASSET_MATERIALIZATION, instance.fetch_materializations),
            (DagsterEventType.ASSET_OBSERVATION, instance.fetch_observations),
        ):
            newest = instance.get_latest_storage_id_by_partition(key, kind)
            of_days_gone = {name for name in newest if _day_before(name, before)}
            storage_ids = [n for name, n in newest.items() if name not in of_days_gone]
            for start in range(0, len(storage_ids), BATCH):
                chosen = storage_ids[start : start + BATCH]
                where = dg.AssetRecordsFilter(asset_key=key, storage_ids=chosen)
                needed |= {r.run_id for r in fetch(where, limit=len(chosen)).records}
            # that of the asset as a whole, with partitions or without
            needed |= {record.run_id for record in fetch(key, limit=1).records}
    return needed


def _day_before(partition: str, before: datetime) -> bool:
    day = partition.partition("|")[0]
    try:
        return "|" in partition and datetime.fromisoformat(day).date() < before.date()
    except ValueError:
        return False


def _ended_before(instance: dg.DagsterInstance, before: datetime) -> Iterator[dg.DagsterRun]:
    """Finished runs; listed first, for a page is found by a run that may be removed meanwhile."""
    where = dg.RunsFilter(statuses=FINISHED, created_before=before, updated_before=before)
    ids = instance.get_run_ids(where)
    for start in range(0, len(ids), BATCH):
        yield from instance.get_runs(dg.RunsFilter(run_ids=list(ids[start : start + BATCH])))
