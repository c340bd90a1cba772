"""The audit log: who changed what, written in the change's own transaction. Append-only.

What never lives here: history of sh_p (``exposure``), responses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True)
class AuditEntry:
    """One change.

    Attributes:
        action: subject and verb, such as ``exposure.set``.
        target: what was changed, such as ``exam=MED-A question=17 version=2``.
        details: what was asked for and what it did.
    """

    id: int
    actor: str
    action: str
    target: str
    details: dict[str, Any]
    request_id: str | None
    created_at: datetime


def record(
    conn: Connection[Any],
    *,
    tenant_id: str,
    actor: str,
    action: str,
    target: str,
    details: Mapping[str, Any],
    request_id: str | None = None,
) -> None:
    """Writes one entry; the caller's transaction decides whether it stays."""
    sql = """INSERT INTO audit_log (tenant_id, actor, action, target, details, request_id)
        VALUES (%s, %s, %s, %s, %s, %s)"""
    conn.execute(sql, (tenant_id, actor, action, target, Jsonb(dict(details)), request_id))


class Audit(Protocol):
    """Notes a change in the transaction that makes it."""

    def __call__(self, action: str, target: str, **details: Any) -> None:
        """Writes the row."""


def noting(conn: Connection[Any], tenant_id: str, actor: str) -> Audit:
    """Notes changes that one person makes of one tenant's things."""

    def note(action: str, target: str, **details: Any) -> None:
        record(
            conn, tenant_id=tenant_id, actor=actor, action=action, target=target, details=details
        )

    return note


def open_to_erasure(conn: Connection[Any]) -> None:
    """Lets this transaction take a name out of ``audit_log``, and rows out of ``response_history``.

    Both are append-only but for who is erased and for what never was. Only a role that may change
    these tables at all can use it: the owner.
    """
    conn.execute("SELECT set_config('qbank.erasing', 'on', true)")


def entries(
    conn: Connection[Any],
    tenant_id: str,
    *,
    action: str | None = None,
    actor: str | None = None,
    limit: int = 100,
    offset: int = 0,
    after: int | None = None,
    total: int | None = None,
) -> tuple[Sequence[AuditEntry], int]:
    """A page of a tenant's entries, newest first, and how many there are.

    Args:
        conn: an open connection.
        tenant_id: whose log.
        action: only entries of it; None: any.
        actor: only entries of theirs; None: anybody's.
        limit: entries on the page.
        offset: entries before it.
        after: only entries older than that one, by its id.
        total: how many there are, where it is known.
    """
    condition = """tenant_id = %(tenant)s AND (%(action)s::text IS NULL OR action = %(action)s)
        AND (%(actor)s::text IS NULL OR actor = %(actor)s)"""
    values = {
        "tenant": tenant_id,
        "action": action,
        "actor": actor,
        "limit": limit,
        "offset": offset,
        "after": after,
    }
    sql = f"""SELECT id, actor, action, target, details, request_id, created_at FROM audit_log
        WHERE {condition} AND id < coalesce(%(after)s::bigint, 9223372036854775807)
        ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s"""  # noqa: S608
    count = f"SELECT count(*) FROM audit_log WHERE {condition}"  # noqa: S608
    with conn.cursor(row_factory=class_row(AuditEntry)) as cursor:
        rows = cursor.execute(sql, values).fetchall()
    if total is None:
        row = conn.execute(count, values).fetchone()
        total = int(row[0]) if row else 0
    return rows, total
