"""Nights begin once for each night of the clock, and are made up when nothing ran the schedule."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._scheduler.scheduler import launch_scheduled_runs
from dagster._utils.schedules import cron_string_iterator

from qbank.project_files import project_file
from qbank_orchestration import schedules
from qbank_orchestration.instance import instance
from qbank_orchestration.resources import Database
from qbank_orchestration.tags import NIGHT, WHY


@pytest.fixture
def opened(settings) -> Iterator[dg.DagsterInstance]:
    """An instance without a run, on an empty database."""
    with instance() as opened:
        yield opened


def evaluate(opened: dg.DagsterInstance, at: datetime, schedule=schedules.nightly_schedule):
    """What the schedule asks for at a moment."""
    with dg.build_schedule_context(
        instance=opened, scheduled_execution_time=at, resources={"database": Database()}
    ) as context:
        return schedule.evaluate_tick(context)


def test_each_night_begins_once_whatever_the_clock_does(
    opened: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    for zone, cron in itertools.product(ZONES, CRONS):
        monkeypatch.setenv("QBANK_NIGHTLY_TIMEZONE", zone)
        for changes in CLOCK_CHANGES:
            keys = [
                _asked_key(opened, tick)
                for tick in itertools.takewhile(
                    lambda tick, last=changes: tick < last + timedelta(days=3),
                    cron_string_iterator((changes - timedelta(days=3)).timestamp(), cron, zone),
                )
            ]
            assert len(keys) == len(set(keys)) == 6, (zone, cron, keys)


def _asked_key(opened: dg.DagsterInstance, tick: datetime) -> str | None:
    (asked,) = evaluate(opened, tick).run_requests or ()
    assert asked.tags[NIGHT] == tick.astimezone(UTC).date().isoformat()
    return asked.run_key


ZONES = ("America/New_York", "Europe/Berlin")
CRONS = ("30 19 * * *", "30 2 * * *", "30 1 * * *")
# noons of days on which a clock goes forward, or back
CLOCK_CHANGES = [
    datetime(2026, month, day, 12, tzinfo=UTC)
    for month, day in ((3, 8), (3, 29), (10, 25), (11, 1))
]


def test_a_night_that_nothing_ran_is_made_up_and_says_so(opened: dg.DagsterInstance):
    due = datetime.now(UTC) - timedelta(hours=6)
    (late,) = evaluate(opened, due).run_requests or ()
    assert f"made up: nothing ran the schedule at {due:%Y-%m-%d %H:%M} UTC" in late.tags[WHY]
    (weekly,) = evaluate(opened, due, schedules.weekly_full_schedule).run_requests or ()
    assert "the weekly calibration; made up" in weekly.tags[WHY]
    (punctual,) = evaluate(opened, datetime.now(UTC)).run_requests or ()
    assert "made up" not in punctual.tags[WHY]


@pytest.mark.slow
def test_a_daemon_that_was_away_makes_up_for_the_last_night_once(opened: dg.DagsterInstance):
    workspace = WorkspaceFileTarget([str(project_file("workspace.yaml"))])
    with create_test_daemon_workspace_context(workspace, opened) as context:

        def pass_time(at: datetime) -> list[str]:
            list(launch_scheduled_runs(context, logging.getLogger("test"), at, {}))
            runs = opened.get_runs(dg.RunsFilter(job_name="rebuild_marts"))
            return sorted(run.tags["dagster/run_key"] for run in runs)

        assert pass_time(datetime(2026, 11, 17, 12, tzinfo=UTC)) == []
        # three nights and no weekly one
        night = "night:2026-11-20T03:00"
        assert pass_time(datetime(2026, 11, 20, 9, tzinfo=UTC)) == [night]
        assert pass_time(datetime(2026, 11, 20, 9, 5, tzinfo=UTC)) == [night]
        # the night waits: the next one says that it is skipped, and the weekly one is its own
        later = pass_time(datetime(2026, 11, 22, 9, tzinfo=UTC))
        assert later == [night, "weekly:2026-11-22T04:00"]
        (state,) = [s for s in opened.all_instigator_state() if s.name == "nightly_schedule"]
        (last, *_) = opened.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
        assert "a night is under way already" in (last.skip_reason or "")
