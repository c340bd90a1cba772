"""``qbank import items``: items that were written elsewhere.

What never lives here: reading files.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from qbank.cli.output import AsJson, show, show_json
from qbank.vocabulary import refuse_other_words, words
from qbank.wording import listed

if TYPE_CHECKING:
    from qbank.importing.questions import ItemsReport


def items(
    files: Annotated[
        list[Path],
        typer.Argument(help="CSV, Excel, GIFT, Aiken, Moodle XML, or a QTI item or package."),
    ],
    exam: Annotated[str, typer.Option("--exam", help="Exam that they belong to.")],
    form: Annotated[
        str | None,
        typer.Option("--format", help="table, gift, aiken, moodle or qti; found out."),
    ] = None,
    ref_col: Annotated[
        str, typer.Option(metavar="NAME", help="Column of a table with the items' names.")
    ] = "external_ref",
    stem_col: Annotated[
        str, typer.Option(metavar="NAME", help="Column of a table with the stems.")
    ] = "stem",
    publish: Annotated[
        bool, typer.Option("--publish", help="Live in the exam at once; drafts without it.")
    ] = False,
    item_scope: Annotated[
        str, typer.Option(help="Names of items are the exam's own, or the tenant's, to share them.")
    ] = "exam",
    on_conflict: Annotated[
        str, typer.Option(help="Items that somebody changed in the bank: refuse or replace.")
    ] = "refuse",
    max_rejects: Annotated[
        int, typer.Option(min=0, help="With more refused items nothing is written.")
    ] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done; writes nothing.")
    ] = False,
    rejects: Annotated[Path | None, typer.Option(help="Where refused items go.")] = None,
    media_dir: Annotated[
        Path | None, typer.Option(help="Folder for pictures of packages and Moodle XML.")
    ] = None,
    media_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where readers fetch what is in that folder.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Of text; found out, else UTF-8.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Tenant of the exam.")] = None,
    create_exam: Annotated[bool, typer.Option("--create-exam", help="Make it if need be.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import files of items, all or nothing; what is there already gets no second version."""
    from qbank.errors import ImportFileError
    from qbank.importing import NewExam
    from qbank.importing.questions import Form, ItemsRefusedError, ItemsRequest, import_items
    from qbank.importing.request import ItemScope, OnConflict

    refuse_other_words(
        ImportFileError,
        (
            ("--format", form or "table", words(Form)),
            ("--item-scope", item_scope, words(ItemScope)),
            ("--on-conflict", on_conflict, words(OnConflict)),
        ),
    )
    if (media_dir is None) != (media_url is None):
        raise ImportFileError("--media-dir and --media-url belong together: give both, or neither")
    request = ItemsRequest(
        paths=tuple(files),
        exam_code=exam,
        form=cast("Form | None", form),
        reference_column=ref_col,
        stem_column=stem_col,
        encoding=encoding,
        publish=publish,
        item_scope=cast("ItemScope", item_scope),
        on_conflict=cast("OnConflict", on_conflict),
        max_rejects=max_rejects,
        dry_run=dry_run,
        rejects=rejects,
        tenant=tenant,
        new_exam=NewExam() if create_exam else None,
        media=(media_dir, media_url) if media_dir is not None and media_url is not None else None,
    )
    try:
        reports = import_items(request)
    except ItemsRefusedError as error:
        _answer([error.report], dry_run=dry_run, as_json=as_json)
        raise
    _answer(reports, dry_run=dry_run, as_json=as_json)


def _answer(reports: list[ItemsReport], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        show_json([asdict(report) | {"dry_run": dry_run} for report in reports])
        return
    for report in reports:
        if dry_run:
            show(report.preview, as_json=False, empty="no item can be kept")
        _say(report, dry_run=dry_run)
    if dry_run:
        print("dry run: nothing was written")


def _say(report: ItemsReport, *, dry_run: bool) -> None:
    for note in report.notes:
        print(note)
    conflicting = "replaced" if report.batch is not None else "conflicting"
    print(
        f"{report.source} ({report.form}): {report.items_read} items read: {report.items_new} new,"
        f" {report.items_changed} changed, {report.items_known} known,"
        f" {report.items_conflicting} {conflicting}, {report.items_rejected} rejected"
    )
    if report.changes:
        told = [f"{item} ({what})" for item, what in report.changes.items()]
        print(f"what is another: {listed(told, 10)}")
    for title, counts in (
        ("rejected by reason", report.refused_by_reason),
        ("not kept", report.remarks),
    ):
        if counts:
            told = [f"{name}: {count}" for name, count in counts.items()]
            print(f"{title}: {listed(told, 10, '; ')}")
    if report.media:
        print(f"files that the items name, and the bank does not hold: {listed(report.media, 10)}")
    if report.published:
        print(f"{report.published} items are live in the exam")
    if report.batch is not None:
        print(f"batch {report.batch}: qbank import undo {report.batch} takes it back")
    elif report.refused is None and not dry_run:
        print("nothing was added")
    if report.rejects:
        print(f"rejected items, with reasons: {report.rejects}")
