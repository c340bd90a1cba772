"""What a calibration run came to, as it is answered.

What never lives here: what a run keeps for itself (its proposal), and routes.
"""

from __future__ import annotations

from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qbank.postgres import Connection
from qbank.stores import runs
from qbank.stores.runs import Run

MOST_CHANGES: Final = 100


class AuditFinding(BaseModel):
    """One check of what a run proposed."""

    check: str
    passed: bool
    blocking: bool = Field(description="whether its failure forbids publication")
    summary: str = Field(description="one sentence with the number that decided")
    numbers: dict[str, Any] = Field(description="what was measured against what")


class ChangedItem(BaseModel):
    """sh_p of one item before and after a run."""

    question_id: int
    version: int
    sh_p_before: float | None = Field(description="null: the item had no control")
    sh_p_after: float | None
    delta: float = Field(description="no control counts as 1")


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
    updated: int = Field(default=0, description="items that it changed")
    diff: list[ChangedItem] | None = Field(
        default=None,
        description=f"the {MOST_CHANGES} largest changes of sh_p, of a dry run those that it would"
        " have made, where one run is asked for; `diff.csv` has all",
    )

    @model_validator(mode="after")
    def _count(self) -> Self:
        self.updated = int((self.published or {}).get("changed", 0))
        return self


def result_of(conn: Connection, run: Run, *, with_proposal: bool) -> RunResult | None:
    """What one run came to, with its largest changes: one statement at most."""
    left_out = set() if with_proposal else {"proposal"}
    kept = {name: value for name, value in (run.result or {}).items() if name not in left_out}
    if not kept:
        return None
    result = RunResult.model_validate(kept)
    if run.kind != "irt" and run.status in runs.FINISHED:
        changes = runs.largest_changes(conn, run, MOST_CHANGES)
        result.diff = [ChangedItem.model_validate(c, from_attributes=True) for c in changes]
    return result
