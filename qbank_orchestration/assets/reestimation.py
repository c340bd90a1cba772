"""Re-estimation of sh_p by exam and day: a proposal from what was served, and its publication."""

import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg

from qbank.requests import Reestimation
from qbank_orchestration.assets.config import RequestConfig, configures
from qbank_orchestration.assets.publishing import publish
from qbank_orchestration.assets.work import (
    CODE_VERSION,
    findings_as_results,
    observe,
    proposes,
    publishes,
    working,
)
from qbank_orchestration.engine import publication, reestimated_day
from qbank_orchestration.engine.exposure import NothingToCalibrate
from qbank_orchestration.engine.finding import forbidding, reason
from qbank_orchestration.engine.proposal import ExposureProposal
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


@configures(Reestimation)
class ReestimationConfig(RequestConfig):
    """A re-estimation of sh_p from what was served; what is left out is the exam's."""


@proposes(
    partitions=EXAM_DAY,
    deps=[
        ["analytics", "fact_sessions"],
        ["raw", "quiz_items"],
        ["raw", "exams"],
        ["raw", "item_exposure_history"],
    ],
    checks=CHECKS,
    kinds={"python"},
)
def sh_p_reestimation(
    context: dg.AssetExecutionContext,
    config: ReestimationConfig,
    database: Database,
    rows: dg.ResourceParam[WorkingRows],
) -> Iterator[Any]:
    """Moves sh_p towards the target by what was served in the days before, and proposes that.

    The day starts from what was in force at its first moment, so computing it again gives the same
    answer. Nothing that delivery reads changes here.
    """
    began = time.monotonic()
    exam_code, day = _exam_and_day(context)
    own, published = "sh_p_reestimation", "sh_p_reestimation_publication"

    with working(context, database, rows, config, Reestimation, exam_code, day=day) as work:
        run, request = work.run, work.request
        with database.connect() as conn:
            proposed = reestimated_day.propose(conn, request)
        if isinstance(proposed, NothingToCalibrate):
            rows.finish_empty(run.id, proposed.reason)
            observe(context, proposed.reason, run.id, own, published)
            return
        with database.connect() as conn:
            findings = publication.propose(
                conn,
                run.id,
                proposed.as_result(),
                input_fingerprint=proposed.input_fingerprint,
            )
    if forbidding(findings):
        observe(context, f"rejected: {reason(findings)}", run.id, published)
    metadata = _metadata(proposed, request)
    metadata |= {"run": str(run.id), "duration_s": round(time.monotonic() - began, 3)}
    yield dg.MaterializeResult(metadata=metadata, check_results=findings_as_results(findings, own))


@publishes(partitions=EXAM_DAY, deps=["sh_p_reestimation"])
def sh_p_reestimation_publication(
    context: dg.AssetExecutionContext,
    database: Database,
    rows: dg.ResourceParam[WorkingRows],
) -> Iterator[Any]:
    """Puts a re-estimated day in force, and lets the later days follow it.

    Days after it that were computed from another start are computed again, in order.
    """
    exam_code, day = _exam_and_day(context)
    published = publish(context, database, "reestimation", exam_code, day)
    if published is None:
        return
    followed = 0
    with database.connect() as conn:
        for outcome in reestimated_day.follow(conn, exam_code, day, leader=published.run.id):
            context.log.info("a later day followed: %s %s", outcome.status, outcome.numbers)
            followed += 1
    # what delivery reads is one asset, whichever way it changed
    context.log_event(
        dg.AssetMaterialization(
            "item_exposure_control",
            partition=exam_code,
            description=f"re-estimated for {day}",
            metadata=published.metadata,
        )
    )
    yield dg.MaterializeResult(metadata=published.metadata | {"later_days_followed": followed})


def _exam_and_day(context: dg.AssetExecutionContext) -> tuple[str, date]:
    key = context.partition_key
    assert isinstance(key, dg.MultiPartitionKey)  # noqa: S101
    keys = key.keys_by_dimension
    return keys["exam"], date.fromisoformat(keys["day"])


def _metadata(proposed: ExposureProposal, request: Reestimation) -> dict[str, Any]:
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
