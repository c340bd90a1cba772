"""Settings of orchestration. What never lives here: anything that connects or starts."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from qbank.settings import Cron, SettingsGroup


class OrchestrationSettings(SettingsGroup):
    """Settings of the Dagster code location, ``QBANK_…`` each.

    Attributes:
        first_day: first day partition of re-estimation.
        weekly_cron: when every exam is calibrated in full, changed or not, and every row of the
            marts is audited.
        report_cron: when the technical reports of exams that changed are written.
        rebuild_manifest: whether a stale dbt manifest is rebuilt at import; switch it off where
            the manifest is built ahead and the checkout is read-only.
        data_docs_url: where the Data Docs folder of the home is served, for links from Dagit;
            unset, checks name the file.
    """

    first_day: date = date(2025, 1, 1)
    weekly_cron: Cron = "0 4 * * 0"
    report_cron: Cron = "0 10 * * 0"
    rebuild_manifest: bool = True
    data_docs_url: str | None = None


@lru_cache(maxsize=1)
def orchestration_settings() -> OrchestrationSettings:
    """The settings, read once per process."""
    return OrchestrationSettings.load()
