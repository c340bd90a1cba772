"""The commands `qbank metabase …`.

Belongs here: options, exit codes and output; what they need is imported when they run, so that
`qbank --help` stays quick. Never here: what a push does.
Exit codes: 0 done, 1 something was not pushed, 2 nothing could be tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from qbank.errors import QbankError

app = typer.Typer(help="Metabase: dashboards as code.", no_args_is_help=True)

ContentFolder = Annotated[
    Path | None, typer.Option("--content", help="Folder of the content; else qbank's own.")
]
_SYNC_WAIT_SECONDS = 120


@app.command()
def check(content: ContentFolder = None) -> None:
    """Check the content on disk; asks nothing of a Metabase."""
    from qbank_metabase.content import load_content

    with _plain_errors():
        loaded = load_content(content)
        typer.echo(
            f"valid: {len(loaded.collections)} collections, {len(loaded.cards)} cards, "
            f"{len(loaded.dashboards)} dashboards"
        )


@app.command()
def push(
    content: ContentFolder = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the differences; change nothing.")
    ] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Archive what is in our collections but not in the content."),
    ] = False,
    sync: Annotated[
        bool, typer.Option("--sync", help="First let Metabase look at the marts' columns again.")
    ] = False,
) -> None:
    """Bring Metabase in step with the content. A second push changes nothing."""
    from rich.console import Console

    from qbank_metabase.applying import apply_plan
    from qbank_metabase.catalog import sync_columns
    from qbank_metabase.client import MetabaseClient
    from qbank_metabase.content import load_content
    from qbank_metabase.planning import make_plan
    from qbank_metabase.report import print_outcome, print_plan, print_summary
    from qbank_metabase.settings import MetabaseSettings

    console = Console(highlight=False, soft_wrap=True)
    with _plain_errors():
        loaded = load_content(content)
        settings = MetabaseSettings.load()
        with MetabaseClient.connect(settings) as client:
            if sync and not dry_run:
                sync_columns(
                    client,
                    settings.database,
                    settings.schema_name,
                    loaded.columns(),
                    _SYNC_WAIT_SECONDS,
                )
            plan = make_plan(client, loaded, settings.database, settings.schema_name, prune=prune)
            if dry_run:
                print_plan(console, plan)
                return
            outcomes = apply_plan(client, plan, lambda outcome: print_outcome(console, outcome))
    print_summary(console, outcomes)
    if any(outcome.bad for outcome in outcomes):
        raise typer.Exit(1)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn what is wrong with input or connection into words and exit code 2."""
    try:
        yield
    except QbankError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
