"""Turns: what one process at a time may do, by name.

What never lives here: what is done.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

_KEY = "hashtextextended('qbank.turn:' || %s, 0)"


def take(conn: Connection[Any], name: str, *, wait: bool) -> bool:
    """Takes the turn until the connection's transaction ends; False where another one has it.

    Args:
        conn: an open connection, not in autocommit.
        name: what only one may do.
        wait: for the other to end, however long that takes.
    """
    if wait:
        conn.execute(f"SELECT pg_advisory_xact_lock({_KEY})", (name,))
        return True
    row = conn.execute(f"SELECT pg_try_advisory_xact_lock({_KEY})", (name,)).fetchone()
    return bool(row and row[0])
