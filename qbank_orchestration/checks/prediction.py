"""Predicted against observed exposure, exam by exam.

A night asks when the rates are built, before it calibrates anew: a new certificate has seen no day.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import dagster as dg

from qbank.stores import item_bank
from qbank_orchestration.checks.by_exam import by_exam
from qbank_orchestration.checks.freshness import DAILY
from qbank_orchestration.engine import prediction
from qbank_orchestration.engine.prediction import Prediction
from qbank_orchestration.metadata import plots
from qbank_orchestration.metadata.tables import table
from qbank_orchestration.resources import Database

SHOWN = 30
"""Items in the table, those with the largest differences."""


@dg.asset_check(
    asset=["analytics", "exposure_daily_rates"],
    automation_condition=DAILY,
    description="Each item is served as often as the certificate in force predicted.",
)
def exposure_as_predicted(database: Database) -> dg.AssetCheckResult:
    """Warns of items whose exposure is not as certified, and says what moved."""
    with database.connect() as conn:
        found = [_compared(conn, exam) for exam in item_bank.exams(conn)]
    return _result([one for one in found if one is not None])


def _compared(conn: Any, exam: item_bank.Exam) -> Prediction | None:
    """One exam's verdict; what cannot be compared holds up neither the others nor the night."""
    from calibration import CalibrationError  # kept out of the code location's import

    try:
        return prediction.compare(conn, exam)
    except CalibrationError as error:
        return Prediction(exam.exam_code, f"cannot be compared: {error}", fine=False)


def _result(found: Sequence[Prediction]) -> dg.AssetCheckResult:
    wrong = [exam for exam in found if not exam.fine]
    items = [
        {"exam_code": exam.exam_code} | asdict(item)
        for exam in wrong
        for item in exam.items[:SHOWN]
    ]
    charts = {
        f"predicted_and_observed_{exam.exam_code}": plots.predicted_and_observed(*exam.rates)
        for exam in [*wrong, *(exam for exam in found if exam.fine)][:SHOWN]
        if exam.rates is not None
    }
    tables = {"items": table(items)} if items else {}
    return by_exam(found, "are served as predicted", tables | charts)
