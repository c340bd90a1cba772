"""``qbank export``: what an exam has, to a file.

What never lives here: writing files.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from qbank.cli.output import AsJson, show_json
from qbank.vocabulary import refuse_other_words, words
from qbank.wording import listed

if TYPE_CHECKING:
    from qbank.exporting import What

app = typer.Typer(help="Write what an exam has to a file.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="A new file: Parquet where it ends so, else CSV.")]
Exam = Annotated[str, typer.Option("--exam", help="Exam whose it is.")]


@app.command()
def responses(
    file: File,
    exam: Exam,
    shape: Annotated[
        str,
        typer.Option(help="long (--preset qbank reads it), wide (a row per sitting) or irw."),
    ] = "long",
    as_json: AsJson = False,
) -> None:
    """Write what was answered; for its owner alone."""
    from qbank.errors import ExportError
    from qbank.exporting.files import Shape

    refuse_other_words(ExportError, [("--shape", shape, words(Shape))])
    what: What = "irw" if shape == "irw" else "responses"
    _write(what, exam, file, wide=shape == "wide", as_json=as_json)


@app.command()
def people(file: File, exam: Exam, as_json: AsJson = False) -> None:
    """Write the attributes of who sat the exam, one a row; for its owner alone."""
    _write("people", exam, file, as_json=as_json)


@app.command()
def items(
    file: Annotated[
        Path, typer.Argument(help="A new file: .gift, .zip (QTI 3.0), .parquet, or else CSV.")
    ],
    exam: Exam,
    form: Annotated[
        str | None, typer.Option("--format", help="table, gift or qti; told by the file's name.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write items with parameters, statistics and exposure; qbank import items reads them."""
    from qbank.errors import ExportError
    from qbank.exporting.items import Form, export_items, form_of

    refuse_other_words(ExportError, [("--format", form or "table", words(Form))])
    done, left_out = export_items(exam, file, form=cast("Form | None", form))
    if as_json:
        show_json(asdict(done) | {"left_out": left_out})
        return
    print(f"{done.path}: {done.rows} items")
    if left_out:
        said = (form or form_of(file)).upper()
        names = listed(left_out, 10)
        print(f"left out, for {said} cannot say their names, options or texts: {names}")


@app.command()
def key(file: File, exam: Exam, as_json: AsJson = False) -> None:
    """Write the key of each item, with who set it; qbank rescore and --key read it."""
    _write("key", exam, file, as_json=as_json)


@app.command()
def parameters(file: File, exam: Exam, as_json: AsJson = False) -> None:
    """Write the published item parameters with their errors and scaling constant D."""
    _write("parameters", exam, file, as_json=as_json)


@app.command()
def exposure(file: File, exam: Exam, as_json: AsJson = False) -> None:
    """Write the exposure-control parameters in force."""
    _write("exposure", exam, file, as_json=as_json)


def _write(what: What, exam: str, file: Path, *, wide: bool = False, as_json: bool) -> None:
    from qbank.exporting import export

    done = export(what, exam, file, wide=wide)
    if as_json:
        show_json(asdict(done))
    else:
        print(f"{done.path}: {done.rows} rows, columns {listed(done.columns, 12)}")
