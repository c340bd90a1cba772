"""dbt's own command, for a build of a hundred small nodes: what it repeats for each is done once.

It connects anew for every node, compiles its templates in every command, looks for cycles among
the hundred thousands of objects that it keeps and puts messages together for a log that is not
kept. What never lives here: what dbt is asked for (``dbt``, ``assets.marts``).
"""

from __future__ import annotations

import gc
from typing import Any

from qbank_orchestration import dbt_templates
from qbank_orchestration.starting import imports

NAME = "qbank-dbt"
"""Of the installed program."""
_OBJECTS = 100_000  # made before Python looks for cycles again; its own default is 700


def main() -> None:
    """Runs dbt with the arguments of the command line."""
    with imports():
        from dbt.cli.main import cli

        prepare()
    with dbt_templates.kept():
        cli()


def prepare() -> None:
    """Changes dbt in this process, before it runs."""
    # beside the time: until 3.11.7 CPython mistakes what another thread does during a search for
    # cycles for its own ("AST constructor recursion depth mismatch"), and a node fails
    gc.set_threshold(_OBJECTS)
    _keep_connections()
    _leave_out_what_nobody_reads()


def _keep_connections() -> None:
    """Lets a thread's next node have the connection of its last one.

    dbt closes it after each, which costs a sign-in and a server process with empty caches. One that
    is broken is closed as before; all are when the command ends.
    """
    from dbt.adapters.contracts.connection import ConnectionState
    from dbt.adapters.postgres.connections import PostgresConnectionManager
    from dbt.adapters.postgres.impl import PostgresAdapter
    from psycopg2.extensions import TRANSACTION_STATUS_IDLE

    class KeptConnections(PostgresConnectionManager):
        def release(self) -> None:
            connection = self.get_if_exists()
            if connection is None or connection.state != ConnectionState.OPEN:
                return super().release()
            self.rollback_if_open()  # type: ignore[no-untyped-call]  # dbt's own
            if connection.handle.get_transaction_status() != TRANSACTION_STATUS_IDLE:
                return super().release()
            # dbt sends COMMIT as text, after which psycopg2 thinks itself in a transaction still
            # and begins none: each statement of the next node would be committed alone
            connection.handle.rollback()
            return None

    PostgresAdapter.ConnectionManager = KeptConnections


def _leave_out_what_nobody_reads() -> None:
    """Two thousand events of a night are for debugging: they end where no log takes them."""
    from dbt_common.events.base_types import BaseEvent, EventLevel
    from dbt_common.events.event_manager import EventManager

    fire = EventManager.fire_event

    def fire_if_read(
        self: EventManager, e: BaseEvent, level: EventLevel | None = None, *args: Any, **named: Any
    ) -> None:
        # the one callback of the command line is for a warning
        if (level or e.level_tag()) != EventLevel.DEBUG or any(
            log.level == EventLevel.DEBUG for log in self.loggers
        ):
            fire(self, e, level, *args, **named)

    EventManager.fire_event = fire_if_read  # type: ignore[method-assign]  # see above
