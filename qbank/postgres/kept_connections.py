"""A plugin of SQLAlchemy's: connections to Dagster's storage are kept, and asked whether they live.

Dagster opens a connection for every event that a run writes and every look of its daemon: a server
process, a sign-in and empty caches each time, which was a tenth of a night. Dagit keeps its own and
has no setting for asking them; after a restart of Postgres the first launch would meet a dead one
and fail. The storage's address names the plugin (``?plugin=qbank_kept_connections``), so that every
program that opens it has it.

What never lives here: our own pools (``connections``), which keep and check by themselves.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import URL, CreateEnginePlugin
from sqlalchemy.pool import NullPool, QueuePool


class KeptConnections(CreateEnginePlugin):
    """Keeps one connection of an engine that would keep none, and switches ``pre_ping`` on."""

    def __init__(self, url: URL, kwargs: dict[str, Any]) -> None:
        """Called by ``create_engine`` with its own arguments."""
        super().__init__(url, kwargs)
        if kwargs.get("poolclass") is NullPool:
            # what is wanted beside the one is opened and closed as before
            kwargs |= {"poolclass": QueuePool, "pool_size": 1, "max_overflow": -1}

    def update_url(self, url: URL) -> URL:
        """Takes the plugin's name out of what the driver sees."""
        return url.difference_update_query(["plugin"])

    def handle_pool_kwargs(self, pool_cls: type[Any], pool_args: dict[str, Any]) -> None:
        """Called by ``create_engine`` before it makes the pool."""
        pool_args["pre_ping"] = True
