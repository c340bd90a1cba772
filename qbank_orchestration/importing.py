"""``qbank import parameters``: item parameters that another program estimated.

Its audits are those of a fit, so that it lives here and not beside the other imports.
What never lives here: reading the file, and judging what it says.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from qbank.system_user import system_user
from qbank.vocabulary import Model, refuse_other_words, words
from qbank.wording import listed

if TYPE_CHECKING:
    from qbank_orchestration.engine.given_parameters import Proposed

app = typer.Typer()
METRICS = ("1.0", "1.702", "1.7")


@app.command()
def parameters(
    file: Annotated[Path, typer.Argument(help="CSV, Excel, JSON or Parquet: a row per item.")],
    exam: Annotated[str, typer.Option("--exam", help="Exam whose items they are.")],
    model: Annotated[str, typer.Option(help=f"Whose they are: {', '.join(words(Model))}.")],
    metric: Annotated[
        str, typer.Option(help="D of the curve that a belongs to: 1.0 (logistic), 1.702 or 1.7.")
    ],
    item_col: Annotated[
        str, typer.Option(metavar="NAME", help="Column with the items' names.")
    ] = "item",
    max_rejects: Annotated[
        int, typer.Option(min=0, help="With more refused rows nothing is proposed.")
    ] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what the audit would; writes nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Propose item parameters of another program, audit them, and publish what passes."""
    from qbank import postgres
    from qbank.errors import ImportFileError
    from qbank.importing.parameters import read_parameters
    from qbank.importing.reading import fingerprint
    from qbank.stores import item_bank
    from qbank_orchestration.engine import given_parameters

    refuse_other_words(
        ImportFileError, (("--model", model, words(Model)), ("--metric", metric, METRICS))
    )
    known = cast("Model", model)
    given = read_parameters(file, known, float(metric), item_col)
    with postgres.connect("orchestration") as conn:
        proposed = given_parameters.propose(
            conn,
            item_bank.exam(conn, exam).exam_code,
            given,
            model=known,
            metric=float(metric),
            source={"file": file.name, "sha256": fingerprint(file)},
            requested_by=system_user("import"),
            max_rejects=max_rejects,
        )
        if dry_run:
            conn.rollback()
    _say(proposed, given.notes, dry_run=dry_run, as_json=as_json)
    if proposed.status != "done":
        raise typer.Exit(1)


def _say(proposed: Proposed, notes: tuple[str, ...], *, dry_run: bool, as_json: bool) -> None:
    from qbank.cli.output import show, show_json

    if as_json:
        show_json(asdict(proposed) | {"dry_run": dry_run})
        return
    for note in notes:
        print(note)
    rows = [
        {"check": f.check, "passed": f.passed, "blocking": f.blocking, "what": f.summary}
        for f in proposed.findings
    ]
    show(rows, as_json=False, empty="")
    for title, texts in (("refused", proposed.refused), ("held back", proposed.held_back)):
        if texts:
            print(f"{title}: {listed(texts, 5, '; ')}")
    if dry_run:
        would = "would be published" if proposed.status == "done" else "would be rejected"
        print(f"dry run: parameters of {proposed.items} items {would}; nothing was written")
    elif proposed.status == "done":
        print(
            f"parameters of {proposed.items} items are published, {proposed.changed} of them are"
            f" others than before: run {proposed.run_id}"
        )
    else:
        print(f"rejected by the audit, the parameters in force stay: run {proposed.run_id}")
