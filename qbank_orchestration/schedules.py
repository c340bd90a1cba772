"""When the night begins. What it does, once begun, is in ``sensors.night``.

What never lives here: what is due.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from qbank.settings import get_settings
from qbank.stores import source_tables
from qbank_orchestration import nights
from qbank_orchestration.engine import night
from qbank_orchestration.jobs import rebuild_marts
from qbank_orchestration.resources import Database
from qbank_orchestration.settings import orchestration_settings
from qbank_orchestration.tags import WHY

LATE = timedelta(minutes=10)


@dg.schedule(
    name="nightly_schedule",
    job=rebuild_marts,
    cron_schedule=get_settings().nightly_cron,
    execution_timezone=get_settings().nightly_timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Begins the night with the marts; each exam's runs follow.",
)
def nightly_schedule(
    context: dg.ScheduleEvaluationContext, database: Database
) -> dg.RunRequest | dg.SkipReason:
    """One run a night; skipped, with the reason, where nothing new came and nothing is due."""
    begun = nights.under_way(context.instance)
    if begun is not None:
        return dg.SkipReason(f"a night is under way already: run {begun.run_id} builds its marts")
    why = reason_to_run(context.instance, database, _day(context))
    if why is None:
        return dg.SkipReason("nothing new came since the last night, and no exam is due")
    return _begin(context, "night", why)


@dg.schedule(
    name="weekly_full_schedule",
    job=rebuild_marts,
    cron_schedule=orchestration_settings().weekly_cron,
    execution_timezone=get_settings().nightly_timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Calibrates every exam's exposure control in full, changed or not, and audits every"
    " row of the marts.",
)
def weekly_full_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """A night in which every exam is due, and every row is audited."""
    return _begin(context, "weekly", "the weekly calibration", weekly=True)


def _begin(
    context: dg.ScheduleEvaluationContext, name: str, why: str, *, weekly: bool = False
) -> dg.RunRequest:
    """Asks for a night, once for each time on the clock that people see."""
    due, shown = context.scheduled_execution_time, on_the_clock(context)
    # Dagster makes up for the last of the nights that nothing ran, and for no other
    if datetime.now(UTC) - due > LATE:
        why += f"; made up: nothing ran the schedule at {shown:%Y-%m-%d %H:%M %Z}"
    tags = nights.begin(_day(context), None, weekly=weekly) | {WHY: why}
    return dg.RunRequest(run_key=run_key(name, context), tags=tags)


def on_the_clock(context: dg.ScheduleEvaluationContext) -> datetime:
    """When it is due, in the zone of the nights."""
    zone = ZoneInfo(get_settings().nightly_timezone)
    return context.scheduled_execution_time.astimezone(zone)


def run_key(name: str, context: dg.ScheduleEvaluationContext) -> str:
    """One for each time on the clock that people see.

    A zone's clock may show a time twice, and the UTC days of two nights may be the same where it
    goes forward; each night has a time of its own on its clock.
    """
    return f"{name}:{on_the_clock(context):%Y-%m-%dT%H:%M}"


def _day(context: dg.ScheduleEvaluationContext) -> date:
    return context.scheduled_execution_time.astimezone(UTC).date()


def reason_to_run(instance: dg.DagsterInstance, database: Database, day: date) -> str | None:
    """Why the night has something to do, None where it has not."""
    done = dg.RunsFilter(job_name="rebuild_marts", statuses=[dg.DagsterRunStatus.SUCCESS])
    last = instance.get_runs(done, limit=1)
    if not last:
        return "the marts were never built"
    seen = observed_versions(instance, last[0].run_id)
    with database.connect() as conn:
        changed = source_tables.changed(seen, source_tables.versions(conn))
        if changed:
            return f"changes in {', '.join(changed)}"
        due = [exam for exam in night.plan(conn, day) if exam.why]
    return f"{due[0].exam_code}: {due[0].why}" if due else None


def observed_versions(instance: dg.DagsterInstance, run_id: str) -> dict[str, str]:
    """The version of each raw table that a run saw before it built the marts."""
    seen = {}
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION):
        event = entry.dagster_event
        if event is None or event.asset_key is None or event.asset_key.path[0] != "raw":
            continue
        observation = event.asset_observation_data.asset_observation
        seen[event.asset_key.path[-1]] = observation.data_version or ""
    return seen
