"""Requests with an idempotency key, and what was answered to them; kept for a day.

What never lives here: which requests may carry a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection

_KEPT: Final = "1 day"


@dataclass(frozen=True)
class Repeated:
    """A request that was carried out before under the same key.

    Attributes:
        fingerprint: what it asked for.
        status, body: its reply; None where the process ended before it was kept.
    """

    fingerprint: str
    status: int | None
    body: str | None


def claim(
    conn: Connection[Any], tenant_id: str, user_id: str, key: str, fingerprint: str
) -> Repeated | None:
    """Takes a key for the caller's transaction; the earlier request where it is taken.

    Waits for a transaction that is about to take the same key. A person's keys of more than a day
    ago are forgotten.
    """
    whose = (tenant_id, user_id)
    conn.execute(
        f"""DELETE FROM idempotent_requests
        WHERE tenant_id = %s AND user_id = %s AND created_at < now() - interval '{_KEPT}'""",  # noqa: S608
        whose,
    )
    taken = conn.execute(
        """INSERT INTO idempotent_requests (tenant_id, user_id, key, fingerprint)
        VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        (*whose, key, fingerprint),
    )
    if taken.rowcount == 1:
        return None
    row = conn.execute(
        """SELECT fingerprint, status, body FROM idempotent_requests
        WHERE tenant_id = %s AND user_id = %s AND key = %s""",
        (*whose, key),
    ).fetchone()
    assert row is not None  # noqa: S101  (a day has not passed since)
    return Repeated(*row)


def keep_reply(
    conn: Connection[Any], tenant_id: str, user_id: str, key: str, status: int, body: str
) -> None:
    """Keeps what was answered, for the same request again."""
    conn.execute(
        """UPDATE idempotent_requests SET status = %s, body = %s
        WHERE tenant_id = %s AND user_id = %s AND key = %s""",
        (status, body, tenant_id, user_id, key),
    )
