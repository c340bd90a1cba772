"""The technical report of an exam, written anew where the exam is another one than at its last.

What never lives here: what it says (``qbank.reporting``), and when it is written (``reports``).
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import psycopg

from qbank.errors import DatabaseUnavailableError
from qbank.stores import exam_reports
from qbank.stores.exam_reports import ExamReport
from qbank_orchestration.assets.work import CODE_VERSION, OWNERS, retried
from qbank_orchestration.partitions import EXAM
from qbank_orchestration.resources import Database

REPORT = "technical_report"


@dg.asset(
    name=REPORT,
    partitions_def=EXAM,
    deps=[
        ["analytics", "item_health"],
        ["analytics", "item_fit"],
        ["analytics", "item_fairness"],
        ["analytics", "blueprint_coverage"],
        ["analytics", "fact_sessions"],
        ["analytics", "user_ability"],
        ["analytics", "selector_experiment"],
    ],
    group_name="reports",
    owners=OWNERS,
    kinds={"python", "html", "pdf"},
    code_version=CODE_VERSION,
    # an exam that did not change has none
    output_required=False,
)
def technical_report(
    context: dg.AssetExecutionContext, database: Database, presence: dg.ResourceParam[object]
) -> Iterator[Any]:
    """Page, PDF and JSON of each exam of the run that changed since its last report.

    One exam's failure does not stop the others.
    """
    # one, or the range that the weekly run names
    asked = list(context.partition_keys)
    with retried(), database.connect() as conn:
        due = exam_reports.due(conn, asked)
    failed: dict[str, str] = {}
    for exam_code in asked:
        if exam_code in due:
            _write(context, exam_code, due[exam_code], failed)
        elif len(asked) == 1:
            _unchanged(context, exam_code, "nothing changed since the last report")
    if failed:
        raise dg.Failure(
            "; ".join(f"{exam_code}: {why}" for exam_code, why in failed.items()),
            metadata={"failed": list(failed), "exams": len(due)},
        )
    # a result would stand for all partitions of the run, changed or not: each has its own event
    yield from ()


def _write(
    context: dg.AssetExecutionContext, exam_code: str, why: str, failed: dict[str, str]
) -> None:
    # numpy and scipy are kept out of the code location's import
    from qbank.reporting import renew

    began = time.monotonic()
    with retried():
        try:
            report, is_new = renew(exam_code)
        except (psycopg.OperationalError, DatabaseUnavailableError):
            raise
        except Exception as error:
            context.log.exception("the report of exam %s was not written", exam_code)
            failed[exam_code] = str(error)
            return
    if not is_new:
        _unchanged(context, exam_code, "the report would say what the last one says")
        return
    context.log_event(materialization(report, {"why": why, "duration_s": _since(began)}))


def materialization(report: ExamReport, more: Mapping[str, Any]) -> dg.AssetMaterialization:
    """What Dagit shows of a report that was written."""
    return dg.AssetMaterialization(
        asset_key=REPORT,
        partition=report.exam_code,
        metadata={
            "path": dg.MetadataValue.path(report.folder),
            "sha256": report.sha256,
            "warnings": len(report.missing),
            "not_evidenced": dict(report.missing),
            "cuts": list(report.cuts),
            "calibration": str(report.run_id),
            "input_fingerprint": report.input_fingerprint,
            "code_version": CODE_VERSION,
            **more,
        },
    )


def _unchanged(context: dg.AssetExecutionContext, exam_code: str, why: str) -> None:
    context.log_event(
        dg.AssetObservation(
            asset_key=REPORT,
            partition=exam_code,
            description=why,
            metadata={"not_materialized": why},
        )
    )


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)
