"""Keeps the exam partitions in step with the exams."""

from typing import Any

import dagster as dg

from qbank.stores import item_bank
from qbank_orchestration.partitions import EXAM
from qbank_orchestration.resources import Database


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Adds a partition for each new exam, and removes those of exams that are gone.",
)
def exam_partitions_sensor(
    context: dg.SensorEvaluationContext, database: Database
) -> dg.SensorResult | dg.SkipReason:
    """Compares exams with partitions; says why when there is nothing to do."""
    with database.connect() as conn:
        exams = {exam.exam_code for exam in item_bank.exams(conn)}
    known = set(context.instance.get_dynamic_partitions("exam"))
    requests: list[Any] = []
    if exams - known:
        requests.append(EXAM.build_add_request(sorted(exams - known)))
    if known - exams:
        requests.append(EXAM.build_delete_request(sorted(known - exams)))
    if not requests:
        return dg.SkipReason(f"{len(exams)} exams have their partitions")
    return dg.SensorResult(dynamic_partitions_requests=requests)
