"""What an import of responses says while it runs, and when it is done.

What never lives here: options, and reading files.
"""

from __future__ import annotations

from dataclasses import asdict
from time import monotonic
from typing import TYPE_CHECKING

from qbank.cli.output import show, show_json

if TYPE_CHECKING:
    from qbank.import_reports import ImportReport
    from qbank.importing import ImportRequest


def answer(request: ImportRequest, *, as_json: bool) -> None:
    """Imports, and tells what was done; why not, where the import is refused."""
    from qbank.importing import ImportRefusedError

    def say(report: ImportReport) -> None:
        if as_json:
            show_json(asdict(report))
            return
        if request.dry_run:
            print(", ".join(f"{name} is {column}" for name, column in report.columns.items()))
            show(report.preview, as_json=False, empty="no row is right")
        _say(report)
        if request.dry_run:
            print("dry run: nothing was written")

    try:
        say(_with_progress(request))
    except ImportRefusedError as error:
        say(error.report)
        raise


def _with_progress(request: ImportRequest) -> ImportReport:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from qbank.importing import import_responses

    screen = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("opening", total=None, rows="")
        begun = monotonic()

        def on_progress(stage: str, done: int, total: int, rows: int) -> None:
            # loading has no measure of its own: the bar pulses
            measured = total if stage == "reading" else None
            told = f"{rows:,} rows"
            if stage == "reading":
                told += f", {rows / (monotonic() - begun):,.0f}/s"
            bar.update(task, description=stage, completed=done, total=measured, rows=told)

        return import_responses(request, on_progress=on_progress)


def _say(report: ImportReport) -> None:
    for note in report.notes:
        print(note)
    conflicting = "replaced" if report.batch is not None else "conflicting"
    print(
        f"{report.rows_read} rows read: {report.rows_inserted} new, {report.rows_known} known, "
        f"{report.rows_conflicting} {conflicting}, {report.rows_missing} missing, "
        f"{report.rows_rejected} rejected; {report.new_items} new items"
    )
    for title, counts in (
        ("rejected by reason", report.refused_by_reason),
        ("rejected by item", report.refused_by_item),
        ("rejected by score", report.refused_by_score),
        ("special scores", report.codes),
        ("attributes of people", report.attributes),
        *((f"{name} left out", values) for name, values in report.blanked.items()),
    ):
        if counts:
            print(f"{title}: {_counted(counts)}")
    if report.batch is None:
        return
    brought = report.attributes.keys() & {"new", "replaced"}
    if report.rows_inserted == report.rows_conflicting == 0 and not brought:
        print("nothing was added")
    else:
        print(f"batch {report.batch}: qbank import undo {report.batch} takes it back")
    if report.unkeyed_items:
        print(
            f"{report.unkeyed_items} items have no options: their correct one is not certain, or"
            " people wrote more than there are letters and digits"
        )
    if report.rejects:
        print(f"rejected rows, with reasons: {report.rejects}")


def _counted(counts: dict[str, int], shown: int = 10) -> str:
    parts = [f"{_named(name)} {rows}" for name, rows in list(counts.items())[:shown]]
    more = f", and {len(counts) - shown} more" if len(counts) > shown else ""
    return ", ".join(parts) + more


def _named(value: str) -> str:
    return (value if value.isprintable() else repr(value)) or "(none)"
