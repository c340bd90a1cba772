"""Hands a command's work to the daemon's queue and follows it to its end.

The daemon's queue keeps one dbt and one calibration at a time and one run an exam; a command that
works beside it would not. What never lives here: the work, and deciding what is due.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import dagster as dg

from qbank import postgres
from qbank.errors import QbankError
from qbank.stores import runs
from qbank.wording import listed
from qbank_orchestration import nights, retries
from qbank_orchestration.asking import Request
from qbank_orchestration.ended import Ended, Night, ended
from qbank_orchestration.engine import night
from qbank_orchestration.tags import BY_COMMAND, EXAMS, NIGHT, NIGHT_RUN, OVER, WEEKLY

POLL_S = 1.0
# Dagster's daemons beat every 30 s; its own patience of half an hour is no use to a command
ALIVE_S, SILENT_S = 60.0, 120.0
# Dagster says within a moment of a failure whether it retries the run, and does so within seconds
DECIDED_S, RETRY_S = 5.0, 120.0
_AT_WORK = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED)
_NAMED = 3  # runs of others, where a night waits for many
_NEEDED = ("SENSOR", "QUEUED_RUN_COORDINATOR")


def silent_for(instance: dg.DagsterInstance) -> float:
    """Seconds since the daemon last gave a sign of life; infinite where there never was one."""
    beats = instance.get_daemon_heartbeats()
    if not all(name in beats for name in _NEEDED):
        return float("inf")
    return time.time() - min(beats[name].timestamp for name in _NEEDED)


class Queue:
    """Does what ``running.Runner`` does, by the daemon.

    Attributes:
        on_start, on_end: as the runner's.
        on_interrupt: asked at Ctrl-C whether the daemon is to stop as well.
    """

    def __init__(
        self,
        instance: dg.DagsterInstance,
        *,
        on_start: Callable[[str, str | None, str], object] = lambda *_: None,
        on_end: Callable[[Ended], object] = lambda _: None,
        on_interrupt: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._instance = instance
        self.on_start = on_start
        self.on_end = on_end
        self.on_interrupt = on_interrupt

    def requests(self, requests: Sequence[Request]) -> list[Ended]:
        """Queues requests as the API does and waits for all of them.

        Raises:
            QbankError: the daemon fell silent; what it had not begun was taken back.
        """
        rows: dict[UUID, Request] = {}
        done: dict[UUID, Ended] = {}

        def over() -> bool:
            for row_id, request in rows.items():
                if row_id not in done and (found := self._row_ended(row_id, request)):
                    done[row_id] = found
                    self.on_end(found)
            return len(done) == len(rows)

        first, *others = requests
        more = f" and {len(others)} more" if others else ""
        why = first.why or "in the daemon's queue"
        with self._interruptible(cancel := lambda: self._cancel_rows(rows.keys() - done.keys())):
            with postgres.connect("orchestration", autocommit=True) as conn:
                for request in requests:
                    rows[request.run_id or _row(conn, request)] = request
            self.on_start(f"{first.kind}{more}", first.partition, why)
            self._follow(over, cancel)
        return [done[row_id] for row_id in rows]

    def _row_ended(self, row_id: UUID, request: Request) -> Ended | None:
        with postgres.connect("orchestration") as conn:
            row = runs.get(conn, row_id)
        if row.status not in runs.FINISHED:
            return None
        run = self._instance.get_run_by_id(row.orchestrator_run_id or "")
        if run is None:
            why = row.error or row.stopped_reason or row.status
            return Ended(
                request.kind, request.partition, str(row_id), 0.0, why, 0, (), success=False
            )
        return self._run_ended(run) if run.is_finished else None

    def night(self, day: date, *, exams: Sequence[str] | None = None, full: bool = False) -> Night:
        """Begins a night, or finds one of the same scope under way, and follows it.

        Raises:
            QbankError: the daemon fell silent; what it had not begun was taken back.
        """
        # nobody else begins one between the look and the launch
        with nights.alone(lambda: self.on_start("night", None, "waits for another command's")):
            if marts_id := self._open_night(day, exams, full=full):
                self.on_start("rebuild_marts", None, f"a night is under way: run {marts_id}")
            else:
                marts_id = str(uuid4())
                self.on_start("rebuild_marts", None, "goes to the daemon's queue")
                with self._interruptible(partial(self._cancel_runs, marts_id)):
                    nights.launch(marts_id, nights.begin(day, exams, weekly=full))
        done = self.follow_night(marts_id)
        if len(done.ended) > 1 or all(run.success for run in done.ended):
            with postgres.connect("orchestration") as conn:
                plan = night.plan(conn, day, exam_codes=exams)
            worked = {run.partition for run in done.ended}
            done.waiting = {
                due.exam_code: due.waiting for due in plan if due.exam_code not in worked
            }
        return done

    def follow_night(self, marts_id: str) -> Night:
        """Follows a night to its end, and a lost run to that of its retry, which stands for it.

        Raises:
            QbankError: the daemon fell silent; what it had not begun was taken back.
        """
        done = Night()
        told: set[str] = set()
        lost: dict[str, Ended] = {}
        waits = ""

        def over() -> bool:
            nonlocal waits
            for run in self._night_runs(marts_id):
                if run.run_id in told or not run.is_finished or self._undecided(run):
                    continue
                told.add(run.run_id)
                ended = self._run_ended(run)
                if retries.comes(run):
                    ended = replace(ended, error=f"{ended.error}; a retry starts by itself")
                    lost[run.run_id] = ended
                else:
                    done.ended.append(ended)
                self.on_end(ended)
            if self._night_over(marts_id, told):
                return True
            now = self._waits_for(marts_id)
            if now and now != waits:
                self.on_start("night", None, f"waits for {now}")
            waits = now
            return False

        with self._interruptible(cancel := partial(self._cancel_runs, marts_id)):
            self._follow(over, cancel)
        runs_now = {run.run_id: run for run in self._night_runs(marts_id)}
        done.ended += [
            replace(ended, error=f"{ended.error}, but none came")
            for run_id, ended in lost.items()
            if run_id not in runs_now or not retries.run_id_of(runs_now[run_id])
        ]
        return done

    def _waits_for(self, marts_id: str) -> str:
        """The runs of others while none of the night's is at work; "" where there are none."""
        own = {run.run_id: run for run in self._night_runs(marts_id)}
        if any(run.status in _AT_WORK for run in own.values()):
            return ""
        under_way = self._instance.get_runs(dg.RunsFilter(statuses=nights.UNDER_WAY))
        others = sorted(
            " ".join((run.job_name, run.tags.get("dagster/partition", ""))).rstrip()
            for run in under_way
            if run.run_id not in own
        )
        return listed(others, _NAMED)

    def _undecided(self, run: dg.DagsterRun) -> bool:
        """Whether a run failed so lately that nobody knows yet if it is retried."""
        failed = run.status == dg.DagsterRunStatus.FAILURE
        return failed and not retries.is_decided(run) and self._ended_ago(run) < DECIDED_S

    def _awaits_retry(self, run: dg.DagsterRun) -> bool:
        waits = retries.comes(run) and not retries.run_id_of(run)
        return waits and self._ended_ago(run) < RETRY_S

    def _ended_ago(self, run: dg.DagsterRun) -> float:
        record = self._instance.get_run_record_by_id(run.run_id)
        return time.time() - (record.end_time or 0) if record else float("inf")

    def _open_night(self, day: date, exams: Sequence[str] | None, *, full: bool) -> str | None:
        """The run of the marts of such a night of the daemon's that is not over."""
        building = nights.under_way(self._instance, exams, weekly=full)
        if building is not None:
            return building.run_id
        wanted = nights.begin(day, exams, weekly=full)
        built = self._instance.get_runs(
            dg.RunsFilter(
                job_name="rebuild_marts",
                statuses=[dg.DagsterRunStatus.SUCCESS],
                tags={NIGHT: day.isoformat()},
                updated_after=datetime.now(UTC) - timedelta(days=1),
            ),
            limit=1,
        )
        same = (
            built
            and not {OVER, BY_COMMAND} & built[0].tags.keys()
            and all(built[0].tags.get(name) == wanted.get(name) for name in (EXAMS, WEEKLY))
        )
        return built[0].run_id if same else None

    def _marts_runs(self, marts_id: str) -> list[dg.DagsterRun]:
        """The run of the marts and those that retried it, oldest first."""
        found, run_id = [], marts_id
        while run_id and (run := self._instance.get_run_by_id(run_id)):
            found.append(run)
            run_id = retries.run_id_of(run) or ""
        return found

    def _night_runs(self, marts_id: str) -> list[dg.DagsterRun]:
        marts = self._marts_runs(marts_id)
        begun_by = [run.run_id for run in marts] or [marts_id]
        own = self._instance.get_runs(dg.RunsFilter(tags={NIGHT_RUN: begun_by}))
        return [*marts, *reversed(own)]

    def _night_over(self, marts_id: str, told: set[str]) -> bool:
        runs_now = self._night_runs(marts_id)
        if not {run.run_id for run in runs_now} <= told:
            return False
        if any(self._awaits_retry(run) for run in runs_now):
            return False
        marts = self._marts_runs(marts_id)
        # the sensor marks it when nothing of it will come any more
        return bool(marts) and (not marts[-1].is_success or OVER in marts[-1].tags)

    def _run_ended(self, run: dg.DagsterRun) -> Ended:
        record = self._instance.get_run_record_by_id(run.run_id)
        assert record is not None  # noqa: S101  (its run was just read)
        logs = self._instance.all_logs(run.run_id)
        return ended(
            run.job_name,
            run.tags.get("dagster/partition"),
            run.run_id,
            success=run.is_success,
            seconds=(record.end_time or 0) - (record.start_time or record.end_time or 0),
            events=[entry.dagster_event for entry in logs if entry.dagster_event is not None],
        )

    def _follow(self, over: Callable[[], bool], cancel: Callable[[], int]) -> None:
        while not over():
            time.sleep(POLL_S)
            silent = silent_for(self._instance)
            if silent > SILENT_S:
                raise QbankError(
                    f"the daemon is silent since {silent:.0f} s: {cancel()} pieces of work that"
                    " it had not ended were taken back; run the command again"
                )

    @contextmanager
    def _interruptible(self, cancel: Callable[[], int]) -> Iterator[None]:
        """At Ctrl-C says that the daemon goes on, and takes the work back if that is wished."""
        try:
            yield
        except KeyboardInterrupt:
            if self.on_interrupt("the daemon goes on with it, and Dagit shows it"):
                cancel()
            raise

    def _cancel_rows(self, row_ids: Iterable[UUID]) -> int:
        canceled = 0
        with postgres.connect("orchestration", autocommit=True) as conn:
            for row_id in row_ids:
                if runs.get(conn, row_id).status not in runs.FINISHED:
                    runs.request_cancel(conn, row_id)
                    canceled += 1
        return canceled

    def _cancel_runs(self, marts_id: str) -> int:
        open_runs = [run for run in self._night_runs(marts_id) if not run.is_finished]
        return sum(self._instance.run_coordinator.cancel_run(run.run_id) for run in open_runs)


def _row(conn: postgres.Connection, request: Request) -> UUID:
    return runs.create(
        conn,
        kind=request.kind,
        exam_code=request.exam_code,
        params=request.row_params(),
        requested_by=request.requested_by,
        seed=request.params.get("seed"),
    ).id
