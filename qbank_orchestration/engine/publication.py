"""Publication: the only way a proposal reaches what delivery reads.

One transaction under the exam's lock audits the stored proposal once more against the bank as it
is at that moment, then either puts it in force with its history and ends the row as done, or ends
the row as rejected and touches nothing. A caller that skipped the audit before cannot publish what
does not pass it here.

What never lives here: computing proposals, Dagster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from qbank.stores import ConflictError, exposure, item_bank, item_parameters, runs
from qbank.stores.exposure import Control, Origin, Source
from qbank_orchestration.engine import audit, audit_parameters
from qbank_orchestration.engine.finding import Finding, forbidding, reason
from qbank_orchestration.engine.proposal import ExposureProposal, ParameterProposal


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: done, rejected, or what the row had been ended as before.
        findings: of the audit in the publishing transaction.
        numbers: rows changed, left equal, left because pinned or overtaken.
    """

    status: runs.Status
    findings: tuple[Finding, ...]
    numbers: Mapping[str, Any]
    stopped_reason: str | None = None


def propose(
    conn: Connection[Any],
    run_id: UUID,
    result: Mapping[str, Any],
    *,
    input_fingerprint: str,
    seed: int | None = None,
) -> tuple[Finding, ...]:
    """Keeps a proposal and audits it; the caller commits.

    What the audit forbids ends as rejected here, a dry run as done; anything else waits for
    :func:`publish`, by this process or another.

    Returns:
        What the audit found.

    Raises:
        ConflictError: the run is not running (any more).
    """
    runs.propose(conn, run_id, result, input_fingerprint=input_fingerprint, seed=seed)
    run = runs.get(conn, run_id)
    findings = findings_of(conn, run)
    if forbidding(findings):
        reject(conn, run_id, findings)
    elif run.params.get("dry_run"):
        _end_dry(conn, run_id, findings)
    return findings


def publish(conn: Connection[Any], run_id: UUID) -> Outcome:
    """Audits and publishes what a run proposed; the caller commits.

    Raises:
        NotFoundError: no such run.
        ConflictError: the run proposes nothing, or was ended before.
    """
    run = runs.get(conn, run_id)
    exposure.lock(conn, run.exam_code)
    # read again under the lock: recovery or a cancellation may have ended it meanwhile
    run = runs.get(conn, run_id)
    if run.status == "canceled":
        return Outcome("canceled", (), {}, run.stopped_reason)
    if run.status != "proposed":
        why = f" ({run.stopped_reason})" if run.stopped_reason else ""
        raise ConflictError(
            f"run {run_id} is {run.status}{why}, not proposed: nothing is published"
        )
    if run.cancel_requested_at is not None:
        runs.finish(conn, run_id, "canceled", stopped_reason="canceled")
        return Outcome("canceled", (), {}, "canceled")
    findings = findings_of(conn, run)
    if forbidding(findings):
        reject(conn, run_id, findings)
        return Outcome("rejected", findings, {}, "audit")
    if run.params.get("dry_run"):
        _end_dry(conn, run_id, findings)
        return Outcome("done", findings, {"changed": 0}, "dry_run")
    # the row ends first: what a re-estimation leads to is read from the ended rows
    checks = {"checks": [f.as_json() for f in findings]}
    if not runs.finish(conn, run_id, "done", result=checks):
        raise ConflictError(f"run {run_id} was ended while it published: nothing is published")
    numbers = dict(_put_in_force(conn, run)) | {"at": datetime.now(UTC).isoformat()}
    runs.note(conn, run_id, {"published": numbers})
    return Outcome("done", findings, numbers)


def reject(conn: Connection[Any], run_id: UUID, findings: Sequence[Finding]) -> None:
    """Ends a row as rejected, with the failing checks and their numbers."""
    runs.finish(
        conn,
        run_id,
        "rejected",
        result=_unpublished(findings),
        error=reason(findings),
        stopped_reason="audit",
    )


def _end_dry(conn: Connection[Any], run_id: UUID, findings: Sequence[Finding]) -> None:
    runs.finish(conn, run_id, "done", result=_unpublished(findings), stopped_reason="dry_run")


def _unpublished(findings: Sequence[Finding]) -> dict[str, Any]:
    return {"checks": [f.as_json() for f in findings], "published": None}


def findings_of(conn: Connection[Any], run: runs.Run) -> tuple[Finding, ...]:
    """Audits a run's stored proposal against the bank as it is now."""
    assert run.result is not None  # noqa: S101  (the callers looked)
    pool = item_bank.load(conn, run.exam_code)
    if run.kind == "irt":
        published = item_parameters.in_force(conn, run.exam_code, pool.exam.irt_model)
        return audit_parameters.audit(ParameterProposal.of_result(run.result), pool, published)
    proposal = ExposureProposal.of_result(run.result)
    if run.kind == "reestimation":
        return audit.reestimation(proposal, pool)
    if run.kind == "rollback":
        return (audit.sh_p_in_range(proposal),)
    return audit.exposure(proposal, pool)


def _put_in_force(conn: Connection[Any], run: runs.Run) -> Mapping[str, Any]:
    assert run.result is not None  # noqa: S101
    if run.kind == "irt":
        proposal = ParameterProposal.of_result(run.result)
        changed = item_parameters.publish(
            conn, run.exam_code, proposal.model, proposal.parameters, run_id=run.id
        )
        statistics = item_parameters.publish_statistics(conn, run.exam_code, proposal.statistics)
        return {"changed": changed, "statistics_changed": statistics}
    controls = ExposureProposal.of_result(run.result).controls
    overtaken = 0
    if run.kind == "reestimation":
        controls, overtaken = _still_due(conn, run.exam_code, controls)
    origin = Origin(_SOURCES[run.kind], run.requested_by, run.id, run.params.get("note"))
    done = exposure.publish(conn, run.exam_code, controls, origin)
    return {
        "changed": done.changed,
        "unchanged": done.unchanged,
        "pinned": done.pinned,
        "overtaken": overtaken,
    }


_SOURCES: dict[str, Source] = {
    "sympson_hetter": "calibration",
    "reestimation": "reestimation",
    "rollback": "rollback",
}


def _still_due(
    conn: Connection[Any], exam_code: str, controls: Sequence[Control]
) -> tuple[tuple[Control, ...], int]:
    """What a re-estimated day changes now, and how many items something later has set already.

    The day may lie back: then later days, a calibration or a hand have the last word.
    """
    end = {(c.question_id, c.version): c.sh_p for c in exposure.at_end(conn, exam_code)}
    held = {(c.question_id, c.version): c.sh_p for c in exposure.in_force(conn, exam_code)}
    keys = [(c.question_id, c.version) for c in controls]
    overtaken = sum(1 for key, c in zip(keys, controls, strict=True) if end.get(key, 1.0) != c.sh_p)
    # sh_p = 1 without a row says the same as with one
    due = tuple(
        Control(*key, end.get(key, 1.0)) for key in keys if end.get(key, 1.0) != held.get(key, 1.0)
    )
    return due, overtaken
