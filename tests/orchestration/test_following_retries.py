"""A night whose worker was killed: the command follows the retry, and names what happened."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._daemon.types import DaemonHeartbeat

from qbank_orchestration import queueing
from qbank_orchestration.ended import Ended
from qbank_orchestration.tags import OVER

RETRIES_ON = {"run_retries": {"enabled": True, "max_retries": 1}}
LOCATION = RegisteredCodeLocationOrigin("qbank")
ORIGIN = RemoteJobOrigin(RemoteRepositoryOrigin(LOCATION, "__repository__"), "rebuild_marts")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=RETRIES_ON) as opened:
        for name in ("SENSOR", "QUEUED_RUN_COORDINATOR"):
            opened.add_daemon_heartbeat(DaemonHeartbeat(time.time(), name, "it", []))
        yield opened


def _run(instance: dg.DagsterInstance, **more: object) -> dg.DagsterRun:
    return instance.add_run(
        dg.DagsterRun(
            job_name="rebuild_marts",
            status=dg.DagsterRunStatus.STARTED,
            remote_job_origin=ORIGIN,
            **more,
        )
    )


def test_the_retry_stands_for_the_lost_run_and_the_loss_is_named(instance: dg.DagsterInstance):
    lost = _run(instance)
    instance.report_run_failed(lost, "the worker was killed")
    said: list[Ended] = []

    def on_end(ended: Ended) -> None:
        said.append(ended)
        if ended.run_id == lost.run_id:  # what the daemon does then
            retry = _run(instance, root_run_id=lost.run_id, parent_run_id=lost.run_id)
            instance.add_run_tags(lost.run_id, {"dagster/auto_retry_run_id": retry.run_id})
            instance.add_run_tags(retry.run_id, {OVER: "true"})
            instance.report_dagster_event(
                dg.DagsterEvent("PIPELINE_SUCCESS", "rebuild_marts"), retry.run_id
            )

    night = queueing.Queue(instance, on_end=on_end).follow_night(lost.run_id)
    assert [run.success for run in said] == [False, True]
    assert said[0].error == "the worker was killed; a retry starts by itself"
    assert night.success
    assert [run.run_id for run in night.ended] == [said[1].run_id]


def test_a_retry_that_never_comes_is_a_failure(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(queueing, "RETRY_S", 2.0)
    lost = _run(instance)
    instance.report_run_failed(lost, "the worker was killed")
    night = queueing.Queue(instance).follow_night(lost.run_id)
    assert not night.success
    assert night.ended[0].error == (
        "the worker was killed; a retry starts by itself, but none came"
    )


def test_a_night_that_waits_for_the_work_of_others_names_it_once(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    night = _run(instance)
    instance.report_dagster_event(
        dg.DagsterEvent("PIPELINE_SUCCESS", "rebuild_marts"), night.run_id
    )
    others = [
        instance.add_run(
            dg.DagsterRun(
                job_name="reestimate_exam",
                status=dg.DagsterRunStatus.STARTED,
                tags={"dagster/partition": f"2026-01-0{day}|MED-A"},
            )
        )
        for day in (1, 2, 3, 4)
    ]
    said: list[str] = []
    polls = 0

    def on_start(what: str, partition: str | None, why: str) -> None:
        said.append(why)

    def end_one_now_and_then(_: float) -> None:
        nonlocal polls
        polls += 1
        if polls == 3:
            instance.report_run_canceled(others[0])
        if polls == 6:
            instance.add_run_tags(night.run_id, {OVER: "true"})

    monkeypatch.setattr(queueing.time, "sleep", end_one_now_and_then)
    queueing.Queue(instance, on_start=on_start).follow_night(night.run_id)
    day = "reestimate_exam 2026-01-0{}|MED-A".format
    assert said == [
        f"waits for {day(1)}, {day(2)}, {day(3)} and 1 more",
        f"waits for {day(2)}, {day(3)}, {day(4)}",
    ]
