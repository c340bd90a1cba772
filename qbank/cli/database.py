"""``qbank db``: make, migrate and inspect the database.

What never lives here: SQL.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qbank.cli.output import AsJson, show
from qbank.errors import EmbeddedServerError, SettingsError

if TYPE_CHECKING:
    from qbank.postgres import Role

app = typer.Typer(help="Make, migrate and inspect the database.", no_args_is_help=True)
RoleOption = Annotated[
    str, typer.Option("--role", help="owner, delivery, orchestration or analyst.")
]


@app.command("init")
def initialise() -> None:
    """Make the database, its schema, its roles and Dagster's database; repeat as you like."""
    from qbank.settings import get_settings

    _migrate()
    settings = get_settings()
    where = f"embedded, in {settings.home}" if settings.embedded else "QBANK_DATABASE_URL"
    print(f"ready: {where}")


@app.command()
def migrate() -> None:
    """Apply the migrations that the database does not have yet."""
    _migrate()


@app.command()
def rollback(
    to: Annotated[str, typer.Argument(help="Last migration to keep, such as 0003, or 'none'.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take back the migrations after one; what their tables hold is lost."""
    from qbank import migrations

    if not yes:
        typer.confirm(f"Take back all migrations after {to}, with their data?", abort=True)
    for name in migrations.rollback(None if to == "none" else to):
        print(f"took back {name}")


@app.command()
def status(as_json: AsJson = False) -> None:
    """List the migrations and whether they are applied; exit code 1 where one is missing."""
    from qbank import migrations

    states = migrations.status()
    rows = [{"migration": state.name, "applied": state.applied} for state in states]
    show(rows, as_json=as_json, empty="no migrations")
    if not all(state.applied for state in states):
        raise typer.Exit(1)


@app.command()
def backup(
    folder: Annotated[
        Path, typer.Argument(help="Folder to make; it must not exist, but with --keep it must.")
    ],
    keep: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Name the backup by its moment within FOLDER, and keep so many there, the newest.",
        ),
    ] = None,
) -> None:
    """Back up the database and Dagster's, while everything goes on; passwords are not in it."""
    from qbank import backups

    removed: tuple[Path, ...] = ()
    if keep is None:
        made = backups.backup(folder)
    else:
        folder, made, removed = backups.backup_anew(folder, keep)
    size = sum(file.bytes for file in made.files.values()) / 1e6
    print(f"backed up into {folder} ({size:.1f} MB, {len(made.migrations)} migrations)")
    for path in removed:
        print(f"removed {path}")


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="Folder that qbank db backup made.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Although the databases hold rows, which are lost.")
    ] = False,
) -> None:
    """Restore a backup into empty databases, and bring the schema up to date."""
    from qbank import backups

    made = backups.restore(folder, replace=replace)
    print(f"restored {folder}, of {made.created_at:%Y-%m-%d %H:%M} UTC")


@app.command()
def url(role: RoleOption = "analyst") -> None:
    """Print the address of the database, with the role's password."""
    from qbank.postgres import dsn
    from qbank.settings import get_settings

    print(dsn(_role(role)))
    if get_settings().embedded:
        sys.stdout.flush()
        print(
            "the embedded server runs while a qbank process does: qbank db run keeps it",
            file=sys.stderr,
        )


@app.command()
def run() -> None:
    """Keep the embedded server running until Ctrl-C, for programs that are not qbank's."""
    from qbank.postgres import dsn
    from qbank.settings import get_settings

    if not get_settings().embedded:
        raise SettingsError("QBANK_DATABASE_URL is set: there is no embedded server to run")
    stopped = threading.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: stopped.set())
    dsn("owner")
    print("running; Ctrl-C stops it; qbank db url prints the address", flush=True)
    # a signal that another thread takes wakes nobody, so the main thread looks for itself
    while not stopped.wait(0.5):
        pass


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context, role: RoleOption = "analyst") -> None:
    """Open psql as a role; further arguments are psql's."""
    from qbank.postgres import libpq_environment
    from qbank.postgres.installation import program

    environment = os.environ | libpq_environment(_role(role))
    # Ctrl-C is psql's; a child, for this process's lease keeps the server up
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    done = subprocess.run(  # noqa: S603
        [program("psql"), *context.args],
        env=environment,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    raise typer.Exit(done.returncode)


@app.command("drop-embedded")
def drop_embedded(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Even while it is in use.")] = False,
) -> None:
    """Stop the embedded server and remove its data, wherever they live."""
    from qbank.postgres import embedded
    from qbank.settings import get_settings

    settings = get_settings()
    if not (settings.home / "postgres").exists():
        print("there is no embedded database")
        return
    if not yes and not sys.stdin.isatty():
        raise EmbeddedServerError("removing the database needs --yes where nobody can be asked")
    if not yes:
        typer.confirm(f"Remove the database in {settings.home / 'postgres'}?", abort=True)
    embedded.drop(settings, force=force)
    print(f"removed {settings.home / 'postgres'}")


def _migrate() -> None:
    from qbank import migrations

    applied = migrations.migrate()
    for name in applied:
        print(f"applied {name}")
    if not applied:
        print("the schema is up to date")


def _role(name: str) -> Role:
    from qbank.postgres.roles import ROLES, user_name

    user_name(name)  # type: ignore[arg-type]  # refuses an unknown one
    return next(role for role in ROLES if role == name)
