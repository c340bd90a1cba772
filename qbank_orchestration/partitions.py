"""Partitions: an exam, and an exam × day for re-estimation. Days are UTC days."""

from __future__ import annotations

import dagster as dg

from qbank_orchestration.settings import orchestration_settings

EXAM = dg.DynamicPartitionsDefinition(name="exam")

# end_offset: the night of a day runs on that day, before it is over
DAY = dg.DailyPartitionsDefinition(
    start_date=orchestration_settings().first_day.isoformat(), end_offset=1
)

EXAM_DAY = dg.MultiPartitionsDefinition({"exam": EXAM, "day": DAY})


def exam_day(exam_code: str, day: str) -> dg.MultiPartitionKey:
    """The key of one exam on one day."""
    return dg.MultiPartitionKey({"exam": exam_code, "day": day})
