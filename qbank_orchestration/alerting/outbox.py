"""The outbox, kept in Dagster's storage: what failed and who knows, across processes.

A sensor's own cursor is kept at the end of a tick; this is kept the moment that a way took a
message, so that a tick which is cut short tells nothing twice.

What never lives here: what it holds.
"""

from __future__ import annotations

import dagster as dg

from qbank.alerts import Outbox

LOOK_BACK_S = 600.0  # at the very first look


def load(instance: dg.DagsterInstance, location: str, now: float) -> Outbox:
    """The outbox of a code location; a new one begins a little before now."""
    key = _key(location)
    text = instance.daemon_cursor_storage.get_cursor_values({key}).get(key)
    return Outbox.load(text) if text else Outbox(now - LOOK_BACK_S, now - LOOK_BACK_S)


def save(instance: dg.DagsterInstance, location: str, outbox: Outbox) -> None:
    """Keeps the outbox."""
    instance.daemon_cursor_storage.set_cursor_values({_key(location): outbox.dump()})


def _key(location: str) -> str:
    return f"qbank/alerts/{location}"
