"""Settings of orchestration. What never lives here: anything that connects or starts."""

from __future__ import annotations

import json
from datetime import date
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import NoDecode

from qbank.settings import Cron, SettingsGroup

JobKind = Literal[
    "marts",
    "calibration",
    "examination",
    "reestimation",
    "rollback",
    "import",
    "report",
    "retention",
]
"""What a job does, as its tag ``qbank/kind`` says."""
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|[kMGT]|[KMGT]i)?$")]
Quantities = dict[Literal["cpu", "memory", "ephemeral-storage"], Quantity]


class PodResources(BaseModel):
    """What a pod asks for and may have, as Kubernetes writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests: Quantities = {}
    limits: Quantities = {}


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
        run_resources: on Kubernetes, what a run's pod asks for and may have, by the kind of its job
            (tag ``qbank/kind``): JSON such as ``{"calibration": {"limits": {"memory": "6Gi"}}}``.
    """

    first_day: date = date(2025, 1, 1)
    weekly_cron: Cron = "0 4 * * 0"
    report_cron: Cron = "0 10 * * 0"
    rebuild_manifest: bool = True
    data_docs_url: str | None = None
    run_resources: Annotated[dict[JobKind, PodResources], NoDecode] = Field(default_factory=dict)

    @field_validator("run_resources", mode="before")
    @classmethod
    def _decoded(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"no JSON ({error}): write kinds of jobs and their resources"
            ) from None


@lru_cache(maxsize=1)
def orchestration_settings() -> OrchestrationSettings:
    """The settings, read once per process."""
    return OrchestrationSettings.load()
