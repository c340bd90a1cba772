from __future__ import annotations

import numpy as np
import pytest

from qbank import postgres
from qbank.stores import exposure, item_bank, runs
from qbank_orchestration.running import Runner
from tests.orchestration.planted import Planted


@pytest.mark.slow
def test_a_night_calibrates_audits_and_publishes(algebra: Planted, runner: Runner, today):
    night = runner.night(today)
    assert night.success, [run.error for run in night.ended]

    with postgres.connect("orchestration") as conn:
        pool = item_bank.load(conn, "algebra")
        listed = runs.list(conn).runs
    assert pool.calibrated.all()
    assert np.corrcoef(pool.b, algebra.b)[0, 1] > 0.95
    assert {(run.kind, run.status) for run in listed} == {
        ("irt", "done"),
        ("sympson_hetter", "done"),
        ("reestimation", "empty"),
    }
    calibration = next(run for run in listed if run.kind == "sympson_hetter")
    assert calibration.result is not None
    assert calibration.result["certificate"]["max_exposure_upper"] <= 0.4 + 0.01
    assert calibration.result["published"]["changed"] == 60

    again = runner.night(today)
    assert again.success
    assert [run.job for run in again.ended] == ["rebuild_marts", "refresh_results"]
    with postgres.connect("orchestration") as conn:
        assert len(exposure.history(conn, "algebra", limit=1000)) == 60
