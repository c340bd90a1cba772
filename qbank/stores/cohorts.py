"""Feature flags, and who is in which arm of an experiment.

A tenant's own row wins over one without a tenant, which holds for all. Assignment is a function of
key, tenant and user, so that it is the same in every process and at every time.

What never lives here: what an arm does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from qbank.stores.errors import InvalidValueError, NotFoundError


@dataclass(frozen=True)
class Flag:
    """A feature flag; ``tenant_id`` None holds for every tenant that has none of its own."""

    key: str
    enabled: bool
    value_json: Any
    tenant_id: str | None
    updated_at: datetime


@dataclass(frozen=True)
class Assignment:
    """A user's arm under a cohort key."""

    user_id: str
    cohort_key: str
    cohort_value: str
    assigned_at: datetime


MAX_WEIGHT: Final = 1e9

_FLAG = "key, enabled, value_json, tenant_id, updated_at"
_ASSIGNMENT = "user_id, cohort_key, cohort_value, assigned_at"


def usable(weights: Mapping[str, Any]) -> bool:
    """Whether weights give everybody an arm: numbers from 0 to ``MAX_WEIGHT``, one above 0."""
    return all(
        isinstance(weight, int | float)
        and not isinstance(weight, bool)
        and 0 <= weight <= MAX_WEIGHT
        for weight in weights.values()
    ) and any(weights.values())


def arm(key: str, tenant_id: str, user_id: str, weights: Mapping[str, float]) -> str:
    """The arm of a user: weights as shares, drawn by a hash of key, tenant and user.

    Raises:
        InvalidValueError: weights that are not :func:`usable`.
    """
    if not usable(weights):
        raise InvalidValueError(
            f"weights of {', '.join(weights) or 'no arm'} give nobody an arm:"
            f" use numbers from 0 to {MAX_WEIGHT:g}, one above 0"
        )
    total = sum(weights.values())
    name = "\x1f".join((key, tenant_id, user_id)).encode()
    point = int.from_bytes(hashlib.sha256(name).digest()[:8], "big") / 2**64 * total
    for value in sorted(weights):
        point -= weights[value]
        if point < 0:
            return value
    return max(value for value in weights if weights[value] > 0)


def flags(conn: Connection[Any], tenant_id: str) -> tuple[Flag, ...]:
    """The flags that hold for a tenant, by key."""
    sql = f"""SELECT DISTINCT ON (key) {_FLAG} FROM feature_flags
        WHERE tenant_id = %s OR tenant_id IS NULL ORDER BY key, tenant_id NULLS LAST"""  # noqa: S608
    with conn.cursor(row_factory=class_row(Flag)) as cursor:
        return tuple(cursor.execute(sql, (tenant_id,)).fetchall())


def flag(conn: Connection[Any], tenant_id: str, key: str) -> Flag:
    """The flag that holds for a tenant.

    Raises:
        NotFoundError: there is none.
    """
    found = next((f for f in flags(conn, tenant_id) if f.key == key), None)
    if found is None:
        raise NotFoundError(f"flag {key!r} does not exist: set it first")
    return found


def set_flag(conn: Connection[Any], tenant_id: str, key: str, *, enabled: bool, value: Any) -> Flag:
    """Sets a tenant's flag; a flag that holds for all tenants stays as it is."""
    sql = f"""INSERT INTO feature_flags (key, tenant_id, enabled, value_json)
        VALUES (%s, %s, %s, %s)
        ON CONFLICT (key, tenant_id) DO UPDATE
        SET enabled = excluded.enabled, value_json = excluded.value_json
        RETURNING {_FLAG}"""  # noqa: S608
    values = (key, tenant_id, enabled, None if value is None else Jsonb(value))
    with conn.cursor(row_factory=class_row(Flag)) as cursor:
        row = cursor.execute(sql, values).fetchone()
    assert row is not None  # noqa: S101
    return row


def assign(
    conn: Connection[Any], tenant_id: str, cohort_key: str, arms: Mapping[str, str]
) -> tuple[Assignment, ...]:
    """Puts users (keys) into arms (values); one who was in another arm changes over."""
    sql = f"""INSERT INTO cohort_assignments AS c (user_id, cohort_key, tenant_id, cohort_value)
        SELECT u.user_id, %s, %s, u.arm
        FROM unnest(%s::text[], %s::text[]) AS u (user_id, arm) ORDER BY u.user_id
        ON CONFLICT (user_id, cohort_key, tenant_id) DO UPDATE
        SET cohort_value = excluded.cohort_value,
            assigned_at = CASE c.cohort_value WHEN excluded.cohort_value THEN c.assigned_at
                               ELSE excluded.assigned_at END
        RETURNING {_ASSIGNMENT}"""  # noqa: S608
    values = (cohort_key, tenant_id, [*arms], [*arms.values()])
    with conn.cursor(row_factory=class_row(Assignment)) as cursor:
        return tuple(cursor.execute(sql, values).fetchall())


def assignments(
    conn: Connection[Any],
    tenant_id: str,
    *,
    cohort_key: str | None = None,
    user_id: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> tuple[Sequence[Assignment], int]:
    """A page of a tenant's assignments, and how many there are."""
    condition = """(tenant_id = %(tenant)s OR tenant_id IS NULL)
        AND (%(key)s::text IS NULL OR cohort_key = %(key)s)
        AND (%(user)s::text IS NULL OR user_id = %(user)s)"""
    values = {
        "tenant": tenant_id,
        "key": cohort_key,
        "user": user_id,
        "limit": limit,
        "offset": offset,
    }
    sql = f"""SELECT {_ASSIGNMENT} FROM cohort_assignments WHERE {condition}
        ORDER BY cohort_key, user_id, tenant_id LIMIT %(limit)s OFFSET %(offset)s"""  # noqa: S608
    count = f"SELECT count(*) FROM cohort_assignments WHERE {condition}"  # noqa: S608
    with conn.cursor(row_factory=class_row(Assignment)) as cursor:
        rows = cursor.execute(sql, values).fetchall()
    total = conn.execute(count, values).fetchone()
    return rows, int(total[0]) if total else 0


def remove(conn: Connection[Any], tenant_id: str, cohort_key: str, user_id: str) -> None:
    """Takes a user out of a cohort.

    Raises:
        NotFoundError: the user is not in it.
    """
    sql = """DELETE FROM cohort_assignments
        WHERE user_id = %s AND cohort_key = %s AND tenant_id = %s"""
    if conn.execute(sql, (user_id, cohort_key, tenant_id)).rowcount == 0:
        raise NotFoundError(f"user {user_id!r} has no assignment of your own for {cohort_key!r}")
