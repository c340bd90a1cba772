"""Item parameters by exam: an IRT fit that proposes, and the publication of what passed."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import dagster as dg

from qbank.requests import IrtFit
from qbank.stores import item_bank, item_examinations, responses
from qbank.stores import item_parameters as parameters_store
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
from qbank_orchestration.engine import parameters, publication
from qbank_orchestration.engine.exposure import NothingToCalibrate
from qbank_orchestration.engine.finding import forbidding, reason
from qbank_orchestration.engine.proposal import ParameterProposal, plain
from qbank_orchestration.engine.working_rows import WorkingRows
from qbank_orchestration.metadata import plots, tables
from qbank_orchestration.partitions import EXAM
from qbank_orchestration.resources import Database

CHECKS = {
    "parameters_in_bounds": (True, "Every a, b, c lies where an item can have it."),
    "fit_converged": (True, "The fit converged."),
    "drift_bounded": (True, "Difficulties agree with the published ones of the same items."),
    "few_items_drifted": (False, "Few published items moved against the others."),
    "estimates_fit_for_use": (False, "No estimated item is held back."),
    "new_items_known_well": (True, "New items that come into use are known as well as asked."),
    "live_items_have_parameters": (False, "Each live item has parameters."),
}


@configures(IrtFit)
class ParametersConfig(RequestConfig):
    """A fit of the exam's IRT model to first attempts; what is left out is the exam's."""


@proposes(
    partitions=EXAM,
    deps=[
        ["analytics", "irt_responses"],
        ["analytics", "fact_responses"],
        ["raw", "exams"],
        ["raw", "question_publications"],
    ],
    checks=CHECKS,
    kinds={"python", "numba"},
)
def irt_calibration(
    context: dg.AssetExecutionContext,
    config: ParametersConfig,
    database: Database,
    rows: dg.ResourceParam[WorkingRows],
) -> Iterator[Any]:
    """Fits the exam's IRT model to first attempts and proposes item parameters.

    The proposal stays on the published scale. Nothing that delivery reads changes here.
    """
    began = time.monotonic()
    exam_code = context.partition_key
    with working(context, database, rows, config, IrtFit, exam_code) as work:
        run = work.run
        with database.connect() as conn:
            exam = item_bank.exam(conn, exam_code)
            attempts = responses.first_attempts(conn, exam.exam_code)
            published = parameters_store.in_force(conn, exam.exam_code, exam.irt_model)
            in_use = parameters_store.in_use(conn, exam.exam_code)
            times = responses.median_times(conn, exam.exam_code)
            refs = item_bank.external_refs(conn, attempts.question_id.tolist())
            people = item_examinations.people(conn, exam, attempts.persons)
        proposed = parameters.estimate(
            exam,
            work.request,
            attempts,
            published,
            in_use,
            times,
            refs,
            people,
            reporting(context, rows, run.id),
        )
        if isinstance(proposed, NothingToCalibrate):
            rows.finish_empty(run.id, proposed.reason, proposed.summary)
            observe(context, proposed.reason, run.id, "irt_calibration", "item_parameters")
            return
        with database.connect() as conn:
            findings = publication.propose(
                conn,
                run.id,
                proposed.as_result(),
                input_fingerprint=proposed.input_fingerprint,
            )
    if forbidding(findings):
        observe(context, f"rejected: {reason(findings)}", run.id, "item_parameters")
    yield dg.MaterializeResult(
        metadata=_metadata(proposed, run.id, began),
        check_results=findings_as_results(findings, "irt_calibration"),
    )


@publishes(partitions=EXAM, deps=["irt_calibration"])
def item_parameters(
    context: dg.AssetExecutionContext,
    database: Database,
    rows: dg.ResourceParam[WorkingRows],
) -> Iterator[Any]:
    """Item parameters and classical statistics that delivery and the marts read.

    Publishes what was proposed for the exam, after auditing it once more, in one transaction.
    """
    published = publish(context, database, "irt", context.partition_key)
    if published is not None:
        yield dg.MaterializeResult(metadata=published.metadata)


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
        "held_back": tables.held_back(summary["held_back"]),
        "tried_out": tables.tried_out(plain(summary.get("tried_out", ()))),
        "run": str(run_id),
        "input_fingerprint": proposed.input_fingerprint,
        "code_version": CODE_VERSION,
        "duration_s": round(time.monotonic() - began, 3),
        "parameters": plots.difficulties([row.b for row in rows], [row.a for row in rows]),
    }
