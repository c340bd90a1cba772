"""Alerts on runs: those that failed, and those that ended well with a failed check.

What never lives here: schedules and sensors (``ticks``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg

from qbank.alerts import Alert
from qbank_orchestration import retries
from qbank_orchestration.failure import root_cause
from qbank_orchestration.tags import KIND, NIGHT

REPOSITORY = ".dagster/repository"
_PARTITION = "dagster/partition"
_IN_FORCE = {
    "marts": "the marts as they were last built",
    "calibration": "the parameters and the exposure control that were published before",
    "reestimation": "the exposure control that was published before",
}


def is_ours(run: dg.DagsterRun, location: str) -> bool:
    """Whether a run is of this code location, or of a command line that has none."""
    label = run.tags.get(REPOSITORY)
    return label.partition("@")[2] == location if label else KIND in run.tags


def alert_of(instance: dg.DagsterInstance, run: dg.DagsterRun, dagit: str) -> Alert | None:
    """The alert on a run that is over; None where there is nothing to tell."""
    checks = list(_failed_checks(instance, run.run_id))
    if run.status == dg.DagsterRunStatus.FAILURE:
        title, error = f"{_name(run)} failed", first_error(instance, run.run_id)
    elif checks:
        title, error = f"{_name(run)} ended with a failed check", ""
    else:
        return None
    facts = {
        "night": run.tags.get(NIGHT, ""),
        "partition": run.tags.get(_PARTITION, ""),
        "error": error,
        "failed checks": ", ".join(checks),
        "stays in force": _IN_FORCE.get(run.tags.get(KIND, ""), "what was published before"),
        "next": "a retry starts by itself" if retries.comes(run) else "",
    }
    return Alert(
        f"run:{run.run_id}",
        title,
        tuple((name, value) for name, value in facts.items() if value),
        f"{dagit}/runs/{run.run_id}",
    )


def _name(run: dg.DagsterRun) -> str:
    exam = run.tags.get("qbank/exam") or run.tags.get(f"{_PARTITION}/exam")
    job = "a run of the asset pages" if run.job_name.startswith("__ASSET_JOB") else run.job_name
    return f"{job} of {exam}" if exam else job


def first_error(instance: dg.DagsterInstance, run_id: str) -> str:
    """The root cause of the first step that failed, else why the run ended; one line."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    events = [
        record.event_log_entry.dagster_event
        for record in instance.get_records_for_run(run_id, of_type=kinds).records
    ]
    steps = [e for e in events if e and e.event_type == dg.DagsterEventType.STEP_FAILURE]
    for event in [*steps, *events]:
        data: Any = event.event_specific_data if event else None
        error = getattr(data, "error", None)
        if error is not None:
            return root_cause(error)
    ends = [event.message for event in events if event and event.message]
    return " ".join(ends[-1].split()) if ends else ""


def _failed_checks(instance: dg.DagsterInstance, run_id: str) -> Iterator[str]:
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    for record in instance.get_records_for_run(run_id, of_type=kind).records:
        event = record.event_log_entry.dagster_event
        found: Any = event.event_specific_data if event else None
        if found and not found.passed and found.severity == dg.AssetCheckSeverity.ERROR:
            yield f"{found.asset_key.to_user_string()}: {found.check_name}"
