"""``qbank serve``: everything that runs, together."""

from __future__ import annotations


def serve() -> None:
    """Start Dagit and its daemon, the delivery API and the console; Ctrl-C stops all."""
    from qbank.errors import QbankError

    raise QbankError("not there yet")
