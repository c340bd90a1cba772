"""Exposure control by exam: a Sympson–Hetter calibration that proposes, and its publication."""

import time
from typing import Any
from uuid import UUID

import dagster as dg

from qbank.stores import item_bank, runs
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
from qbank_orchestration.engine import exposure, publication
from qbank_orchestration.engine.exposure import NothingToCalibrate
from qbank_orchestration.engine.finding import Finding, forbidding
from qbank_orchestration.engine.proposal import ExposureProposal
from qbank_orchestration.engine.request import CalibrationRequest
from qbank_orchestration.engine.working_rows import WorkingRows
from qbank_orchestration.metadata import plots, tables
from qbank_orchestration.partitions import EXAM
from qbank_orchestration.resources import Database

CHECKS = {
    "caps_feasible": (True, "Exposure parameters exist that meet the caps."),
    "sh_p_in_range": (True, "Every sh_p is a probability."),
    "live_items_covered": (True, "Each live, calibrated item is proposed exactly once."),
    "pool_unchanged": (True, "The pool is the one that was calibrated."),
    "exposure_bound": (True, "The certificate bounds every P(A) at its cap."),
    "test_can_be_completed": (True, "A test's length of items is never held back."),
    "search_converged": (False, "The search met its tolerance."),
    "all_items_calibrated": (False, "Every live item has parameters."),
}


class ExposureConfig(dg.Config):
    """Request parameters; None takes the exam's, then the default.

    Attributes:
        run_id: the queued row that asks for it, with its own parameters; one is made where there
            is none.
        requested_by: who asks.
    """

    run_id: str | None = None
    requested_by: str = "orchestration"
    tau: float | None = None
    n: int | None = None
    test_len: int | None = None
    iters: int | None = None
    alpha: float | None = None
    theta_dist: str | None = None
    floor: float | None = None
    ceil: float | None = None
    seed: int | None = None
    topic_tau: dict[str, float] | None = None
    topic_weights: dict[str, float] | None = None
    dry_run: bool = False

    def params(self) -> dict[str, Any]:
        """The request as it is kept in the row."""
        given = {name: value for name, value in self.model_dump().items() if value is not None}
        return {k: v for k, v in given.items() if k not in ("run_id", "requested_by")}


@dg.asset(
    partitions_def=EXAM,
    deps=["item_parameters"],
    check_specs=specs("sympson_hetter_calibration", CHECKS),
    group_name="calibration",
    owners=OWNERS,
    kinds={"python", "numba"},
    code_version=CODE_VERSION,
    pool=POOL,
    backfill_policy=dg.BackfillPolicy.multi_run(1),
)
def sympson_hetter_calibration(
    context: dg.AssetExecutionContext,
    config: ExposureConfig,
    database: Database,
    rows: dg.ResourceParam[WorkingRows],
) -> dg.MaterializeResult:
    """Finds exposure parameters for the live pool by simulation and proposes them.

    A certificate from an independent simulation bounds every item's exposure rate. Nothing that
    delivery reads changes here.
    """
    import calibration as cal  # kept out of the code location's import

    began = time.monotonic()
    run_id = UUID(config.run_id) if config.run_id else row_id(context, "sympson_hetter")
    with faults(rows, run_id):
        run = _take(context, config, database, rows, run_id)
        with database.connect() as conn:
            pool = item_bank.load(conn, context.partition_key)
            topics = item_bank.topics(conn, pool.exam.tenant_id)
        request = CalibrationRequest.of(pool.exam, run.params).seeded(pool.fingerprint())
        history: list[dict[str, Any]] = []

        def report(entry: dict[str, Any]) -> bool:
            history.append(entry)
            return rows.report(run_id, entry)

        try:
            proposed = exposure.calibrate(pool, topics, request, report)
        except cal.InfeasibleExposureError as error:
            rows.finish_infeasible(run_id, str(error), pool.fingerprint())
            return _infeasible(error)
        if isinstance(proposed, NothingToCalibrate):
            rows.finish_empty(run_id, proposed.reason)
            return _result({"nothing_proposed": proposed.reason}, (), proposed.reason)
        if proposed.summary["stopped_reason"] == "canceled":
            rows.finish_canceled(run_id)
            raise dg.Failure("canceled on request", allow_retries=False)
        findings = _keep(database, run_id, proposed, request)
    metadata = _metadata(proposed, request, history)
    metadata |= {"run": str(run_id), "duration_s": round(time.monotonic() - began, 3)}
    return _result(metadata, (FEASIBLE, *findings), "")


@dg.asset(
    partitions_def=EXAM,
    deps=[
        "sympson_hetter_calibration",
        dg.AssetDep(
            "sh_p_reestimation_publication",
            partition_mapping=dg.MultiToSingleDimensionPartitionMapping("exam"),
        ),
    ],
    group_name="bank",
    owners=OWNERS,
    kinds={"postgres"},
    code_version=CODE_VERSION,
    backfill_policy=dg.BackfillPolicy.multi_run(1),
)
def item_exposure_control(
    context: dg.AssetExecutionContext,
    database: Database,
    rows: dg.ResourceParam[WorkingRows],
) -> dg.MaterializeResult:
    """Exposure parameters (sh_p) that delivery applies, with their history.

    Publishes what this run proposed, after auditing it once more, in one transaction. Pinned items
    stay as they are.
    """
    return dg.MaterializeResult(metadata=publish_own(context, database, rows, "sympson_hetter"))


FEASIBLE = Finding("caps_feasible", True, True, "the caps can be met")


def _take(
    context: dg.AssetExecutionContext,
    config: ExposureConfig,
    database: Database,
    rows: WorkingRows,
    run_id: UUID,
) -> runs.Run:
    if config.run_id is None:
        with database.connect() as conn:
            runs.create(
                conn,
                kind="sympson_hetter",
                exam_code=context.partition_key,
                params=config.params(),
                requested_by=config.requested_by,
                seed=config.seed,
                run_id=run_id,
            )
    return rows.take(run_id, context.run.run_id)


def _keep(
    database: Database, run_id: UUID, proposed: ExposureProposal, request: CalibrationRequest
) -> tuple[Finding, ...]:
    with database.connect() as conn:
        runs.propose(
            conn,
            run_id,
            proposed.as_result() | {"request": request.params()},
            input_fingerprint=proposed.input_fingerprint,
            seed=request.seed,
        )
        findings = publication.findings_of(conn, runs.get(conn, run_id))
        if forbidding(findings):
            publication.reject(conn, run_id, findings)
    return findings


def _infeasible(error: Any) -> dg.MaterializeResult:
    numbers = {
        "shortfall": error.shortfall,
        "smallest_feasible_tau": error.smallest_feasible_tau,
    }
    found = Finding("caps_feasible", False, True, str(error), numbers)
    return _result({"infeasible": str(error)}, (found,), "the caps are infeasible")


def _result(
    metadata: dict[str, Any], findings: tuple[Finding, ...], reason: str
) -> dg.MaterializeResult:
    results = findings_as_results(findings, "sympson_hetter_calibration", [*CHECKS], reason)
    return dg.MaterializeResult(metadata=metadata, check_results=results)


def _metadata(
    proposed: ExposureProposal, request: CalibrationRequest, history: list[dict[str, Any]]
) -> dict[str, Any]:
    certificate, summary = proposed.certificate, proposed.summary
    charted = ("max_exposure", "max_exposure_upper", "max_exposure_before", "overlap", "rmse")
    rates = summary["administered"]
    return {
        **{name: certificate[name] for name in charted},
        "overlap_before": certificate["overlap_before"],
        "rmse_before": certificate["rmse_before"],
        "unused_share": certificate["unused"],
        "rows": summary["items"],
        "items_controlled": summary["items_controlled"],
        "iterations": summary["iterations"],
        "converged": summary["converged"],
        "tau": request.tau,
        "seed": request.seed,
        "input_fingerprint": proposed.input_fingerprint,
        "code_version": CODE_VERSION,
        "convergence": plots.convergence(history, request.tau),
        "item_exposure": plots.exposures(rates, request.tau),
        "most_exposed": tables.most_exposed(proposed, rates),
    }
