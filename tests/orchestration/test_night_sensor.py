"""The night's sensor, look by look, on a real instance: what it asks for, and how often."""

from __future__ import annotations

import time
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.test_utils import create_run_for_test

from qbank import postgres
from qbank.stores import runs
from qbank_orchestration import nights
from qbank_orchestration.instance import instance
from qbank_orchestration.resources import Database
from qbank_orchestration.sensors.night import night_sensor
from qbank_orchestration.tags import BY_COMMAND, EXAM, NIGHT_RUN, OVER
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, Exams

SUCCESS, STARTED = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.STARTED


class Looks:
    """Evaluates the sensor as the daemon does, with the cursor of its last look."""

    def __init__(self, opened: dg.DagsterInstance) -> None:
        self.instance = opened
        self._cursor: str | None = None

    def __call__(self) -> list[dg.RunRequest] | str:
        """What it asks for, or why it asks for nothing."""
        with dg.build_sensor_context(
            instance=self.instance, cursor=self._cursor, resources={"database": Database()}
        ) as context:
            seen = night_sensor(context)
        if isinstance(seen, dg.SkipReason):
            return seen.skip_message or ""
        assert isinstance(seen, dg.SensorResult)
        self._cursor = seen.cursor or self._cursor
        return [*(seen.run_requests or ())]

    def ran(self, job: str, status: dg.DagsterRunStatus = SUCCESS, **tags: str) -> str:
        """A run as it stands in the storage."""
        time.sleep(0.01)  # so that one is the newest
        return create_run_for_test(self.instance, job, status=status, tags=tags).run_id

    def fanned_out(self) -> list[tuple[str | None, str]]:
        """Job and exam of what a look asks for."""
        asked = self()
        assert isinstance(asked, list), asked
        return [(request.job_name, request.tags[EXAM]) for request in asked]


@pytest.fixture
def looks(exams: Exams, today) -> Iterator[Looks]:
    """A sensor that never looked, on two exams whose marts are built."""
    with instance() as opened:
        yield Looks(opened)


def end(status: runs.Status, reason: str | None = None) -> None:
    with postgres.connect("orchestration") as conn:
        run = runs.create(conn, kind="irt", exam_code=ALGEBRA, params={}, requested_by="me")
        runs.finish(conn, run.id, status, stopped_reason=reason)


def test_each_night_is_fanned_out_once_for_its_own_exams(looks: Looks, today):
    whole = nights.begin(today, None, weekly=False)
    one = nights.begin(today, [GEOMETRY], weekly=False)
    looks.ran("rebuild_marts", **whole | {BY_COMMAND: "true"})
    looks.ran("rebuild_marts")  # by hand, in Dagit
    first, second = looks.ran("rebuild_marts", **whole), looks.ran("rebuild_marts", **one)
    everything = [
        (job, code) for code in (ALGEBRA, GEOMETRY) for job in ("nightly", "reestimate_exam")
    ]
    assert looks.fanned_out() == everything
    # what the first night began is not begun again by the second, which ended before a look
    looks.ran("nightly", STARTED, **{EXAM: GEOMETRY, NIGHT_RUN: first})
    assert looks.fanned_out() == [("reestimate_exam", GEOMETRY)]
    assert looks() == "1 runs are under way"
    assert second != first


def test_a_backfill_is_followed_by_one_refresh(looks: Looks, today):
    looks.ran("rebuild_marts")
    ours, other = dg.AssetKey("sh_p_reestimation"), dg.AssetKey("somebody_elses")
    for number, (state, key) in enumerate(
        (
            (BulkActionStatus.REQUESTED, ours),
            (BulkActionStatus.CANCELING, ours),
            (BulkActionStatus.COMPLETED_FAILED, ours),
            (BulkActionStatus.REQUESTED, other),
        )
    ):
        backfill = PartitionBackfill(
            f"b{number}",
            state,
            from_failure=False,
            tags={},
            backfill_timestamp=time.time(),
            asset_selection=[key],
            partition_names=[],
        )
        looks.instance.add_backfill(backfill)
        end("done")
        if number < 2:
            assert looks() == f"backfill b{number} is under way"
            looks.instance.update_backfill(backfill.with_status(BulkActionStatus.CANCELED))
    (asked,) = looks()
    assert asked.job_name == "refresh_results"
    looks.ran("refresh_results", STARTED)
    assert looks() == "1 runs are under way"


def test_the_results_are_asked_for_once_for_each_state_whatever_came_of_it(looks: Looks, today):
    night = looks.ran("rebuild_marts", **nights.begin(today, [], weekly=False))
    assert looks() == []  # a night without exams has no runs
    (asked,) = looks()
    assert (asked.job_name, asked.tags[NIGHT_RUN]) == ("refresh_results", night)
    looks.ran("refresh_results", dg.DagsterRunStatus.FAILURE)
    assert "nothing was published since" in looks()
    assert OVER in looks.instance.get_run_by_id(night).tags
    # a run that published nothing changes no result
    for status, reason in (
        ("empty", None),
        ("failed", None),
        ("rejected", None),
        ("done", "dry_run"),
    ):
        end(status, reason)
        assert "nothing was published since" in looks()
    end("done")
    (again,) = looks()
    assert again.run_key != asked.run_key
    with postgres.connect("orchestration") as conn:
        runs.create(conn, kind="irt", exam_code=ALGEBRA, params={}, requested_by="me")
    assert looks() == "1 requests wait or are at work"
