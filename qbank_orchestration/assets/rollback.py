"""Taking an exam's exposure control back to where an earlier run had put it."""

from uuid import UUID

import dagster as dg

from qbank.stores import runs
from qbank_orchestration.assets.work import faults, row_id
from qbank_orchestration.engine import publication, rollback
from qbank_orchestration.engine.finding import reason
from qbank_orchestration.engine.working_rows import WorkingRows
from qbank_orchestration.resources import Database


class RollbackConfig(dg.Config):
    """Which run to go back to.

    Attributes:
        to_run: the run whose outcome is to be in force again; None reads it from ``run_id``.
        run_id: the queued row that asks for it; one is made where there is none.
        requested_by: who asks.
        note: why; kept with the history.
    """

    to_run: str | None = None
    run_id: str | None = None
    requested_by: str = "orchestration"
    note: str | None = None


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
    run_id = UUID(config.run_id) if config.run_id else row_id(context, "rollback")
    if config.run_id is None:
        if config.to_run is None:
            raise dg.Failure("to_run is missing: give the id of the run to go back to")
        with database.connect() as conn:
            rollback.request(
                conn,
                UUID(config.to_run),
                requested_by=config.requested_by,
                note=config.note,
                run_id=run_id,
            )
    with faults(rows, run_id):
        run = rows.take(run_id, context.run.run_id)
        with database.connect() as conn:
            rollback.propose(conn, run)
            outcome = publication.publish(conn, run.id)
    if outcome.status != "done":
        raise dg.Failure(
            f"{run.exam_code}: {outcome.status}: {reason(outcome.findings)}", allow_retries=False
        )
    with database.connect() as conn:
        ended = runs.get(conn, run.id)
    context.log.info("%s: %s", run.exam_code, (ended.result or {}).get("published"))
    context.log_event(
        dg.AssetMaterialization(
            "item_exposure_control",
            partition=run.exam_code,
            description=f"rolled back to run {run.params['run_id']}",
            metadata={f"rows_{k}": v for k, v in outcome.numbers.items() if k != "at"},
        )
    )


@dg.job(
    description="Takes an exam's exposure control back to where an earlier run had put it.",
    executor_def=dg.in_process_executor,
    tags={"qbank/kind": "rollback"},
)
def rollback_exposure() -> None:
    """One run: read the history, propose, audit, publish."""
    restore_exposure_control()
