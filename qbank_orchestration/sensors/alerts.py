"""Tells people what failed. What failed is found by ``alerting``, and brought by ``qbank.alerts``.

Not one of Dagster's run failure sensors: what a way does not take waits for the next tick, and
checks and schedules fail without a run that does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from qbank.alerts import Alert, AlertSettings, Outbox, configured_sinks, deliver
from qbank_orchestration.alerting import outbox as kept
from qbank_orchestration.alerting.runs import alert_of, is_ours
from qbank_orchestration.alerting.ticks import Clock, alerts_of_ticks

_OVER = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]
_AT_ONCE = 500  # runs looked at in a tick
# a run's row may be seen later than one that was written after it, and machines' clocks differ
_OVERLAP_S = 120.0


@dg.sensor(
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells people (Slack, mail, webhook) what failed: runs, checks, schedules.",
)
def alert_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Looks for what failed, and gives every way what it does not have yet."""
    settings = AlertSettings.load()
    sinks = configured_sinks(settings)
    location = _location(context)
    instance, now = context.instance, time.time()
    outbox = kept.load(instance, location, now)
    if not sinks:
        outbox = Outbox(now, now)  # whoever is set up later hears of what fails then
        kept.save(instance, location, outbox)
        return dg.SkipReason("nobody is told: set QBANK_ALERT_… (docs/operations/alerts.md)")
    before, ways = outbox.dump(), [sink.name for sink in sinks]
    clock = Clock(outbox.began, now, settings.alert_late_minutes * 60.0)
    assert context.repository_def is not None  # noqa: S101  (a sensor that ticks is in one)
    schedules = {found.name: found for found in context.repository_def.schedule_defs}
    outbox.take(_of_runs(instance, location, settings.alert_dagit_url, outbox), ways, now)
    outbox.take(
        alerts_of_ticks(instance, location, schedules, settings.alert_dagit_url, clock), ways, now
    )
    for lost in outbox.drop(ways, now):
        context.log.error("an alert was never taken and is dropped: %s", lost.title)
    if outbox.dump() != before:
        kept.save(instance, location, outbox)
    outcomes = deliver(outbox, sinks, lambda changed: kept.save(instance, location, changed))
    for outcome in outcomes:
        if outcome.error:
            context.log.error(
                "%s alerts wait for %s: %s", outcome.waiting, outcome.sink, outcome.error
            )
    said = [f"{o.sink}: {o.error or f'{o.sent} told'}" for o in outcomes]
    return dg.SkipReason("; ".join(said) or "nothing failed")


def _of_runs(
    instance: dg.DagsterInstance, location: str, dagit: str, outbox: Outbox
) -> Iterator[Alert]:
    """Alerts on the runs that ended since the last look, which they move."""
    since = datetime.fromtimestamp(max(outbox.until - _OVERLAP_S, outbox.began), UTC)
    records = instance.get_run_records(
        dg.RunsFilter(statuses=_OVER, updated_after=since),
        limit=_AT_ONCE,
        order_by="update_timestamp",
        ascending=True,
    )
    for record in records:
        run = record.dagster_run
        if is_ours(run, location) and (alert := alert_of(instance, run, dagit)):
            yield alert
        outbox.until = max(outbox.until, record.update_timestamp.timestamp())


def _location(context: dg.SensorEvaluationContext) -> str:
    origin = context.code_location_origin
    return origin.location_name if origin else "qbank"
