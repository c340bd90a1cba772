"""Exposure control by exam: a Sympson–Hetter calibration that proposes, and its publication."""

import time
from collections.abc import Iterator
from typing import Any

import dagster as dg

from qbank.requests import SympsonHetter
from qbank.stores import item_bank
from qbank_orchestration.assets.config import RequestConfig, configures
from qbank_orchestration.assets.publishing import publish
from qbank_orchestration.assets.work import (
    CODE_VERSION,
    findings_as_results,
    observe,
    proposes,
    publishes,
    reporting,
    working,
)
from qbank_orchestration.engine import exposure, publication
from qbank_orchestration.engine import population as populations
from qbank_orchestration.engine.exposure import NothingToCalibrate
from qbank_orchestration.engine.finding import UNJUDGED, Finding, forbidding, reason
from qbank_orchestration.engine.proposal import ExposureProposal
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


@configures(SympsonHetter)
class ExposureConfig(RequestConfig):
    """A Sympson–Hetter calibration; what is left out is the exam's."""


@proposes(
    partitions=EXAM,
    deps=[
        "item_parameters",
        ["analytics", "irt_responses"],
        ["raw", "exams"],
        ["raw", "question_publications"],
        ["raw", "questions"],
        ["raw", "topics"],
    ],
    checks=CHECKS,
    kinds={"python", "numba"},
)
def sympson_hetter_calibration(
    context: dg.AssetExecutionContext,
    config: ExposureConfig,
    database: Database,
    rows: dg.ResourceParam[WorkingRows],
) -> Iterator[Any]:
    """Finds exposure parameters for the live pool by simulation and proposes them.

    A certificate from an independent simulation bounds every item's exposure rate. Nothing that
    delivery reads changes here.
    """
    import calibration as cal  # kept out of the code location's import

    began = time.monotonic()
    exam_code = context.partition_key
    own, published = "sympson_hetter_calibration", "item_exposure_control"
    with working(context, database, rows, config, SympsonHetter, exam_code) as work:
        run = work.run
        with database.connect() as conn:
            pool = item_bank.load(conn, exam_code)
            topics = item_bank.topics(conn, pool.exam.tenant_id)
            population = populations.of_exam(conn, pool.exam, work.request)
        request = work.request.seeded(pool.fingerprint())
        history: list[dict[str, Any]] = []
        keep = reporting(context, rows, run.id)

        def report(entry: dict[str, Any]) -> bool:
            history.append(entry)
            return keep(entry)

        try:
            proposed = exposure.calibrate(pool, topics, request, population, report)
        except cal.InfeasibleExposureError as error:
            why = exposure.infeasible(pool, request, error)
            rows.finish_infeasible(run.id, why, pool.fingerprint())
            observe(context, f"infeasible: {why}", run.id, own, published)
            yield from findings_as_results(_infeasible(error, why), own)
            return
        if isinstance(proposed, NothingToCalibrate):
            rows.finish_empty(run.id, proposed.reason)
            observe(context, proposed.reason, run.id, own, published)
            return
        if proposed.summary["stopped_reason"] == "canceled":
            rows.finish_canceled(run.id)
            raise dg.Failure("canceled on request", allow_retries=False)
        with database.connect() as conn:
            findings = publication.propose(
                conn,
                run.id,
                proposed.as_result() | {"request": request.params()},
                input_fingerprint=proposed.input_fingerprint,
                seed=request.seed,
            )
    if forbidding(findings):
        observe(context, f"rejected: {reason(findings)}", run.id, published)
    metadata = _metadata(proposed, request, history)
    metadata |= {"run": str(run.id), "duration_s": round(time.monotonic() - began, 3)}
    yield dg.MaterializeResult(
        metadata=metadata, check_results=findings_as_results((FEASIBLE, *findings), own)
    )


@publishes(
    partitions=EXAM,
    deps=[
        "sympson_hetter_calibration",
        dg.AssetDep(
            "sh_p_reestimation_publication",
            partition_mapping=dg.MultiToSingleDimensionPartitionMapping("exam"),
        ),
    ],
)
def item_exposure_control(
    context: dg.AssetExecutionContext,
    database: Database,
    rows: dg.ResourceParam[WorkingRows],
) -> Iterator[Any]:
    """Exposure parameters (sh_p) that delivery applies, with their history.

    Publishes what was proposed for the exam, after auditing it once more, in one transaction.
    Pinned items stay as they are.
    """
    published = publish(context, database, "sympson_hetter", context.partition_key)
    if published is not None:
        yield dg.MaterializeResult(metadata=published.metadata)


FEASIBLE = Finding("caps_feasible", "the caps can be met", passed=True, blocking=True)


def _infeasible(error: Any, why: str) -> tuple[Finding, ...]:
    """One check failed; a word in the others, or Dagit would call them faults of their own."""
    numbers = {
        "shortfall": error.shortfall,
        "least_tau": error.least_tau,
    }
    unjudged = (name for name in CHECKS if name != "caps_feasible")
    return (
        Finding("caps_feasible", why, numbers, passed=False, blocking=True),
        *(
            Finding(
                name,
                "not judged: the caps cannot be met",
                {UNJUDGED: True},
                passed=False,
                blocking=False,
            )
            for name in unjudged
        ),
    )


def _metadata(
    proposed: ExposureProposal, request: SympsonHetter, history: list[dict[str, Any]]
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
        "test_length": summary["test_len"],
        "quota": summary["quota"],
        "selector": summary["selector"],
        "exposure_control": summary["exposure_control"],
        "population": summary["population"]["theta_dist"],
        "population_source": summary["population"]["reason"],
        "seed": request.seed,
        "input_fingerprint": proposed.input_fingerprint,
        "code_version": CODE_VERSION,
        "convergence": plots.convergence(history, request.tau),
        "item_exposure": plots.exposures(rates, request.tau),
        "most_exposed": tables.most_exposed(proposed, rates),
    }
