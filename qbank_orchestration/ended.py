"""How Dagster runs ended, as the commands tell it, wherever they ran.

What never lives here: running them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from qbank_orchestration.engine.finding import UNJUDGED
from qbank_orchestration.failure import first_error

# as Dagster stores the failure and the cancellation of a run
_ENDS = ("PIPELINE_FAILURE", "PIPELINE_CANCELED")


@dataclass(frozen=True)
class Ended:
    """How one Dagster run ended.

    Attributes:
        run_id: in Dagit.
        error: what failed first, None where it succeeded.
        checks_passed: asset checks that passed.
        checks_failed: names of those that did not and forbid what follows.
        warnings: names of those that did not and only ask for a look.
    """

    job: str
    partition: str | None
    run_id: str
    success: bool = field(kw_only=True)
    seconds: float
    error: str | None
    checks_passed: int
    checks_failed: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass
class Night:
    """What a night did, run by run."""

    ended: list[Ended] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)

    @property
    def success(self) -> bool:
        """Whether every run succeeded."""
        return all(run.success for run in self.ended)


def ended(
    job: str,
    partition: str | None,
    run_id: str,
    *,
    success: bool,
    seconds: float,
    events: Iterable[Any],
) -> Ended:
    """Reads a run's events for what its checks and its failed steps said."""
    told = [*events]
    checks = [
        event.event_specific_data
        for event in told
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    failed = [event for event in told if event.event_type_value == "STEP_FAILURE"]
    return Ended(
        job=job,
        partition=partition,
        run_id=run_id,
        success=success,
        seconds=seconds,
        error=None if success else _why(failed[0], checks) if failed else _end(told),
        checks_passed=sum(1 for check in checks if check.passed),
        checks_failed=_not_passed(checks, "ERROR"),
        warnings=_not_passed(checks, "WARN"),
    )


def _not_passed(checks: Sequence[Any], severity: str) -> tuple[str, ...]:
    return tuple(
        f"{check.asset_key.path[-1]}.{check.check_name}"
        for check in checks
        if not check.passed and check.severity.value == severity and UNJUDGED not in check.metadata
    )


def _end(told: Sequence[Any]) -> str:
    """Why a run ended of which no step failed: its process was lost, or somebody canceled it."""
    said = [e.message for e in told if e.event_type_value in _ENDS]
    return " ".join(said[-1].split()) if said and said[-1] else "failed or was canceled"


def _why(failure: Any, checks: Sequence[Any]) -> str:
    """What a failed check found, else what the first failed step said."""
    for check in checks:
        if not check.passed and check.blocking and check.severity.value == "ERROR":
            return f"not published: {check.description or check.check_name}"
    return first_error(failure)
