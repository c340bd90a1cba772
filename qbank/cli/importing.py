"""``qbank import``: responses that were collected elsewhere.

What never lives here: reading files.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qbank.cli.output import AsJson, show_json
from qbank.vocabulary import Model, words

if TYPE_CHECKING:
    from qbank.importing import ImportReport, ImportRequest

app = typer.Typer(help="Bring in responses collected elsewhere.", no_args_is_help=True)
Column = Annotated[str | None, typer.Option(metavar="NAME")]


@app.callback()
def _group() -> None:
    """Keeps `responses` a command of a group."""


@app.command()
def responses(
    file: Annotated[Path, typer.Argument(help=".csv, .csv.gz, .tsv or .parquet")],
    exam: Annotated[str, typer.Option("--exam", help="Exam that they belong to.")],
    preset: Annotated[str, typer.Option(help="Known layout: qbank, assistments, eedi.")] = "",
    user_col: Column = None,
    item_col: Column = None,
    correct_col: Column = None,
    option_col: Column = None,
    time_col: Column = None,
    time_unit: Annotated[str, typer.Option(help="ms or s.")] = "ms",
    timestamp_col: Column = None,
    timestamp: Annotated[
        datetime | None, typer.Option(help="When all was answered, where no column says.")
    ] = None,
    topic_col: Column = None,
    session_col: Column = None,
    attempt_col: Column = None,
    tenant: Annotated[str | None, typer.Option(help="Tenant of the exam.")] = None,
    create_exam: Annotated[bool, typer.Option("--create-exam", help="Make it if need be.")] = False,
    title: Annotated[str | None, typer.Option(help="Title of a new exam.")] = None,
    irt_model: Annotated[
        str, typer.Option(help=f"Model of a new exam: {', '.join(words(Model))}.")
    ] = "2pl",
    tau: Annotated[float, typer.Option(help="Target exposure rate of a new exam.")] = 0.2,
    test_length: Annotated[int, typer.Option(help="Items a sitting of a new exam.")] = 25,
    blank_correct: Annotated[
        str, typer.Option(help="Rows without a score: 'reject', or 'omitted' (not answered).")
    ] = "reject",
    rejects: Annotated[Path | None, typer.Option(help="Where refused rows go.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Of a CSV; , by default.")] = None,
    encoding: Annotated[str, typer.Option(help="Of a CSV.")] = "utf-8",
    as_json: AsJson = False,
) -> None:
    """Import a file of responses; wrong rows go to a rejects file, the same file adds nothing."""
    from qbank.errors import ImportFileError
    from qbank.importing import ColumnMap, ImportRequest, NewExam
    from qbank.importing import columns as layouts

    for name, value, allowed in (
        ("--time-unit", time_unit, words(layouts.TimeUnit)),
        ("--irt-model", irt_model, words(Model)),
        ("--blank-correct", blank_correct, ("reject", "omitted")),
    ):
        if value not in allowed:
            raise ImportFileError(f"{name} is {value!r}: use {' or '.join(allowed)}")
    layout = layouts.preset(preset) if preset else ColumnMap()
    request = ImportRequest(
        path=file,
        exam_code=exam,
        columns=layout.with_names(
            user=user_col,
            item=item_col,
            correct=correct_col,
            option=option_col,
            time=time_col,
            time_unit=time_unit,
            timestamp=timestamp_col,
            topic=topic_col,
            session=session_col,
            attempt=attempt_col,
        ),
        timestamp=_utc(timestamp),
        tenant=tenant,
        new_exam=NewExam(title, irt_model, tau, test_length) if create_exam else None,
        blank_correct_is_omitted=blank_correct == "omitted",
        rejects=rejects,
        delimiter=delimiter,
        encoding=encoding,
    )
    report = _with_progress(request)
    if as_json:
        show_json(asdict(report))
    else:
        _say(report)


def _utc(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def _with_progress(request: ImportRequest) -> ImportReport:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from qbank.importing import import_responses

    screen = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("opening", total=None)

        def on_progress(stage: str, done: int, total: int) -> None:
            # loading has no measure of its own: the bar pulses
            measured = total if stage == "reading" else None
            bar.update(task, description=stage, completed=done, total=measured)

        return import_responses(request, on_progress=on_progress)


def _say(report: ImportReport) -> None:
    print(
        f"{report.rows_read} rows read: {report.rows_inserted} new, {report.rows_known} known, "
        f"{report.rows_rejected} rejected; {report.new_items} new items"
    )
    if report.rows_inserted == 0:
        print("nothing was added")
    if report.unkeyed_items:
        print(f"{report.unkeyed_items} items have no options: their correct one is not certain")
    if report.rejects:
        print(f"rejected rows, with reasons: {report.rejects}")
