"""Item parameters by exam: an IRT fit that proposes, and the publication of what passed."""

import time
from typing import Any
from uuid import UUID

import dagster as dg

from qbank.stores import item_bank, item_parameters, responses, runs
from qbank_orchestration.assets.publishing import publish_own
from qbank_orchestration.assets.work import (
    CODE_VERSION,
    OWNERS,
    POOL,
    faults,
    findings_as_results,
    row_id,
    specs,
)
from qbank_orchestration.engine import parameters, publication
from qbank_orchestration.engine.exposure import NothingToCalibrate
from qbank_orchestration.engine.finding import Finding, forbidding
from qbank_orchestration.engine.proposal import ParameterProposal
from qbank_orchestration.engine.working_rows import WorkingRows
from qbank_orchestration.metadata import plots
from qbank_orchestration.partitions import EXAM
from qbank_orchestration.resources import Database

CHECKS = {
    "parameters_in_bounds": (True, "Every a, b, c lies where an item can have it."),
    "fit_converged": (True, "The fit converged."),
    "drift_bounded": (True, "Difficulties agree with the published ones of the same items."),
    "few_items_drifted": (False, "Few published items moved against the others."),
    "live_items_have_parameters": (False, "Each live item has parameters."),
}


class FitConfig(dg.Config):
    """How an IRT calibration is asked for.

    Attributes:
        run_id: the queued row that asks for it; one is made where there is none.
        requested_by: who asks.
        dry_run: stop before publishing.
    """

    run_id: str | None = None
    requested_by: str = "orchestration"
    dry_run: bool = False


@dg.asset(
    partitions_def=EXAM,
    deps=[["analytics", "irt_responses"], ["analytics", "fact_responses"]],
    check_specs=specs("irt_calibration", CHECKS),
    group_name="calibration",
    owners=OWNERS,
    kinds={"python", "numba"},
    code_version=CODE_VERSION,
    pool=POOL,
    backfill_policy=dg.BackfillPolicy.multi_run(1),
)
def irt_calibration(
    context: dg.AssetExecutionContext,
    config: FitConfig,
    database: Database,
    rows: dg.ResourceParam[WorkingRows],
) -> dg.MaterializeResult:
    """Fits the exam's IRT model to first attempts and proposes item parameters.

    The proposal stays on the published scale. Nothing that delivery reads changes here.
    """
    began = time.monotonic()
    run_id = UUID(config.run_id) if config.run_id else row_id(context, "irt")
    with faults(rows, run_id):
        _take(context, config, database, rows, run_id)
        with database.connect() as conn:
            exam = item_bank.exam(conn, context.partition_key)
            attempts = responses.first_attempts(conn, exam.exam_code)
            published = item_parameters.in_force(conn, exam.exam_code, exam.irt_model)
            times = responses.median_times(conn, exam.exam_code)
        proposed = parameters.estimate(
            exam, attempts, published, times, lambda entry: rows.report(run_id, entry)
        )
        if isinstance(proposed, NothingToCalibrate):
            rows.finish_empty(run_id, proposed.reason, proposed.summary)
            return _nothing(proposed.reason)
        findings = _keep(database, run_id, proposed)
    context.log.info("proposed %s items", len(proposed.parameters))
    return dg.MaterializeResult(
        metadata=_metadata(proposed, run_id, began),
        check_results=findings_as_results(findings, "irt_calibration", [*CHECKS], ""),
    )


@dg.asset(
    name="item_parameters",
    partitions_def=EXAM,
    deps=["irt_calibration"],
    group_name="bank",
    owners=OWNERS,
    kinds={"postgres"},
    code_version=CODE_VERSION,
    backfill_policy=dg.BackfillPolicy.multi_run(1),
)
def item_parameters_asset(
    context: dg.AssetExecutionContext,
    database: Database,
    rows: dg.ResourceParam[WorkingRows],
) -> dg.MaterializeResult:
    """Item parameters and classical statistics that delivery and the marts read.

    Publishes what this run proposed, after auditing it once more, in one transaction.
    """
    return dg.MaterializeResult(metadata=publish_own(context, database, rows, "irt"))


def _take(
    context: dg.AssetExecutionContext,
    config: FitConfig,
    database: Database,
    rows: WorkingRows,
    run_id: UUID,
) -> None:
    if config.run_id is None:
        with database.connect() as conn:
            runs.create(
                conn,
                kind="irt",
                exam_code=context.partition_key,
                params={"dry_run": config.dry_run},
                requested_by=config.requested_by,
                run_id=run_id,
            )
    rows.take(run_id, context.run.run_id)


def _keep(database: Database, run_id: UUID, proposed: ParameterProposal) -> tuple[Finding, ...]:
    with database.connect() as conn:
        runs.propose(
            conn, run_id, proposed.as_result(), input_fingerprint=proposed.input_fingerprint
        )
        findings = publication.findings_of(conn, runs.get(conn, run_id))
        if forbidding(findings):
            publication.reject(conn, run_id, findings)
    return findings


def _nothing(reason: str) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={"nothing_proposed": reason},
        check_results=findings_as_results((), "irt_calibration", [*CHECKS], reason),
    )


def _metadata(proposed: ParameterProposal, run_id: UUID, began: float) -> dict[str, Any]:
    summary = proposed.summary
    charted = ("responses", "persons", "items", "items_calibrated", "cycles", "log_likelihood")
    rows = proposed.parameters
    return {
        **{name: summary[name] for name in charted},
        "median_se_a": summary["median_se_a"],
        "median_se_b": summary["median_se_b"],
        "rows": len(rows),
        "flags": dict(summary["flags"]),
        "scale": dict(summary["scale"]),
        "run": str(run_id),
        "input_fingerprint": proposed.input_fingerprint,
        "code_version": CODE_VERSION,
        "duration_s": round(time.monotonic() - began, 3),
        "parameters": plots.difficulties([row.b for row in rows], [row.a for row in rows]),
    }
