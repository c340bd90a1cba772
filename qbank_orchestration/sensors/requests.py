"""Turns queued rows into runs, within seconds; and takes back runs whose row was canceled."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import dagster as dg

from qbank.stores import runs
from qbank_orchestration import jobs
from qbank_orchestration.engine.backfill import partition_key
from qbank_orchestration.partitions import EXAM
from qbank_orchestration.resources import Database

ROW = "qbank/row"
# a request whose worker is lost is over, and says so to whoever asked: they ask again
NO_RETRY = {"dagster/max_retries": "0"}
# kind of row → job and the op that takes the row's id
JOBS = {
    "irt": (jobs.calibrate_parameters, "irt_calibration"),
    "sympson_hetter": (jobs.calibrate_exam, "sympson_hetter_calibration"),
    "reestimation": (jobs.reestimate_exam, "sh_p_reestimation"),
    "rollback": (jobs.rollback_exposure, "restore_exposure_control"),
}


@dg.sensor(
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    jobs=[job for job, _ in JOBS.values()],
    description="Starts a run for each queued calibration request; nothing runs twice.",
)
def calibration_request_sensor(
    context: dg.SensorEvaluationContext, database: Database
) -> dg.SensorResult | dg.SkipReason:
    """One run request a queued row, with the row's id as run key."""
    with database.connect() as conn:
        waiting = runs.queued(conn)
        taken_back = _take_back(context.instance, conn)
    if not waiting:
        return dg.SkipReason(f"no request is queued; {taken_back} canceled runs taken back")
    known = set(context.instance.get_dynamic_partitions("exam"))
    new = sorted({run.exam_code for run in waiting} - known)
    return dg.SensorResult(
        run_requests=[request_for(run) for run in waiting],
        dynamic_partitions_requests=[EXAM.build_add_request(new)] if new else [],
    )


def request_for(run: runs.Run) -> dg.RunRequest:
    """The run request of a queued row."""
    job, op = JOBS[run.kind]
    config: dict[str, Any] = {"run_id": str(run.id)}
    return dg.RunRequest(
        run_key=str(run.id),
        job_name=job.name,
        partition_key=_partition(run),
        run_config={"ops": {op: {"config": config}}},
        tags={ROW: str(run.id), "qbank/exam": run.exam_code, "dagster/priority": "1"} | NO_RETRY,
    )


def _partition(run: runs.Run) -> str | None:
    if run.kind == "rollback":
        return None
    if run.kind != "reestimation":
        return run.exam_code
    day = run.params.get("day")
    chosen = datetime.fromisoformat(day).date() if day else datetime.now(UTC).date()
    return partition_key(run.exam_code, chosen)


def _take_back(instance: dg.DagsterInstance, conn: Any) -> int:
    """Cancels queued Dagster runs whose row is over already."""
    queued = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
    over = [
        run
        for run in queued
        if ROW in run.tags and runs.get(conn, UUID(run.tags[ROW])).status in runs.FINISHED
    ]
    for run in over:
        instance.report_run_canceled(run, "its request was canceled")
    return len(over)
