"""The weekly job that writes the technical reports of exams that changed, all in one run.

What never lives here: writing one (``assets.report``), and what changed (``exam_reports``).
"""

import dagster as dg

from qbank.settings import get_settings
from qbank.stores import exam_reports
from qbank_orchestration.assets.report import REPORT
from qbank_orchestration.pods import job_tags
from qbank_orchestration.resources import Database
from qbank_orchestration.schedules import run_key
from qbank_orchestration.settings import orchestration_settings
from qbank_orchestration.tags import FIRST_PARTITION, LAST_PARTITION, WHY

write_reports = dg.define_asset_job(
    "write_reports",
    selection=[REPORT],
    executor_def=dg.in_process_executor,
    tags=job_tags("report"),
    description="Writes the technical report of each exam that changed since its last one.",
)


@dg.schedule(
    name="weekly_report_schedule",
    job=write_reports,
    cron_schedule=orchestration_settings().report_cron,
    execution_timezone=get_settings().nightly_timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Writes the technical reports of exams that changed, after the weekly night.",
)
def weekly_report_schedule(
    context: dg.ScheduleEvaluationContext, database: Database
) -> dg.RunRequest | dg.SkipReason:
    """One run for all of them: the range of partitions from the first to the last."""
    with database.connect() as conn:
        due = exam_reports.due(conn)
    # in the order of the partitions; an exam that has none yet was never calibrated
    known = [code for code in context.instance.get_dynamic_partitions("exam") if code in due]
    if not known:
        return dg.SkipReason("no exam changed since its last report")
    return dg.RunRequest(
        run_key=run_key("reports", context),
        tags={
            FIRST_PARTITION: known[0],
            LAST_PARTITION: known[-1],
            WHY: f"{len(known)} exams, {known[0]}: {due[known[0]]}",
        },
    )
