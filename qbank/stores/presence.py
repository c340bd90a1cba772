"""Whether a process that does something by name is alive: a lock that dies with it.

What never lives here: what the process does, and what follows from its end.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

_KEY = "hashtextextended('qbank.presence:' || %s, 0)"


def hold(conn: Connection[Any], name: str) -> bool:
    """Shows this session as the one that does ``name``; False where another one does."""
    row = conn.execute(f"SELECT pg_try_advisory_lock({_KEY})", (name,)).fetchone()
    return bool(row and row[0])


def is_held(conn: Connection[Any], name: str) -> bool:
    """Whether a living session does ``name``."""
    # taken for the length of the statement's transaction only
    row = conn.execute(f"SELECT pg_try_advisory_xact_lock({_KEY})", (name,)).fetchone()
    return not (row and row[0])
