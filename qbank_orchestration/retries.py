"""Whether the daemon starts a failed run again, and as which run.

What never lives here: retrying (Dagster's, by ``run_retries`` of ``deploy/dagster/dagster.yaml``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg

_WILL_RETRY, _RETRY = "dagster/will_retry", "dagster/auto_retry_run_id"


def comes(run: dg.DagsterRun) -> bool:
    """Whether a retry starts by itself, or did.

    Dagster marks every run whose process was lost, a command's own as well. It can start only those
    again that a code location launched.
    """
    return run.tags.get(_WILL_RETRY) == "true" and run.remote_job_origin is not None


def is_decided(run: dg.DagsterRun) -> bool:
    """Whether Dagster has said if it retries a failed run; it does just after the failure."""
    return _WILL_RETRY in run.tags


def run_id_of(run: dg.DagsterRun) -> str | None:
    """The run that retries this one; None before it was made."""
    return run.tags.get(_RETRY)
