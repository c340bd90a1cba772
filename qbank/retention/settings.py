"""How long things are kept, and the answer of what removes them."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from qbank.settings import Cron, SettingsGroup


class RetentionSettings(SettingsGroup):
    """How long what grows is kept, ``QBANK_…`` each.

    Attributes:
        keep_runs_days: days after its end that a Dagster run is kept, with its events and logs.
        keep_proposals_days: days after its end that a run's item-by-item proposal is kept, where
            nothing can need it any more; its figures, iterations and history always are.
        keep_files_days: days that folders of failed dbt runs, unfinished copies and old log files
            are kept in the home folder, and rows that an import over the API refused in Postgres.
        keep_reports_days: days that the files of a technical report are kept; those of an exam's
            newest one always are.
        keep_events_days: days that an event stays in the outbox, whether it was delivered or not.
        retention_cron: when the daily job removes what is older.
    """

    keep_runs_days: int = Field(default=90, ge=1, le=36500)
    keep_proposals_days: int = Field(default=180, ge=1, le=36500)
    keep_files_days: int = Field(default=14, ge=1, le=36500)
    keep_reports_days: int = Field(default=400, ge=1, le=36500)
    keep_events_days: int = Field(default=7, ge=1, le=366)
    retention_cron: Cron = "30 6 * * *"


@dataclass(frozen=True)
class Removed:
    """What was removed of one kind, or would be.

    Attributes:
        what: the kind, for people.
        count: how many.
        bytes: what they took up; None where that is not known.
        problem: what a person has to know of it, or an empty string.
    """

    what: str
    count: int
    bytes: int | None = None
    problem: str = ""
