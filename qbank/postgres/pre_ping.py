"""A plugin of SQLAlchemy's: kept connections are asked whether they live before they are used.

Dagit keeps connections to Dagster's storage and has no setting for this; after a restart of
Postgres the first launch would meet a dead one and fail. The storage's address names the plugin
(``?plugin=qbank_pre_ping``), so that every program that opens it has it.

What never lives here: our own pools (``connections``), which check by themselves.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import URL, CreateEnginePlugin


class PrePing(CreateEnginePlugin):
    """Switches ``pool_pre_ping`` on for the engine whose URL names the plugin."""

    def update_url(self, url: URL) -> URL:
        """Takes the plugin's name out of what the driver sees."""
        return url.difference_update_query(["plugin"])

    def handle_pool_kwargs(self, pool_cls: type[Any], pool_args: dict[str, Any]) -> None:
        """Called by ``create_engine`` before it makes the pool."""
        pool_args["pre_ping"] = True
