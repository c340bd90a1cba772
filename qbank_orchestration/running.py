"""Runs jobs in this process, on the instance that Dagit shows: the command line's way to work.

The very same jobs as the daemon's; only who starts them differs. What never lives here: what the
jobs do, and what the commands print.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from qbank import postgres
from qbank_orchestration.asking import Request
from qbank_orchestration.ended import Ended, Night, ended
from qbank_orchestration.engine.night import Due, plan
from qbank_orchestration.tags import BY_COMMAND, EXAM, OVER, WHY

if TYPE_CHECKING:
    import dagster as dg

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


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
        done = ended(
            job,
            partition,
            result.run_id,
            success=result.success,
            seconds=time.monotonic() - began,
            events=result.all_events,
        )
        self.on_end(done)
        return done

    def requests(self, requests: Sequence[Request]) -> list[Ended]:
        """Carries out requests, one after another; one that fails does not stop the others."""
        from qbank_orchestration.sensors.requests import JOBS

        done = []
        for request in requests:
            job, op = JOBS[request.kind]
            tags = {EXAM: request.exam_code}
            done.append(
                self.run(
                    job.name,
                    partition=request.partition,
                    ops={op: {"config": request.config()}},
                    tags=tags,
                    why=request.why,
                )
            )
        return done

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

        tags = nights.begin(day, exams, weekly=full) | {BY_COMMAND: "true"}
        done = Night()
        with nights.alone(lambda: self.on_start("night", None, "waits for another command's")):
            marts = self.run("rebuild_marts", tags=tags)
            done.ended.append(marts)
            if not marts.success:
                return done
            for due in self._plan(day, exams, full=full):
                # what the night began with may be done by now: a daemon may have come up
                (still,) = self._plan(day, [due.exam_code], full=full) if due.why else (due,)
                if not still.calibration:
                    done.waiting[still.exam_code] = still.waiting
                for request in nights.runs_of([still], tags, marts.run_id):
                    done.ended.append(self.asked(request))
            results = nights.tags_within(tags, marts.run_id)
            done.ended.append(self.run("refresh_results", tags=results))
            self._instance.add_run_tags(marts.run_id, {OVER: "true"})
        return done

    def _plan(self, day: date, exams: Sequence[str] | None, *, full: bool) -> tuple[Due, ...]:
        with postgres.connect("orchestration") as conn:
            return plan(conn, day, exam_codes=exams, full=full)

    def asked(self, request: dg.RunRequest, *, tags: Mapping[str, str] | None = None) -> Ended:
        """Carries out a run that a night asks for, with tags beside its own."""
        assert request.job_name is not None  # noqa: S101  (a night's requests name their job)
        return self.run(
            request.job_name,
            partition=request.partition_key,
            selection=[key.to_user_string() for key in request.asset_selection or ()],
            tags={**request.tags, **(tags or {})},
            why=request.tags[WHY],
        )
