"""dbt's own command, for a build of a hundred small nodes: what it repeats for each is done once.

It connects anew for every node and looks for cycles among the hundred thousands of objects that it
keeps; that was a tenth of a night. What never lives here: what dbt is asked for (``dbt``,
``assets.marts``).
"""

from __future__ import annotations

import gc

NAME = "qbank-dbt"
"""Of the installed program."""
_OBJECTS = 100_000  # made before Python looks for cycles again; its own default is 700


def main() -> None:
    """Runs dbt with the arguments of the command line."""
    gc.disable()
    from dbt.cli.main import cli

    _keep_connections()
    gc.freeze()  # what is imported stays
    gc.set_threshold(_OBJECTS)
    gc.enable()
    cli()


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
            return None

    PostgresAdapter.ConnectionManager = KeptConnections
