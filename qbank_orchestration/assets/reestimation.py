"""Re-estimation of sh_p by exam and day: a proposal from what was served, and its publication."""

import time
from datetime import date
from typing import Any
from uuid import UUID

import dagster as dg

from qbank.stores import runs
from qbank_orchestration.assets.publishing import publish_own
from qbank_orchestration.assets.work import (
    CODE_VERSION,
    OWNERS,
    POOL,
    faults,
    findings_as_results,
    own_row,
    row_id,
    specs,
)
from qbank_orchestration.engine import publication, reestimated_day
from qbank_orchestration.engine.exposure import NothingToCalibrate
from qbank_orchestration.engine.finding import Finding, forbidding
from qbank_orchestration.engine.proposal import ExposureProposal
from qbank_orchestration.engine.reestimation import ReestimationRequest
from qbank_orchestration.engine.working_rows import WorkingRows
from qbank_orchestration.metadata import plots, tables
from qbank_orchestration.partitions import EXAM_DAY
from qbank_orchestration.resources import Database

CHECKS = {
    "sh_p_in_range": (True, "Every sh_p is a probability."),
    "rates_are_possible": (True, "No item was served in more sessions than there were."),
    "live_items_covered": (True, "Each live, calibrated item is proposed exactly once."),
    "enough_sessions": (False, "The window holds enough sessions to say something."),
}


class ReestimationConfig(dg.Config):
    """Request parameters; None takes the exam's policy, then the default.

    Attributes:
        run_id: the queued row that asks for it; one is made where there is none.
        requested_by: who asks.
    """

    run_id: str | None = None
    requested_by: str = "orchestration"
    tau: float | None = None
    days: int | None = None
    floor: float | None = None
    ceil: float | None = None
    rule: str | None = None
    basis: str | None = None
    fading: float | None = None
    dry_run: bool = False

    def params(self) -> dict[str, Any]:
        """The request as it is kept in the row, without exam and day."""
        given = {name: value for name, value in self.model_dump().items() if value is not None}
        return {k: v for k, v in given.items() if k not in ("run_id", "requested_by")}


@dg.asset(
    partitions_def=EXAM_DAY,
    deps=[["analytics", "fact_sessions"]],
    check_specs=specs("sh_p_reestimation", CHECKS),
    group_name="calibration",
    owners=OWNERS,
    kinds={"python"},
    code_version=CODE_VERSION,
    pool=POOL,
    backfill_policy=dg.BackfillPolicy.multi_run(1),
)
def sh_p_reestimation(
    context: dg.AssetExecutionContext,
    config: ReestimationConfig,
    database: Database,
    rows: dg.ResourceParam[WorkingRows],
) -> dg.MaterializeResult:
    """Moves sh_p towards the target by what was served in the days before, and proposes that.

    The day starts from what was in force at its first moment, so computing it again gives the same
    answer. Nothing that delivery reads changes here.
    """
    began = time.monotonic()
    exam_code, day = _exam_and_day(context)
    run_id = UUID(config.run_id) if config.run_id else row_id(context, "reestimation")
    with faults(rows, run_id):
        request = _take(context, config, database, rows, run_id, exam_code, day)
        with database.connect() as conn:
            proposed = reestimated_day.propose(conn, request)
        if isinstance(proposed, NothingToCalibrate):
            rows.finish_empty(run_id, proposed.reason)
            return _result({"nothing_proposed": proposed.reason}, (), proposed.reason)
        with database.connect() as conn:
            runs.propose(
                conn, run_id, proposed.as_result(), input_fingerprint=proposed.input_fingerprint
            )
            findings = publication.findings_of(conn, runs.get(conn, run_id))
            if forbidding(findings):
                publication.reject(conn, run_id, findings)
    metadata = _metadata(proposed, request)
    metadata |= {"run": str(run_id), "duration_s": round(time.monotonic() - began, 3)}
    return _result(metadata, findings, "")


@dg.asset(
    partitions_def=EXAM_DAY,
    deps=["sh_p_reestimation"],
    group_name="bank",
    owners=OWNERS,
    kinds={"postgres"},
    code_version=CODE_VERSION,
    backfill_policy=dg.BackfillPolicy.multi_run(1),
)
def sh_p_reestimation_publication(
    context: dg.AssetExecutionContext,
    database: Database,
    rows: dg.ResourceParam[WorkingRows],
) -> dg.MaterializeResult:
    """Puts a re-estimated day in force, and lets the later days follow it.

    Days after it that were computed from another start are computed again, in order.
    """
    exam_code, day = _exam_and_day(context)
    metadata = publish_own(context, database, rows, "reestimation")
    run = own_row(context, database, "reestimation")
    followed = 0
    if run is not None and run.status == "done" and run.stopped_reason != "dry_run":
        with database.connect() as conn:
            for outcome in reestimated_day.follow(conn, exam_code, day, leader=run.id):
                context.log.info("a later day followed: %s %s", outcome.status, outcome.numbers)
                followed += 1
        # what delivery reads is one asset, whichever way it changed
        context.log_event(
            dg.AssetMaterialization(
                "item_exposure_control",
                partition=exam_code,
                description=f"re-estimated for {day}",
                metadata={"run": str(run.id)},
            )
        )
    return dg.MaterializeResult(metadata=metadata | {"later_days_followed": followed})


def _exam_and_day(context: dg.AssetExecutionContext) -> tuple[str, date]:
    key = context.partition_key
    assert isinstance(key, dg.MultiPartitionKey)  # noqa: S101
    keys = key.keys_by_dimension
    return keys["exam"], date.fromisoformat(keys["day"])


def _take(
    context: dg.AssetExecutionContext,
    config: ReestimationConfig,
    database: Database,
    rows: WorkingRows,
    run_id: UUID,
    exam_code: str,
    day: date,
) -> ReestimationRequest:
    if config.run_id is None:
        with database.connect() as conn:
            request = reestimated_day.request_for(conn, exam_code, day, config.params())
            runs.create(
                conn,
                kind="reestimation",
                exam_code=exam_code,
                params=request.params(),
                requested_by=config.requested_by,
                run_id=run_id,
            )
        rows.take(run_id, context.run.run_id)
        return request
    params = dict(rows.take(run_id, context.run.run_id).params)
    for known in ("exam_code", "day"):
        params.pop(known, None)
    with database.connect() as conn:
        return reestimated_day.request_for(conn, exam_code, day, params)


def _result(
    metadata: dict[str, Any], findings: tuple[Finding, ...], reason: str
) -> dg.MaterializeResult:
    results = findings_as_results(findings, "sh_p_reestimation", [*CHECKS], reason)
    return dg.MaterializeResult(metadata=metadata, check_results=results)


def _metadata(proposed: ExposureProposal, request: ReestimationRequest) -> dict[str, Any]:
    summary = proposed.summary
    charted = ("max_exposure", "items_over_tau", "moved", "held_still", "sessions")
    return {
        **{name: summary[name] for name in charted},
        "rows": summary["items"],
        "tau": request.tau,
        "rule": request.rule,
        "days": request.days,
        "input_fingerprint": proposed.input_fingerprint,
        "code_version": CODE_VERSION,
        "item_exposure": plots.exposures(summary["rate"], request.tau),
        "most_exposed": tables.most_exposed(proposed, summary["rate"]),
    }
