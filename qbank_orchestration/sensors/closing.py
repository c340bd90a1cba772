"""The end of a night, and of a backfill: the marts that read results are built once, afterwards.

What never lives here: how they are built.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from qbank.stores import item_examinations, runs
from qbank_orchestration import jobs, nights
from qbank_orchestration.resources import Database
from qbank_orchestration.tags import BY_COMMAND, NIGHT_RUN, OVER

_WORK = {nights.SMALL_EXAMS, *(job.name for job in jobs.JOBS)}
_ASSETS = {
    dg.AssetKey(name)
    for name in (*jobs.PARAMETERS, *jobs.EXPOSURE, *jobs.EXAMINATION, *jobs.REESTIMATION)
}
_GOING_ON = {"REQUESTED", "CANCELING", "FAILING"}  # states of a backfill that may still add runs
BACKFILLS = 200  # the newest ones that are looked at: older ones are over
BETWEEN_RUNS = timedelta(minutes=2)  # a command's night is not over in the gap between two runs


def close(
    instance: dg.DagsterInstance, database: Database, nights_done: Sequence[dg.DagsterRun]
) -> dg.SensorResult | dg.SkipReason:
    """Asks for the results once, when all that may change them is over.

    Args:
        instance: of the runs.
        database: of the rows.
        nights_done: runs of the marts whose night was fanned out.
    """
    busy = _busy(instance, database)
    if busy:
        return dg.SkipReason(busy)
    marts = instance.get_run_records(
        dg.RunsFilter(job_name="rebuild_marts", statuses=[dg.DagsterRunStatus.SUCCESS]), limit=1
    )
    if not marts:
        return dg.SkipReason("the marts were never built")
    if _between_runs(instance, marts[0].dagster_run):
        return dg.SkipReason("a command is at a night of its own")
    with database.connect() as conn:
        published = runs.newest_published(conn)
        examined = item_examinations.newest(conn)
    changed = datetime.fromtimestamp(marts[0].end_time or 0, UTC)
    if published is not None and published.finished_at is not None:
        changed = max(changed, published.finished_at)
    if examined is not None:
        changed = max(changed, examined)
    last = instance.get_run_records(dg.RunsFilter(job_name="refresh_results"), limit=1)
    if not last or last[0].create_timestamp.astimezone(UTC) <= changed:
        return _refresh(marts[0].dagster_run, nights_done, published, examined)
    for run in nights_done:
        if OVER not in run.tags:
            instance.add_run_tags(run.run_id, {OVER: "true"})
    # once for each state of the inputs, whatever came of it: a failed run is for a person to see
    return dg.SkipReason(f"nothing was published since {last[0].dagster_run.run_id} showed it")


def _refresh(
    marts: dg.DagsterRun,
    nights_done: Sequence[dg.DagsterRun],
    published: runs.Run | None,
    examined: datetime | None,
) -> dg.SensorResult:
    open_nights = [run for run in nights_done if OVER not in run.tags]
    tags = nights.tags_within(open_nights[-1].tags, open_nights[-1].run_id) if open_nights else {}
    # the key says what the results would show
    key = f"{marts.run_id}:{published.id if published else 'none'}"
    if examined is not None:
        key += f":{examined.isoformat()}"
    request = dg.RunRequest(run_key=key, job_name="refresh_results", tags=tags)
    return dg.SensorResult(run_requests=[request])


def _busy(instance: dg.DagsterInstance, database: Database) -> str:
    """What is under way that may change the results; "" where nothing is."""
    ours = [
        run
        for run in instance.get_runs(dg.RunsFilter(statuses=nights.UNDER_WAY))
        if run.job_name in _WORK or (run.asset_selection or set()) & _ASSETS
    ]
    if ours:
        return f"{len(ours)} runs are under way"
    backfills = [
        backfill
        for backfill in instance.get_backfills(limit=BACKFILLS)
        if backfill.status.name in _GOING_ON
        and (backfill.job_name in _WORK or set(backfill.asset_selection or ()) & _ASSETS)
    ]
    if backfills:
        return f"backfill {backfills[0].backfill_id} is under way"
    with database.connect() as conn:
        rows = (*runs.queued(conn), *runs.running(conn))
    return f"{len(rows)} requests wait or are at work" if rows else ""


def _between_runs(instance: dg.DagsterInstance, marts: dg.DagsterRun) -> bool:
    """Whether a command that drives a night of its own has ended a run a moment ago."""
    if BY_COMMAND not in marts.tags or OVER in marts.tags:
        return False
    own = instance.get_run_records(
        dg.RunsFilter(tags={NIGHT_RUN: marts.run_id}), limit=1
    ) or instance.get_run_records(dg.RunsFilter(run_ids=[marts.run_id]))
    ended = datetime.fromtimestamp(own[0].end_time or 0, UTC)
    return datetime.now(UTC) - ended < BETWEEN_RUNS
