"""``qbank rescore``: answers that are there, scored by another key.

What never lives here: scoring.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from qbank.cli.output import AsJson, show, show_json


def rescore(
    exam: Annotated[str, typer.Option("--exam", help="Exam whose answers are scored anew.")],
    key: Annotated[
        Path,
        typer.Option(help="File item,key of what changes: B, A|C, all (right) or void (no item)."),
    ],
    why: Annotated[str | None, typer.Option(help="Kept with the new key.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would change; writes nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Score the answers of an exam by a changed key, whole or not at all; keeps what was."""
    from qbank.importing.rescoring import rescore as score_anew

    done = score_anew(exam, key, why=why, dry_run=dry_run)
    if as_json:
        show_json(asdict(done))
        return
    show([asdict(item) for item in done.items], as_json=False, empty="")
    changed = sum(item.changed for item in done.items)
    print(f"{changed} answers of {done.people} people change")
    if done.sealed_results:
        print(f"{done.sealed_results} sealed results of quizzes stay as they were told")
    if dry_run:
        print("dry run: nothing was written")
    elif done.batch is None:
        print("nothing was changed: the answers are scored so already")
    else:
        print(
            f"batch {done.batch}: qbank import undo {done.batch} takes it back; "
            "the next night computes what depends on it"
        )
