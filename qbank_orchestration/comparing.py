"""``qbank exposure``: selection rules and exposure control compared for an exam, before one is set.

What never lives here: the comparison (``engine.comparison``).
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qbank.cli.output import AsJson, show, show_json

if TYPE_CHECKING:
    from calibration import ComparedRule
    from qbank_orchestration.engine.comparison import ExamComparison

app = typer.Typer(help="Compares ways to control exposure.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """A group, also while it has one command."""


@app.command()
def compare(
    exam: Annotated[str, typer.Option("--exam", help="Code of the exam.")],
    n: Annotated[
        int,
        typer.Option("--n", min=100, max=1_000_000, help="Examinees per iteration of a search."),
    ] = 10_000,
    evaluation_n: Annotated[
        int,
        typer.Option("--evaluation-n", min=100, max=1_000_000, help="Fresh examinees of a row."),
    ] = 40_000,
    as_json: AsJson = False,
) -> None:
    """What each rule would do to the exam's published bank; changes nothing."""
    from qbank import postgres
    from qbank.stores import item_bank
    from qbank_orchestration.engine import comparison

    with postgres.connect("orchestration") as conn:
        key = item_bank.exam(conn, exam).exam_code
        subject = comparison.Subject.of(conn, key)
    found = comparison.compare(
        subject, n=n, evaluation_n=evaluation_n, on_row=_tell if not as_json else None
    )
    if as_json:
        show_json(asdict(found))
        return
    print(
        f"{found.items} items, tests of {found.test_length}, quota {found.quota},"
        f" ability {found.theta_dist}, τ {found.tau:g}; less is better in every column"
    )
    rows = [_row(found, at) for at in range(len(found.rows))]
    show(rows, as_json=False, empty="nothing was compared")
    print(
        "now: what the exam is set to. front: no other row is as good in max exposure, max"
        " conditional, overlap, unused and rmse, and better in one.\nmore items: that a test by"
        " the row would need, about, to measure as precisely as the exam does now.\n"
        "Stocking-Lewis and eligibility by θ hold the mean rate of each stratum of θ at τ, not the"
        " rate at a single θ."
    )


def _tell(row: ComparedRule) -> None:
    if sys.stderr.isatty():
        print(f"{row.rule}, {row.control}: done", file=sys.stderr)


def _row(found: ExamComparison, at: int) -> dict[str, Any]:
    values = asdict(found.rows[at])
    settings, more = found.settings[at], found.more_items[at]
    front = "*" if values.pop("on_front") else ""
    del values["forced"]  # the width of a terminal; JSON has it
    return (
        {"now": "*" if at == found.in_use else ""}
        | values
        | {
            "more_items": None if more is None else f"{more:+.1f}",
            "front": front,
            "exam_set": " ".join(f"--{n.replace('_', '-')} {v}" for n, v in settings.items())
            if settings
            else "(library only)",
        }
    )
