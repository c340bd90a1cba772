"""The top-level command group: the core's own commands and those of other rooms.

What never lives here: the commands themselves.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperGroup

from qbank.cli import (
    accounts,
    alerts,
    dagster,
    database,
    demo,
    exams,
    exporting,
    importing,
    lti,
    people,
    relay,
    report,
    rescoring,
    runs,
    serve,
    sink,
    warming,
)

GROUP = "qbank.commands"


class CommandsOfAllRooms(TyperGroup):
    """Looks into other rooms only for a command that the core does not have, or for a list.

    A group below the top has the entry points of its own name: ``qbank.commands.import``.
    """

    _rooms: dict[str, Any] | None = None

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name."""
        return super().get_command(ctx, cmd_name) or self._of_rooms().get(cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, the core's first."""
        own = super().list_commands(ctx)
        return own + sorted(set(self._of_rooms()) - set(own))

    def _of_rooms(self) -> dict[str, Any]:
        if self._rooms is None:
            self._rooms = {}
            group = GROUP if self.name == "qbank" else f"{GROUP}.{self.name}"
            for entry in entry_points(group=group):
                self._rooms |= _commands(entry)
        return self._rooms


def _commands(entry: EntryPoint) -> dict[str, Any]:
    """An app with a help text of its own is a group; one without adds its commands to ours."""
    try:
        room: typer.Typer = entry.load()
    except ModuleNotFoundError as error:
        if error.name == entry.module or entry.module.startswith(f"{error.name}."):
            return {}  # this installation does not have the room
        print(f"qbank: no commands of {entry.name}: {error}", file=sys.stderr)
        return {}
    if isinstance(room.info.help, str):
        group = typer.main.get_group(room)
        group.name = entry.name
        return {entry.name: group}
    return dict(typer.main.get_group(room).commands)


app = typer.Typer(
    name="qbank",
    cls=CommandsOfAllRooms,
    help="Exam question bank: responses in, item parameters and exposure control out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(database.app, name="db")
app.add_typer(accounts.app, name="account")
app.add_typer(lti.app, name="lti")
app.add_typer(exams.app, name="exam")
app.add_typer(importing.app, name="import", cls=CommandsOfAllRooms)
app.add_typer(exporting.app, name="export")
app.add_typer(people.app, name="person")
app.add_typer(runs.app, name="runs")
app.add_typer(alerts.app, name="alerts")
app.add_typer(relay.app, name="relay")
app.add_typer(sink.app, name="sink")
app.command("report")(report.report)
app.command("rescore")(rescoring.rescore)
app.command("demo-data")(demo.demo_data)
app.command("serve")(serve.serve)
app.command("warm-up")(warming.warm_up)
app.command(
    "dagster",
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": ["--help"],  # -h is the webserver's host
    },
)(dagster.dagster)


@cache
def tree() -> Any:
    """All commands as Click has them, made once a process: Typer takes a tenth of a second."""
    return typer.main.get_command(app)


@app.callback()
def _prepare() -> None:
    from qbank import logs

    logs.configure()
