"""``qbank import responses``: answers that were collected elsewhere.

What never lives here: reading files.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, cast

import typer

from qbank.cli import import_batches, import_items, import_report
from qbank.cli.output import AsJson
from qbank.vocabulary import Model, refuse_other_words, words

app = typer.Typer(help="Bring in what was made elsewhere, and take it back.", no_args_is_help=True)
Column = Annotated[str | None, typer.Option(metavar="NAME")]
Codes = Annotated[
    list[str] | None,
    typer.Option(metavar="CODES", help="Scores that say so, e.g. 9,-1; see docs/core/import.md."),
]


@app.command()
def responses(
    file: Annotated[Path, typer.Argument(help="CSV, JSON Lines, Excel, Parquet, SPSS or Stata.")],
    exam: Annotated[str, typer.Option("--exam", help="Exam that they belong to.")],
    preset: Annotated[
        str,
        typer.Option(
            help="Known layout: qbank, assistments, irw, eedi, canvas, moodle-responses or"
            " moodle-grades."
        ),
    ] = "",
    shape: Annotated[
        str,
        typer.Option(help="long: one row per answer; wide: per person, a column per item; auto."),
    ] = "long",
    items: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Item columns of a wide file, e.g. 'q*'.")
    ] = None,
    user_col: Column = None,
    item_col: Column = None,
    correct_col: Column = None,
    option_col: Column = None,
    key: Annotated[
        Path | None, typer.Option(help="File item,key: options are scored by it.")
    ] = None,
    key_row: Annotated[
        str | None, typer.Option(metavar="USER", help="The user whose row is the key, e.g. KEY.")
    ] = None,
    time_col: Column = None,
    time_unit: Annotated[str, typer.Option(help="ms or s.")] = "ms",
    timestamp_col: Column = None,
    timestamp: Annotated[
        datetime | None, typer.Option(help="When all was answered, where no column says.")
    ] = None,
    timestamp_format: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", help="Of the column: %d/%m/%Y %H:%M, epoch or epoch_ms."),
    ] = None,
    timezone: Annotated[
        str, typer.Option(metavar="ZONE", help="Of timestamps without an offset: Europe/Berlin.")
    ] = "UTC",
    topic_col: Column = None,
    session_col: Column = None,
    attempt_col: Column = None,
    attempt: Annotated[
        str | None,
        typer.Option(metavar="auto", help="auto: row order tells repeated answers apart."),
    ] = None,
    item_scope: Annotated[
        str, typer.Option(help="Names of items are the exam's own, or the tenant's, to share them.")
    ] = "exam",
    group_col: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="An attribute of the person; more than once."),
    ] = None,
    pseudonymise: Annotated[
        bool,
        typer.Option(
            "--pseudonymise",
            help="People by pseudonyms, under the key in QBANK_PSEUDONYM_KEY_FILE.",
        ),
    ] = False,
    tenant: Annotated[str | None, typer.Option(help="Tenant of the exam.")] = None,
    create_exam: Annotated[bool, typer.Option("--create-exam", help="Make it if need be.")] = False,
    title: Annotated[str | None, typer.Option(help="Title of a new exam.")] = None,
    irt_model: Annotated[
        str, typer.Option(help=f"Model of a new exam: {', '.join(words(Model))}.")
    ] = "2pl",
    tau: Annotated[float, typer.Option(help="Target exposure rate of a new exam.")] = 0.2,
    test_length: Annotated[int, typer.Option(help="Items a sitting of a new exam.")] = 25,
    missing: Codes = None,
    omitted: Codes = None,
    not_reached: Codes = None,
    multimark: Codes = None,
    score: Annotated[
        list[str] | None,
        typer.Option(metavar="VALUE=0|1", help="A further score, e.g. 2=1; more than once."),
    ] = None,
    blank_correct: Annotated[
        str,
        typer.Option(help="An empty score: missing (not administered), omitted or reject."),
    ] = "missing",
    sitting: Annotated[
        str | None, typer.Option(metavar="NAME", help="The one sitting that all rows belong to.")
    ] = None,
    gap: Annotated[
        str | None, typer.Option(metavar="TIME", help="A pause that ends a sitting: 30m, 1h30m.")
    ] = None,
    max_rejects: Annotated[
        int, typer.Option(min=0, help="With more refused rows nothing is written.")
    ] = 0,
    on_conflict: Annotated[
        str, typer.Option(help="Answers that are there with another score: refuse or replace.")
    ] = "refuse",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done; writes nothing.")
    ] = False,
    rejects: Annotated[Path | None, typer.Option(help="Where refused rows go.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Of a CSV; found out.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Of a CSV; found out, else UTF-8.")] = None,
    quoting: Annotated[
        str, typer.Option(help="A quote inside quotes: doubled, backslash, or none is one.")
    ] = "doubled",
    columns: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Columns of a CSV without a header.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import a file of responses, whole or not at all; the same file again adds nothing."""
    from qbank.errors import ImportFileError
    from qbank.importing import ColumnMap, ImportRequest, NewExam, codes
    from qbank.importing import columns as layouts
    from qbank.importing.moments import duration_of
    from qbank.importing.request import ItemScope, OnConflict, Quoting, Shape

    refuse_other_words(
        ImportFileError,
        (
            ("--time-unit", time_unit, words(layouts.TimeUnit)),
            ("--irt-model", irt_model, words(Model)),
            ("--blank-correct", blank_correct, words(codes.Blank)),
            ("--on-conflict", on_conflict, words(OnConflict)),
            ("--shape", shape, words(Shape)),
            ("--quoting", quoting, words(Quoting)),
            ("--item-scope", item_scope, words(ItemScope)),
            ("--attempt", attempt or "auto", ("auto",)),
        ),
    )
    layout = layouts.preset(preset) if preset else ColumnMap()
    layout = replace(layout, groups=tuple((name, name) for name in dict.fromkeys(group_col or ())))
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
        key=key,
        key_row=key_row,
        codes=codes.Codes(
            missing=_listed(missing),
            omitted=_listed(omitted),
            not_reached=_listed(not_reached),
            multimark=_listed(multimark),
            scores=_scores(score),
            blank=cast("codes.Blank", blank_correct),
        ),
        timestamp=_utc(timestamp),
        timestamp_format=timestamp_format,
        timezone=timezone,
        shape=cast("Shape", shape),
        items=items,
        sitting=sitting,
        gap=duration_of(gap) if gap is not None else None,
        attempts_by_order=attempt is not None,
        item_scope=cast("ItemScope", item_scope),
        pseudonymise=pseudonymise,
        tenant=tenant,
        new_exam=NewExam(title, irt_model, tau, test_length) if create_exam else None,
        max_rejects=max_rejects,
        on_conflict=cast("OnConflict", on_conflict),
        dry_run=dry_run,
        rejects=rejects,
        delimiter="\t" if delimiter in ("\\t", "tab") else delimiter,
        encoding=encoding,
        quoting=cast("Quoting", quoting),
        names=tuple(name.strip() for name in columns.split(",")) if columns else (),
    )
    import_report.answer(request, as_json=as_json)


app.command("items")(import_items.items)
app.command("list")(import_batches.list_)
app.command("show")(import_batches.show_)
app.command("undo")(import_batches.undo)


def _listed(given: list[str] | None) -> tuple[str, ...]:
    """Codes of an option that may come more than once, and hold several between commas."""
    return tuple(code for text in given or () for part in text.split(",") if (code := part.strip()))


def _scores(given: list[str] | None) -> dict[str, bool]:
    from qbank.errors import ImportFileError

    scores = {}
    for text in given or ():
        value, found, score = text.rpartition("=")
        if not found or not value.strip() or score.strip() not in ("0", "1"):
            raise ImportFileError(f"--score is {text!r}: write VALUE=1 or VALUE=0")
        scores[value.strip()] = score.strip() == "1"
    return scores


def _utc(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value
