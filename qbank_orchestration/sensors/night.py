"""The night, run by run: marts, then each exam, then the marts that read the results.

A chain of small runs instead of one large one: an exam that fails fails alone, and each run has a
key of the night and the exam, so that nothing runs twice for one night.

What never lives here: when a night begins (``schedules``), and what is due (``engine.night``).
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg

from qbank.stores import item_bank, runs
from qbank_orchestration import jobs
from qbank_orchestration.engine import night
from qbank_orchestration.engine.backfill import partition_key
from qbank_orchestration.jobs import EXPOSURE, PARAMETERS
from qbank_orchestration.partitions import EXAM
from qbank_orchestration.resources import Database
from qbank_orchestration.tags import NIGHT, WEEKLY

_WORK = ("nightly", "calibrate_parameters", "calibrate_exam", "reestimate_exam")
_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dg.sensor(
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    jobs=[jobs.nightly, jobs.reestimate_exam, jobs.refresh_results],
    description="After the marts: each exam's night; after those: the marts that read results.",
)
def night_sensor(
    context: dg.SensorEvaluationContext, database: Database
) -> dg.SensorResult | dg.SkipReason:
    """Fans a night out once its marts are built, and closes it once its runs are over."""
    marts = _last_success(context.instance, "rebuild_marts")
    if marts is None:
        return dg.SkipReason("the marts were never built")
    if marts.run_id != context.cursor and NIGHT in marts.tags:
        requests, exams = exam_nights(database, marts.tags)
        new = sorted(set(exams) - set(context.instance.get_dynamic_partitions("exam")))
        return dg.SensorResult(
            run_requests=requests,
            cursor=marts.run_id,
            dynamic_partitions_requests=[EXAM.build_add_request(new)] if new else [],
        )
    return _close(context.instance, database, marts)


def exam_nights(database: Database, tags: dict[str, str]) -> tuple[list[dg.RunRequest], list[str]]:
    """The runs of one night, and the exams there are."""
    day = date.fromisoformat(tags[NIGHT])
    requests: list[dg.RunRequest] = []
    with database.connect() as conn:
        exams = [exam.exam_code for exam in item_bank.exams(conn)]
        for exam_code in exams:
            own = {NIGHT: tags[NIGHT], "qbank/exam": exam_code}
            due = night.due(conn, exam_code, full=WEEKLY in tags)
            if due.anything:
                requests.append(_calibration(due, tags, own))
            if night.reestimation_due(conn, exam_code, day):
                requests.append(
                    dg.RunRequest(
                        run_key=f"{tags[NIGHT]}:{exam_code}:reestimation",
                        job_name="reestimate_exam",
                        partition_key=partition_key(exam_code, day),
                        tags=own,
                    )
                )
    return requests, exams


def _calibration(due: night.Due, tags: dict[str, str], own: dict[str, str]) -> dg.RunRequest:
    selected: Sequence[str] = [*(PARAMETERS if due.parameters else ()), *EXPOSURE]
    weekly = ":weekly" if WEEKLY in tags else ""
    why = "; ".join(filter(None, (due.parameters, due.exposure)))
    return dg.RunRequest(
        run_key=f"{tags[NIGHT]}:{due.exam_code}{weekly}",
        job_name="nightly",
        partition_key=due.exam_code,
        asset_selection=[dg.AssetKey(name) for name in selected],
        tags={**own, "qbank/why": why},
    )


def _close(
    instance: dg.DagsterInstance, database: Database, marts: dg.DagsterRun
) -> dg.SensorResult | dg.SkipReason:
    busy = sum(
        instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=_UNDER_WAY)) for job in _WORK
    )
    if busy:
        return dg.SkipReason(f"{busy} calibration runs are under way")
    with database.connect() as conn:
        newest = runs.newest_finished(conn)
    # the key says what the results would show: asked once for each state of the inputs
    key = f"{marts.run_id}:{newest.id if newest else 'none'}"
    weekly = {WEEKLY: marts.tags[WEEKLY]} if WEEKLY in marts.tags else {}
    results = dg.RunRequest(run_key=key, job_name="refresh_results", tags=weekly)
    return dg.SensorResult(run_requests=[results])


def _last_success(instance: dg.DagsterInstance, job: str) -> Any:
    done = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS])
    found = instance.get_runs(done, limit=1)
    return found[0] if found else None
