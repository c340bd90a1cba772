"""Taking an exam's exposure control back to where an earlier run had put it."""

from typing import Any
from uuid import UUID

import dagster as dg
from pydantic import Field

from qbank.requests import Rollback
from qbank.stores import runs
from qbank_orchestration.assets.config import RequestConfig, configures
from qbank_orchestration.assets.publishing import figures
from qbank_orchestration.assets.work import lineage, working
from qbank_orchestration.engine import publication, rollback
from qbank_orchestration.engine.finding import reason
from qbank_orchestration.engine.working_rows import WorkingRows
from qbank_orchestration.pods import job_tags
from qbank_orchestration.resources import Database


@configures(Rollback)
class RollbackConfig(RequestConfig):
    """Back to the exposure control that an earlier run had published."""

    to_run: str | None = Field(
        default=None,
        description="The run whose outcome is to be in force again; left out: run_id's.",
    )


@dg.op
def restore_exposure_control(
    context: dg.OpExecutionContext,
    config: RollbackConfig,
    database: Database,
    rows: dg.ResourceParam[WorkingRows],
) -> None:
    """Puts every item's sh_p back to where it stood when the run had published.

    Items that came under control later are freed again; pinned items stay. The rollback is a run
    of its own with its history, so it can itself be undone.
    """
    with database.connect() as conn:
        published = _published_before(context, conn)
        asked = runs.get(conn, UUID(config.run_id)) if config.run_id else None
        target = _target(config, asked)
        exam_code = runs.get(conn, target).exam_code
    if published is not None:
        context.log.info("run %s put it back before the earlier attempt ended", published.id)
        return
    with (
        working(context, database, rows, config, Rollback, exam_code, run_id=target) as work,
        database.connect() as conn,
    ):
        run = work.run
        rollback.propose(conn, run)
        outcome = publication.publish(conn, run.id)
    if outcome.status != "done":
        raise dg.Failure(
            f"{run.exam_code}: {outcome.status}: {reason(outcome.findings)}", allow_retries=False
        )
    context.log.info("%s: %s", run.exam_code, outcome.numbers)
    context.log_event(
        dg.AssetMaterialization(
            "item_exposure_control",
            partition=run.exam_code,
            description=f"rolled back to run {run.params['run_id']}",
            metadata=figures(run, outcome.numbers),
        )
    )


def _target(config: RollbackConfig, asked: runs.Run | None) -> UUID:
    chosen = asked.params["run_id"] if asked is not None else config.to_run
    if chosen is None:
        raise dg.Failure(
            "to_run is missing: give the id of the run to go back to", allow_retries=False
        )
    try:
        return UUID(chosen)
    except ValueError as error:
        raise dg.Failure(
            f"to_run {chosen!r} is no run id: see `qbank runs list`", allow_retries=False
        ) from error


def _published_before(context: dg.OpExecutionContext, conn: Any) -> runs.Run | None:
    """What this request did already: in a repeated step, or in a run that failed afterwards.

    Re-executing a rollback that succeeded is a new request.
    """
    for orchestrator_run_id in lineage(context):
        attempt = context.instance.get_run_by_id(orchestrator_run_id)
        if attempt is not None and attempt.status == dg.DagsterRunStatus.SUCCESS:
            return None
        for row in runs.of_orchestrator(conn, orchestrator_run_id):
            if row.kind == "rollback" and row.status == "done":
                return row
    return None


@dg.job(
    description="Takes an exam's exposure control back to where an earlier run had put it.",
    executor_def=dg.in_process_executor,
    tags=job_tags("rollback"),
)
def rollback_exposure() -> None:
    """One run: read the history, propose, audit, publish."""
    restore_exposure_control()
