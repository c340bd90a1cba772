"""What a calibration run came to, as it is answered.

What never lives here: what a run keeps for itself (its proposal), and routes.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class AuditFinding(BaseModel):
    """One check of what a run proposed."""

    check: str
    passed: bool
    blocking: bool = Field(description="whether its failure forbids publication")
    summary: str = Field(description="one sentence with the number that decided")
    numbers: dict[str, Any] = Field(description="what was measured against what")


class RunResult(BaseModel):
    """What a run came to; more and more of it is there as the run goes on."""

    model_config = ConfigDict(extra="allow")

    summary: dict[str, Any] | None = Field(default=None, description="figures of the run's kind")
    certificate: dict[str, Any] | None = Field(
        default=None, description="what its sh_p do to simulated examinees who did not find them"
    )
    checks: list[AuditFinding] | None = Field(default=None, description="what the audit found")
    published: dict[str, Any] | None = Field(
        default=None, description="how many items changed; null: nothing was published"
    )
