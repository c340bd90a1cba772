"""Ends what dead processes left behind, so that no row and no run says running for ever."""

import dagster as dg

from qbank_orchestration import recovery
from qbank_orchestration.failure import first_error


@dg.sensor(
    minimum_interval_seconds=20,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Ends rows and runs whose worker process is gone.",
)
def recovery_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Looks for silent rows and runs without a process."""
    rows = recovery.recover_rows()
    ended = recovery.recover_dagster_runs(context.instance)
    for row in rows:
        context.log.warning("row %s of %s: %s", row.id, row.exam_code, recovery.REASON)
    for run in ended:
        context.log.warning("run %s of %s: %s", run.run_id, run.job_name, recovery.REASON)
    return dg.SkipReason(f"{len(rows)} rows and {len(ended)} runs were ended")


@dg.run_failure_sensor(
    name="run_failure_sensor",
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Ends the rows of a run that failed or was terminated, with its reason.",
)
def failed_runs(context: dg.RunFailureSensorContext) -> None:
    """The run is over: what it left open has failed."""
    steps = context.get_step_failure_events()
    why = first_error(steps[0]) if steps else context.failure_event.message or ""
    recovery.end_rows_of(context.dagster_run.run_id, "failed", why)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.CANCELED,
    name="run_canceled_sensor",
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Ends the rows of a run that was canceled in Dagit.",
)
def canceled_runs(context: dg.RunStatusSensorContext) -> None:
    """The run is over: what it left open is canceled."""
    recovery.end_rows_of(context.dagster_run.run_id, "canceled", "canceled in Dagit")
