"""``qbank import items``: items that were written elsewhere.

What never lives here: reading files, and which options there are (``qbank.requests.imports``).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qbank.cli.import_options import import_options
from qbank.cli.output import AsJson, show, show_json
from qbank.requests.imports import ItemsImport
from qbank.wording import listed

if TYPE_CHECKING:
    from qbank.import_reports import ItemsReport


@import_options(ItemsImport)
def items(
    files: Annotated[
        list[Path],
        typer.Argument(help="CSV, Excel, GIFT, Aiken, Moodle XML, or a QTI item or package."),
    ],
    exam: Annotated[str, typer.Option("--exam", help="Exam that they belong to.")],
    rejects: Annotated[Path | None, typer.Option(help="Where refused items go.")] = None,
    media_dir: Annotated[
        Path | None, typer.Option(help="Folder for pictures of packages and Moodle XML.")
    ] = None,
    media_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where readers fetch what is in that folder.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Tenant of the exam.")] = None,
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Import files of items, all or nothing; what is there already gets no second version."""
    from qbank.errors import ImportFileError
    from qbank.importing.asked import items_request
    from qbank.importing.questions import ItemsRefusedError, import_items

    asked: ItemsImport = given["asked"]
    if (media_dir is None) != (media_url is None):
        raise ImportFileError("--media-dir and --media-url belong together: give both, or neither")
    media = (media_dir, media_url) if media_dir is not None and media_url is not None else None
    request = items_request(asked, files, exam, media=media, rejects=rejects, tenant=tenant)
    try:
        reports = import_items(request)
    except ItemsRefusedError as error:
        _answer([error.report], dry_run=asked.dry_run, as_json=as_json)
        raise
    _answer(reports, dry_run=asked.dry_run, as_json=as_json)


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
