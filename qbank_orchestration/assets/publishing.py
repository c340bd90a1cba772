"""Publishing a proposal, whichever process made it, in the one place for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from qbank.stores import ConflictError, runs
from qbank_orchestration.assets.work import lineage, observe, retried
from qbank_orchestration.engine import publication
from qbank_orchestration.engine.finding import reason
from qbank_orchestration.resources import Database


@dataclass(frozen=True)
class Published:
    """A run whose proposal is in force, and what its materialization says."""

    run: runs.Run
    metadata: dict[str, Any]


def publish(
    context: dg.AssetExecutionContext,
    database: Database,
    kind: runs.Kind,
    exam_code: str,
    day: date | None = None,
) -> Published | None:
    """Publishes what this run proposed, or what an earlier one left proposed for the partition.

    A step that is repeated after its transaction committed finds the row done and says so.

    Returns:
        None where nothing was to come into force: a dry run. The asset's page says so.

    Raises:
        dagster.Failure: the proposal is not published, and why.
    """
    began = time.monotonic()
    asset = context.asset_key.to_user_string()
    with retried(), database.connect() as conn:
        run = _proposal(context, conn, kind, exam_code, day)
        if run.status == "proposed":
            outcome = _published(conn, run)
            numbers, stopped_reason = outcome.numbers, outcome.stopped_reason
            status, why = outcome.status, reason(outcome.findings) or outcome.stopped_reason
        else:
            numbers = (run.result or {}).get("published") or {}
            status, stopped_reason = run.status, run.stopped_reason
            why = run.error or run.stopped_reason
    if status != "done":
        observe(context, f"{status}: {why}", run.id, asset)
        raise dg.Failure(
            f"{run.exam_code}: {status}, the values in force stay: {why}", allow_retries=False
        )
    if stopped_reason == "dry_run":
        observe(context, "a dry run: nothing was published", run.id, asset)
        return None
    took = {"duration_s": round(time.monotonic() - began, 3)}
    return Published(run, figures(run, numbers) | took)


def figures(run: runs.Run, numbers: Mapping[str, Any]) -> dict[str, Any]:
    """What the page of a published asset shows: rows by what became of them, and the run."""
    return {f"rows_{key}": n for key, n in numbers.items() if key != "at"} | {"run": str(run.id)}


def _proposal(
    context: dg.AssetExecutionContext,
    conn: Any,
    kind: runs.Kind,
    exam_code: str,
    day: date | None,
) -> runs.Run:
    """Of this run, else of the one that it re-executes, else what waits for the partition."""
    for orchestrator_run_id in lineage(context):
        own = [r for r in runs.of_orchestrator(conn, orchestrator_run_id) if r.kind == kind]
        if own:
            return own[-1]
    waiting = runs.proposed(conn, exam_code, kind, day=day)
    if waiting is None:
        raise dg.Failure(
            f"{exam_code}: no {kind} proposal waits for publication:"
            " materialize the asset that proposes it, too",
            allow_retries=False,
        )
    return waiting


def _published(conn: Any, run: runs.Run) -> publication.Outcome:
    try:
        return publication.publish(conn, run.id)
    except ConflictError:
        # two published at once: the other one's word holds
        conn.rollback()
        ended = runs.get(conn, run.id)
        numbers = (ended.result or {}).get("published") or {}
        return publication.Outcome(ended.status, (), numbers, ended.stopped_reason)
