"""``qbank import list``, ``show`` and ``undo``: imports that were made.

What never lives here: making one.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from qbank.cli.output import AsJson, show, show_json


def list_(
    exam: Annotated[str | None, typer.Option("--exam", help="Those of one exam.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the imports, the newest first."""
    from qbank.importing.batches import batches
    from qbank.postgres import connect

    with connect("owner") as connection:
        show(batches(connection, exam), as_json=as_json, empty="nothing was imported")


def show_(
    batch: Annotated[int, typer.Argument(help="Number of the import.")], as_json: AsJson = False
) -> None:
    """Show one import: its file, mapping and counts, and how many of its answers are in force."""
    from qbank.importing import batches
    from qbank.postgres import connect

    with connect("owner") as connection:
        found = batches.batch(connection, batch)
    if as_json:
        show_json(found)
        return
    rows = [{"what": name.replace("_", " "), "value": value} for name, value in found.items()]
    show(rows, as_json=False, empty="")


def undo(
    batch: Annotated[int, typer.Argument(help="Number of the import.")], as_json: AsJson = False
) -> None:
    """Take one import back: its answers go, and what it replaced comes back."""
    from qbank.importing.undoing import undo as take_back

    undone = take_back(batch)
    if as_json:
        show_json(asdict(undone))
        return
    if undone.kind == "rescore":
        print(f"rescore {undone.batch} is undone: {undone.restored} answers score what they did")
        return
    if undone.kind == "items":
        print(
            f"import {undone.batch} is undone: {undone.versions} versions of items removed or"
            f" retired, {undone.items} items no longer live"
        )
        return
    print(
        f"import {undone.batch} is undone: {undone.responses} answers and {undone.sittings} "
        f"sittings removed, {undone.restored} answers restored, {undone.items} items no longer live"
    )
