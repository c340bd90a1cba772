"""``qbank export``: what an exam has, to a file.

What never lives here: writing files.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qbank.cli.output import AsJson, show_json
from qbank.vocabulary import words
from qbank.wording import listed

if TYPE_CHECKING:
    from qbank.exporting import What

app = typer.Typer(help="Write what an exam has to CSV or Parquet.", no_args_is_help=True)
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

    if shape not in words(Shape):
        raise ExportError(f"--shape is {shape!r}: use {' or '.join(words(Shape))}")
    what: What = "irw" if shape == "irw" else "responses"
    _write(what, exam, file, wide=shape == "wide", as_json=as_json)


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
