"""How commands answer: a table for people, JSON for programs.

What never lives here: reading or computing what is shown.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def show(rows: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str) -> None:
    """Prints rows of equal keys; `empty` is said where there are none."""
    if as_json:
        show_json(list(rows))
        return
    if not rows:
        print(empty)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_text(value) for value in row.values()))
    # a pipe has no width to fold to
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)


def show_json(value: Any) -> None:
    """Prints one JSON document."""
    print(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def show_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Prints CSV."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return str(value)
