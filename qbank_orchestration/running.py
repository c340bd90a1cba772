"""Runs jobs in this process, on the instance that Dagit shows: the command line's way to work.

The very same jobs as the daemon's; only who starts them differs. What never lives here: what the
jobs do, and what the commands print.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from qbank import postgres
from qbank_orchestration.engine import night
from qbank_orchestration.tags import BY_COMMAND, OVER, WHY

if TYPE_CHECKING:
    import dagster as dg

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


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
    success: bool
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


class Runner:
    """Executes jobs one after another in this process.

    Attributes:
        on_start: told of each run before it begins: job, partition, why.
        on_end: told of each run after it ended.
    """

    def __init__(
        self,
        instance: dg.DagsterInstance,
        *,
        on_start: Callable[[str, str | None, str], object] = lambda *_: None,
        on_end: Callable[[Ended], object] = lambda _: None,
    ) -> None:
        """Loads the code location."""
        from qbank_orchestration.definitions import defs

        self._defs = defs
        self._instance = instance
        self.on_start = on_start
        self.on_end = on_end

    def run(
        self,
        job: str,
        *,
        partition: str | None = None,
        ops: Mapping[str, Any] | None = None,
        selection: Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
        why: str = "",
    ) -> Ended:
        """Executes a job and waits for its end; a failure is an answer, not an exception."""
        import dagster as dg

        self.on_start(job, partition, why)
        began = time.monotonic()
        if partition is not None:
            self._know_exam(partition)
        logging.getLogger("dagster").setLevel(logging.CRITICAL)
        result = self._defs.resolve_job_def(job).execute_in_process(
            instance=self._instance,
            partition_key=partition,
            run_config=dict(QUIET) | ({"ops": dict(ops)} if ops else {}),
            asset_selection=[dg.AssetKey(key) for key in selection] if selection else None,
            tags=dict(tags or {}),
            raise_on_error=False,
        )
        ended = _ended(job, partition, result, time.monotonic() - began)
        self.on_end(ended)
        return ended

    def _know_exam(self, partition: str) -> None:
        exam_code = partition.split("|")[-1]
        if not self._instance.has_dynamic_partition("exam", exam_code):
            self._instance.add_dynamic_partitions("exam", [exam_code])

    def night(self, day: date, *, exams: Sequence[str] | None = None, full: bool = False) -> Night:
        """The whole night: marts, each exam's calibration and re-estimation, results.

        Marts that fail end the night, for nothing may be calibrated on them. One exam's failure
        does not stop the others. A ``full`` night is the weekly one.
        """
        from qbank_orchestration import nights

        done = Night()
        tags = nights.begin(day, exams, weekly=full) | {BY_COMMAND: "true"}
        marts = self.run("rebuild_marts", tags=tags)
        done.ended.append(marts)
        if not marts.success:
            return done
        with postgres.connect("orchestration") as conn:
            plan = night.plan(conn, day, exam_codes=exams, full=full)
        done.waiting = {due.exam_code: due.waiting for due in plan if not due.calibration}
        for request in nights.runs_of(plan, tags, marts.run_id):
            done.ended.append(self._asked(request))
        results = nights.results_tags(tags, marts.run_id)
        done.ended.append(self.run("refresh_results", tags=results))
        self._instance.add_run_tags(marts.run_id, {OVER: "true"})
        return done

    def _asked(self, request: dg.RunRequest) -> Ended:
        assert request.job_name is not None  # noqa: S101  (a night's requests name their job)
        return self.run(
            request.job_name,
            partition=request.partition_key,
            selection=[key.to_user_string() for key in request.asset_selection or ()],
            tags=request.tags,
            why=request.tags[WHY],
        )


def _ended(job: str, partition: str | None, result: Any, seconds: float) -> Ended:
    checks = result.get_asset_check_evaluations()
    failed = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    return Ended(
        job=job,
        partition=partition,
        run_id=result.run_id,
        success=result.success,
        seconds=seconds,
        error=_why(failed[0], checks) if failed else None,
        checks_passed=sum(1 for check in checks if check.passed),
        checks_failed=_not_passed(checks, "ERROR"),
        warnings=_not_passed(checks, "WARN"),
    )


def _not_passed(checks: Sequence[Any], severity: str) -> tuple[str, ...]:
    return tuple(
        f"{check.asset_key.path[-1]}.{check.check_name}"
        for check in checks
        if not check.passed and check.severity.value == severity
    )


def _why(failure: Any, checks: Sequence[Any]) -> str:
    """What a failed check found, else what the first failed step said."""
    for check in checks:
        if not check.passed and check.blocking and check.severity.value == "ERROR":
            return f"not published: {check.description or check.check_name}"
    return _first_error(failure)


def _first_error(event: Any) -> str:
    data = event.event_specific_data
    failure = data.user_failure_data
    if failure is not None and failure.description:
        return str(failure.description)
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return " ".join(error.message.split()) if error is not None else "failed"
