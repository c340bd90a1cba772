"""Postgres is restarted under Dagit: what a person does next works at the first try."""

from __future__ import annotations

import dagster as dg
import pytest

from qbank.postgres import embedded
from qbank.settings import Settings
from qbank_orchestration.instance import instance
from tests.orchestration.dagit import dagit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_first_launch_after_a_restart_of_postgres_works(settings: Settings) -> None:
    with dagit() as dagit_:
        launched = [dagit_.launch("rebuild_marts")]
        for _ in range(2):
            embedded.stop(settings, force=True)
            embedded.ensure_running(settings)
            launched.append(dagit_.launch("rebuild_marts"))
        with instance() as opened:
            # one run for each launch: none was tried twice behind the person's back
            runs = opened.get_runs(dg.RunsFilter(job_name="rebuild_marts"))
    assert sorted(run.run_id for run in runs) == sorted(launched)
