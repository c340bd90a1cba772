"""Publishing the proposal that this Dagster run made, through the one door for it."""

from __future__ import annotations

import time
from typing import Any

import dagster as dg

from qbank.stores import runs
from qbank_orchestration.assets.work import faults, own_row
from qbank_orchestration.engine import publication
from qbank_orchestration.engine.finding import reason
from qbank_orchestration.engine.working_rows import WorkingRows
from qbank_orchestration.resources import Database


def publish_own(
    context: dg.AssetExecutionContext, database: Database, rows: WorkingRows, kind: runs.Kind
) -> dict[str, Any]:
    """Publishes what this run proposed for ``kind``; returns metadata.

    A step that is repeated after its transaction committed finds the row done and says so.

    Raises:
        dagster.Failure: the proposal is not published, and why.
    """
    began = time.monotonic()
    run = own_row(context, database, kind)
    if run is None:
        raise dg.Failure(
            f"this run made no {kind} proposal: materialize the proposing asset with it",
            allow_retries=False,
        )
    if run.status in ("done", "empty"):
        published = (run.result or {}).get("published") or {}
        return _metadata(run, published, run.stopped_reason, began)
    with faults(rows, run.id), database.connect() as conn:
        outcome = publication.publish(conn, run.id)
    if outcome.status != "done":
        raise dg.Failure(
            f"{run.exam_code}: {outcome.status}, the values in force stay: "
            f"{reason(outcome.findings) or outcome.stopped_reason}",
            allow_retries=False,
        )
    return _metadata(run, outcome.numbers, outcome.stopped_reason, began)


def _metadata(
    run: runs.Run, numbers: Any, stopped_reason: str | None, began: float
) -> dict[str, Any]:
    shown = {f"rows_{key}": value for key, value in dict(numbers).items() if key != "at"}
    return shown | {
        "run": str(run.id),
        "stopped_reason": stopped_reason or "published",
        "duration_s": round(time.monotonic() - began, 3),
    }
