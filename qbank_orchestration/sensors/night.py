"""The night, run by run: marts, then each exam, then the marts that read the results.

A chain of small runs instead of one large one: an exam that fails fails alone, and each run has a
key of its night and exam, so that nothing runs twice for one night. Many small exams share a
process.

What never lives here: when a night begins (``schedules``), and what is due (``engine.night``).
"""

import json
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from qbank.stores import item_bank
from qbank_orchestration import jobs, nights, small_exams
from qbank_orchestration.engine import night
from qbank_orchestration.partitions import EXAM
from qbank_orchestration.resources import Database
from qbank_orchestration.sensors import closing
from qbank_orchestration.tags import BY_COMMAND, NIGHT, WEEKLY
from qbank_orchestration.tags import EXAM as EXAM_TAG

LOOK_BACK = timedelta(days=1)  # marts older than this are no ground for a calibration


@dg.sensor(
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    jobs=[
        jobs.nightly,
        jobs.examine_exam,
        jobs.reestimate_exam,
        small_exams.job,
        jobs.refresh_results,
    ],
    description="After the marts: each exam's night; after those: the marts that read results.",
)
def night_sensor(
    context: dg.SensorEvaluationContext, database: Database
) -> dg.SensorResult | dg.SkipReason:
    """Fans a night out once its marts are built, and closes it once its runs are over."""
    instance = context.instance
    # the cursor is kept together with the runs that were asked for, so neither comes without the
    # other; two nights whose marts end between two looks are two nights
    known = _cursor(context.cursor)
    built = _built(instance)
    new = [run for run in built if run.run_id not in known and BY_COMMAND not in run.tags]
    if not new:
        return closing.close(instance, database, [run for run in built if run.run_id in known])
    marts = new[0]
    requests, exams = exam_nights(instance, database, marts)
    unknown = sorted(set(exams) - set(instance.get_dynamic_partitions("exam")))
    handled = [run.run_id for run in built if run.run_id in known or run is marts]
    return dg.SensorResult(
        run_requests=requests,
        cursor=json.dumps(handled),
        dynamic_partitions_requests=[EXAM.build_add_request(unknown)] if unknown else [],
    )


def exam_nights(
    instance: dg.DagsterInstance, database: Database, marts: dg.DagsterRun
) -> tuple[list[dg.RunRequest], list[str]]:
    """The runs of one night, and the exams there are; what is under way already is left out."""
    # looked at before the rows: what ends in between has written them
    under_way = _exams_under_way(instance)
    with database.connect() as conn:
        plan: Sequence[night.Due] = night.plan(
            conn,
            date.fromisoformat(marts.tags[NIGHT]),
            exam_codes=nights.exams_of(marts.tags),
            full=WEEKLY in marts.tags,
        )
        exams = [exam.exam_code for exam in item_bank.exams(conn)]
    shared: list[dg.RunRequest] = []
    if nights.together(instance):
        # a run of several looks itself, as each one's turn comes, whether another is at its work
        waiting = {code for job, code in under_way if job == nights.SMALL_EXAMS}
        plan = [due for due in plan if due.exam_code not in waiting]
        shared, plan = nights.gathered(plan, marts.tags, marts.run_id)
    requests = nights.runs_of(plan, marts.tags, marts.run_id)
    alone = [r for r in requests if (r.job_name, r.tags[EXAM_TAG]) not in under_way]
    return [*alone, *shared], exams


def _exams_under_way(instance: dg.DagsterInstance) -> Collection[tuple[str, str]]:
    """Job and exam of the runs that are under way; a run of several small exams counts for each."""
    return {
        (job, code)
        for job in ("nightly", "examine_exam", "reestimate_exam", nights.SMALL_EXAMS)
        for run in instance.get_runs(dg.RunsFilter(job_name=job, statuses=nights.UNDER_WAY))
        for code in (nights.exams_of(run.tags) or [run.tags.get(EXAM_TAG, "")])
    }


def _built(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """The runs that built a night's marts of late, oldest first."""
    done = dg.RunsFilter(
        job_name="rebuild_marts",
        statuses=[dg.DagsterRunStatus.SUCCESS],
        updated_after=datetime.now(UTC) - LOOK_BACK,
    )
    return [run for run in reversed(instance.get_runs(done)) if NIGHT in run.tags]


def _cursor(text: str | None) -> frozenset[str]:
    return frozenset(json.loads(text)) if text and text.startswith("[") else frozenset({text or ""})
