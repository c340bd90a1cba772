"""``qbank dagster``: one of Dagster's own programs, on the instance that the platform uses.

What never lives here: what the instance is (``qbank.serving.environment``).
"""

from __future__ import annotations

import os

import typer

from qbank.errors import QbankError

# these are programs of their own; everything else is a command of `dagster`
_PROGRAMS = ("webserver", "daemon", "graphql")


def dagster(context: typer.Context) -> None:
    """Run Dagster's own command, e.g. `qbank dagster webserver -p 3000` or `… daemon run`."""
    from qbank.programs import program
    from qbank.serving import dagster_environment

    if not context.args:
        raise QbankError("which command of Dagster's? e.g. qbank dagster instance info")
    first, *rest = context.args
    name, arguments = (
        (f"dagster-{first}", rest) if first in _PROGRAMS else ("dagster", context.args)
    )
    path = program(name)
    # in place of this process: signals and the exit code are the program's
    os.execve(path, [path, *arguments], os.environ | dagster_environment())  # noqa: S606
