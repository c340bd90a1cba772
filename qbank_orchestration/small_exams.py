"""Nights of exams with few answers, one after another in one process.

A process takes longer to start than such an exam's night. Each exam keeps a run of its own, with
its partition, checks, history and end; only the process is shared. What never lives here: what is
due, and what an exam's night does.
"""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from qbank_orchestration import nights
from qbank_orchestration.assets.work import POOL, is_canceled, lineage
from qbank_orchestration.engine import night
from qbank_orchestration.pods import job_tags
from qbank_orchestration.resources import Database
from qbank_orchestration.running import Runner
from qbank_orchestration.tags import EXAM, FAILURE_REASON, NIGHT, NIGHT_RUN, SHARED, WEEKLY


@dg.op(pool=POOL)
def each_in_turn(
    context: dg.OpExecutionContext, database: Database, presence: dg.ResourceParam[object]
) -> None:
    """Carries out what is due of the exams that its run names, each in a run of its own."""
    runner = Runner(context.instance)
    for request in _due(context, database):
        context.log.info("%s of %s begins", request.job_name, request.partition_key)
        try:
            done = runner.asked(request, tags={SHARED: context.run_id})
        except BaseException:
            _end_unbegun(context)
            raise
        context.log.info(
            "%s of %s: %s, run %s",
            done.job, done.partition, done.error or "done", done.run_id,
        )  # fmt: skip
        # the interrupt ended the inner run, and says nothing more here
        if is_canceled(context) or _was_interrupted(context.instance, done.run_id):
            raise dg.DagsterExecutionInterruptedError


def _due(context: dg.OpExecutionContext, database: Database) -> Iterator[dg.RunRequest]:
    """What is due still as each exam's turn comes, and is not done by another run."""
    tags = context.run.tags
    for exam_code in nights.exams_of(tags) or ():
        with database.connect() as conn:
            plan = night.plan(
                conn,
                date.fromisoformat(tags[NIGHT]),
                exam_codes=[exam_code],
                full=WEEKLY in tags,
            )
        for request in nights.runs_of(plan, tags, tags[NIGHT_RUN]):
            other = _other(context, request)
            if other is None:
                yield request
            else:
                context.log.info("run %s does or did the work of %s", other.run_id, exam_code)


def _other(context: dg.OpExecutionContext, request: dg.RunRequest) -> dg.DagsterRun | None:
    """A run of the same work that is under way, or that this night has done."""
    # what was under way in the process of a lost attempt of this run went with it
    lost = lineage(context)
    same = context.instance.get_runs(
        dg.RunsFilter(job_name=request.job_name, tags={EXAM: request.tags[EXAM]}), limit=20
    )
    return next(
        (
            run
            for run in same
            if (run.status in nights.UNDER_WAY and run.tags.get(SHARED) not in lost)
            or (run.is_success and run.tags.get(NIGHT_RUN) == request.tags[NIGHT_RUN])
        ),
        None,
    )


def _end_unbegun(context: dg.OpExecutionContext) -> None:
    """An interrupt between the making of an inner run and its begin leaves it to nobody."""
    for run in context.instance.get_runs(
        dg.RunsFilter(statuses=[dg.DagsterRunStatus.NOT_STARTED], tags={SHARED: context.run_id})
    ):
        context.instance.report_run_canceled(run, "the run whose process it shared was stopped")


def _was_interrupted(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is not None and run.tags.get(FAILURE_REASON) == "UNEXPECTED_TERMINATION"


@dg.job(
    name=nights.SMALL_EXAMS,
    executor_def=dg.in_process_executor,
    tags=job_tags("calibration"),
    description="Nights of exams with few answers, one after another in one process; each exam has"
    " a run of its own.",
)
def job() -> None:
    """One op."""
    each_in_turn()
