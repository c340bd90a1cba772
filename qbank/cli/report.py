"""``qbank report``: the technical report of an exam.

What never lives here: what it says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from qbank.cli.output import AsJson, show_json


def report(
    exam: Annotated[str, typer.Option("--exam", help="Exam that it is about.")],
    run: Annotated[
        UUID | None,
        typer.Option("--run", help="Calibration that it is about; the newest that published."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="A new folder; report-EXAM where none is named.")
    ] = None,
    cut: Annotated[
        list[float] | None,
        typer.Option("--cut", help="Ability at which the exam decides; several."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the technical report of an exam: page, PDF, every number as JSON, years as CSV."""
    from qbank.reporting import gather, write

    document = gather(exam, run_id=run, cuts=cut or ())
    written = write(document, out or Path(f"report-{document.exam_code}"))
    bare = [section for section in document.sections if section.missing]
    if as_json:
        files = [str(path) for path in written.files]
        show_json({"files": files, "missing": {s.name: s.missing for s in bare}})
        return
    for path in written.files:
        print(path)
    for section in bare:
        print(f"{section.title}: not evidenced, {section.missing}")
