"""``qbank rescore``: answers that are there, scored by another key.

What never lives here: scoring.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qbank.cli.output import AsJson, show, show_json

if TYPE_CHECKING:
    from qbank.importing.rescored import RescoredItem


def rescore(
    exam: Annotated[str, typer.Option("--exam", help="Exam whose answers are scored anew.")],
    key: Annotated[
        Path,
        typer.Option(help="File item,key of what changes: B, A|C, A=2|B=1, all, points=2 or void."),
    ],
    why: Annotated[
        str | None,
        typer.Option(help="Kept with the new key, and told to those whose result it changes."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would change; writes nothing.")
    ] = False,
    allow_unchosen: Annotated[
        bool, typer.Option("--allow-unchosen", help="Take a key although nobody chose it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Score the answers of an exam by a changed key, whole or not at all; keeps what was."""
    from qbank.importing.rescoring import rescore as score_anew

    done = score_anew(exam, key, why=why, dry_run=dry_run, allow_unchosen=allow_unchosen)
    if as_json:
        show_json({**asdict(done), "warnings": done.warnings})
        return
    show([_row(item) for item in done.items], as_json=False, empty="")
    changed = sum(item.changed for item in done.items)
    print(f"{changed} answers of {done.people} people change")
    if done.sealed_results:
        print(
            f"{done.sealed_results} sealed results of quizzes have a successor, and stay readable"
        )
    for line in done.warnings:
        print(f"warning: {line}", file=sys.stderr)
    if dry_run:
        print("dry run: nothing was written")
    elif done.batch is None:
        print("nothing was changed: the answers are scored so already")
    else:
        print(
            f"batch {done.batch}: qbank import undo {done.batch} takes it back; "
            "the next night computes what depends on it"
        )


def _row(item: RescoredItem) -> dict[str, Any]:
    """What is shown of an item; the warnings name the rest."""
    left_out = {"unchosen", "no_options", "right_options"}
    if (item.share_before, item.share_after) == (item.p_before, item.p_after):
        left_out |= {"share_before", "share_after"}
    return {name: value for name, value in asdict(item).items() if name not in left_out}
