"""What a run keeps of each iteration, and where it hears that it was terminated."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import uuid4

import dagster as dg
import pytest

from qbank_orchestration.assets.work import reporting

ROW = uuid4()


class Rows:
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.kept: list[tuple[object, object]] = []

    def report(self, run_id: object, entry: object) -> bool:
        self.kept.append((run_id, entry))
        return True


def context(status: dg.DagsterRunStatus) -> SimpleNamespace:
    run = SimpleNamespace(run_id="one", status=status)
    return SimpleNamespace(run=run, instance=SimpleNamespace(get_run_by_id={"one": run}.get))


def test_an_iteration_is_kept_and_the_work_goes_on():
    rows = Rows()
    assert reporting(context(dg.DagsterRunStatus.STARTED), rows, ROW)({"iter": 1})
    assert rows.kept == [(ROW, {"iter": 1})]


def test_a_terminated_run_stops_at_its_next_iteration_where_the_interrupt_was_lost():
    rows = Rows()
    with pytest.raises(dg.DagsterExecutionInterruptedError):
        reporting(context(dg.DagsterRunStatus.CANCELING), rows, ROW)({"iter": 1})
    assert rows.kept == []
