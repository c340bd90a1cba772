"""The request of an IRT fit."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from qbank.requests.base import About, DryRun, ExamPolicy, Request
from qbank.vocabulary import Kind, Linking


class IrtFit(Request):
    """A fit of the exam's IRT model to first attempts; what is left out is the exam's."""

    kind: ClassVar[Kind] = "irt"

    exam_code: Annotated[str, About()]
    linking: Annotated[Linking, ExamPolicy()] = Field(
        default="stocking_lord",
        title="Linking",
        description="How the fit is put on the published scale.",
    )
    dry_run: DryRun = False
