"""The daily job that removes what is kept no longer.

What never lives here: what that is (``retention``).
"""

import dagster as dg

from qbank.retention import RetentionSettings
from qbank.settings import get_settings
from qbank_orchestration.pods import job_tags
from qbank_orchestration.retention import remove_old


class RetentionConfig(dg.Config):
    """How to remove.

    Attributes:
        dry_run: only say what would go.
    """

    dry_run: bool = False


@dg.op
def remove_what_is_old(context: dg.OpExecutionContext, config: RetentionConfig) -> None:
    """Removes it and says how much it was; fails where somebody needed it, so that it is told."""
    done = remove_old(context.instance, dry_run=config.dry_run)
    for removed in done:
        size = "" if removed.bytes is None else f", {removed.bytes / 1e6:.1f} MB"
        context.log.info("%s: %d%s", removed.what, removed.count, size)
    if problems := [removed.problem for removed in done if removed.problem]:
        raise dg.Failure("; ".join(problems), allow_retries=False)


@dg.job(
    executor_def=dg.in_process_executor,
    tags=job_tags("retention"),
    description="Removes runs, proposals and files that are older than the settings keep.",
)
def retention() -> None:
    """One op."""
    remove_what_is_old()


retention_schedule = dg.ScheduleDefinition(
    name="retention_schedule",
    job=retention,
    cron_schedule=RetentionSettings.load().retention_cron,
    execution_timezone=get_settings().nightly_timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Removes daily what is kept no longer.",
)
