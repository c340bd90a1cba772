"""``qbank import responses``: answers that were collected elsewhere.

What never lives here: reading files, and which options there are (``qbank.requests.imports``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from qbank.cli import import_batches, import_items, import_report
from qbank.cli.import_options import import_options
from qbank.cli.output import AsJson
from qbank.requests.imports import ResponsesImport

app = typer.Typer(help="Bring in what was made elsewhere, and take it back.", no_args_is_help=True)


@app.command()
@import_options(ResponsesImport)
def responses(
    file: Annotated[Path, typer.Argument(help="CSV, JSON Lines, Excel, Parquet, SPSS or Stata.")],
    exam: Annotated[str, typer.Option("--exam", help="Exam that they belong to.")],
    key: Annotated[
        Path | None, typer.Option(help="File item,key: options are scored by it.")
    ] = None,
    rejects: Annotated[Path | None, typer.Option(help="Where refused rows go.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Tenant of the exam.")] = None,
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Import a file of responses, whole or not at all; the same file again adds nothing."""
    from qbank.importing.asked import responses_request

    asked: ResponsesImport = given["asked"]
    request = responses_request(asked, file, exam, key=key, rejects=rejects, tenant=tenant)
    import_report.answer(request, as_json=as_json)


app.command("items")(import_items.items)
app.command("list")(import_batches.list_)
app.command("show")(import_batches.show_)
app.command("undo")(import_batches.undo)
