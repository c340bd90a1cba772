"""A request for the technical report of an exam.

What never lives here: writing it (``qbank.reporting``).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Cut = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]


class ReportRequest(BaseModel):
    """What the report is to say beside what it always says."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    cuts: Annotated[list[Cut], Field(max_length=20)] | None = Field(
        default=None,
        title="Cut scores",
        description="Abilities at which the exam decides; those of the last report where left out.",
        examples=[[-0.5, 1.0]],
    )
