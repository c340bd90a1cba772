"""Alerts on schedules and sensors: ticks that failed, nights that did not begin in time.

What never lives here: runs (``runs``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from qbank.alerts import Alert
from qbank_orchestration.failure import root_cause

_WINDOW_S = 2 * 86_400.0  # what is older is no news


@dataclass(frozen=True)
class Clock:
    """When one looks.

    Attributes:
        began: Unix time from which on failures are told.
        now: Unix time.
        late_s: seconds after which what has not begun is late.
    """

    began: float
    now: float
    late_s: float


def alerts_of_ticks(
    instance: dg.DagsterInstance,
    location: str,
    schedules: Mapping[str, dg.ScheduleDefinition],
    dagit: str,
    clock: Clock,
) -> Iterator[Alert]:
    """What schedules and sensors of this code location have to tell.

    Args:
        instance: where their ticks are.
        location: the code location's name.
        schedules: its schedules by name.
        dagit: where links begin.
        clock: when one looks.
    """
    for state in instance.all_instigator_state():
        where = state.origin.repository_origin.code_location_origin.location_name
        if where != location or not state.is_running:
            continue
        ticks = _Ticks(instance, state)
        link = f"{dagit}/locations/{location}"
        if state.instigator_name in schedules:
            schedule = schedules[state.instigator_name]
            yield from _of_schedule(schedule, ticks, f"{link}/schedules/{schedule.name}", clock)
        else:
            name = state.instigator_name
            yield from _of_sensor(name, ticks, f"{link}/sensors/{name}", clock)


@dataclass(frozen=True)
class _Ticks:
    """The ticks of one schedule or sensor."""

    instance: dg.DagsterInstance
    state: Any

    def __call__(self, **chosen: Any) -> list[Any]:
        origin, selector = self.state.instigator_origin_id, self.state.selector_id
        return list(self.instance.get_ticks(origin, selector, **chosen))

    @property
    def running_since(self) -> float:
        return float(getattr(self.state.instigator_data, "start_timestamp", None) or 0.0)


def _of_schedule(
    schedule: dg.ScheduleDefinition, ticks: _Ticks, link: str, clock: Clock
) -> Iterator[Alert]:
    first = max(clock.began, ticks.running_since, clock.now - _WINDOW_S)
    known = {round(tick.timestamp): tick for tick in ticks(after=first - 1)}
    for due in due_times(schedule, first, clock.now):
        at = datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%d %H:%M UTC")
        tick = known.get(round(due))
        begun = clock.now if tick is None else (tick.end_timestamp or clock.now)
        facts = (("due", at), ("stays in force", "what was published before"))
        if tick is not None and tick.is_failure:
            error = ("error", _error(tick))
            yield Alert(
                f"tick:{schedule.name}:{due:.0f}",
                f"{schedule.name} failed to begin",
                (error, *facts),
                link,
            )
        elif begun - due > clock.late_s:
            missed = "was missed" if tick is None else "began late"
            reason = ("reason", "the daemon was not running, or was too busy")
            yield Alert(
                f"late:{schedule.name}:{due:.0f}",
                f"{schedule.name} {missed}",
                (*facts[:1], reason, *facts[1:]),
                link,
            )


def _of_sensor(name: str, ticks: _Ticks, link: str, clock: Clock) -> Iterator[Alert]:
    newest = ticks(limit=1)
    if not newest or not newest[0].is_failure:
        return
    well = [status for status in type(newest[0].status) if status.name in ("SUCCESS", "SKIPPED")]
    last = ticks(limit=1, statuses=well)
    since = last[0].timestamp if last else ticks.running_since or clock.began
    # one that fails for a moment, as while Postgres restarts, goes on by itself
    if clock.now - max(since, clock.began) > clock.late_s:
        at = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%d %H:%M UTC")
        yield Alert(
            f"sensor:{name}:{since:.0f}",
            f"{name} fails again and again",
            (("worked last", at), ("error", _error(newest[0]))),
            link,
        )


def due_times(schedule: dg.ScheduleDefinition, after: float, until: float) -> list[float]:
    """The Unix times at which a schedule is due, after one time and up to another."""
    zone = schedule.execution_timezone or "UTC"
    crons = schedule.cron_schedule
    found = set()
    for cron in [crons] if isinstance(crons, str) else crons:
        windows = dg.TimeWindowPartitionsDefinition(
            start=datetime.fromtimestamp(after, UTC),
            fmt="%Y-%m-%dT%H:%M:%S%z",
            cron_schedule=cron,
            timezone=zone,
            end_offset=1,  # the last one has begun and not ended
        )
        keys = windows.get_partition_keys(current_time=datetime.fromtimestamp(until, UTC))
        found |= {windows.time_window_for_partition_key(key).start.timestamp() for key in keys}
    return sorted(due for due in found if after < due <= until)


def _error(tick: Any) -> str:
    return root_cause(tick.error) if tick.error else "unknown"
