"""Histories are append-only, but for the rows of who is erased and of what never was.

What never lives here: a history's own rows.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection


def open_to_erasure(conn: Connection[Any]) -> None:
    """Lets this transaction take rows out of ``response_history``, and a name out of ``audit_log``.

    Only a role that may change these tables at all can use it: the owner.
    """
    conn.execute("SELECT set_config('qbank.erasing', 'on', true)")
