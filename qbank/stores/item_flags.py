"""Flags of items over time, and what people decided on them.

A flag of a live item stands open until somebody acknowledges, assigns or snoozes it, or it is gone.
The newest decision holds, a snooze until it ends. A decision is on one raising of a flag of one
version: what comes back, or is raised of the next version, is open again.

What never lives here: which items are flagged (the marts), what a flag means
(``qbank.item_flags``), and deciding (``flag_decisions``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, TypeVar

from psycopg import Connection
from psycopg.rows import class_row, scalar_row

from qbank.item_flags import FLAGS
from qbank.vocabulary import FlagChangeKind, FlagEventKind, FlagStanding

Row = TypeVar("Row")

# most urgent first: by the place of the flag among all
_URGENCY: Final = "array_position(%(flags)s::text[], f.flag)"
_STANDING: Final = """CASE WHEN d.action IS NULL OR d.action = 'reopened'
        OR d.action = 'snoozed' AND d.snoozed_until <= now()
    THEN 'open' ELSE d.action END"""
# parameters tenant, exam and question; the last two may be null
RAISED: Final = f"""SELECT f.id, f.exam_code, f.question_id, f.version, q.external_ref, f.flag,
        f.raised_at, {_STANDING} AS standing, d.assignee, d.snoozed_until, d.reason, d.decided_by,
        d.created_at AS decided_at
    FROM item_flags AS f
    JOIN questions AS q ON q.id = f.question_id
    LEFT JOIN LATERAL (
        SELECT * FROM item_flag_decisions AS one WHERE one.flag_id = f.id
        ORDER BY one.id DESC LIMIT 1
    ) AS d ON true
    WHERE f.tenant_id = %(tenant)s AND f.gone_at IS NULL
        AND (%(exam)s::text IS NULL OR f.exam_code = %(exam)s)
        AND (%(question)s::bigint IS NULL OR f.question_id = %(question)s)"""  # noqa: S608


@dataclass(frozen=True)
class RaisedFlag:
    """A flag that a live item bears, and where it stands.

    Attributes:
        flag: a column of item_health.
        assignee: whom the newest decision gives it to, if it does.
        snoozed_until: when the newest decision's snooze ends or ended, if it was one.
        reason: of the newest decision, and by whom and when; None before there is one.
    """

    id: int
    exam_code: str
    question_id: int
    version: int
    external_ref: str | None
    flag: str
    raised_at: datetime
    standing: FlagStanding
    assignee: str | None
    snoozed_until: datetime | None
    reason: str | None
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True)
class FlagChange:
    """A flag that is new, or gone, since a moment."""

    change: FlagChangeKind
    exam_code: str
    question_id: int
    version: int
    external_ref: str | None
    flag: str
    at: datetime


@dataclass(frozen=True)
class FlagEvent:
    """Something that happened to a flag of an item: raised, decided on, gone.

    Attributes:
        by: who decided; None of what a build found.
    """

    event: FlagEventKind
    version: int
    flag: str
    at: datetime
    by: str | None
    reason: str | None
    assignee: str | None
    snoozed_until: datetime | None


def raised(
    conn: Connection[Any],
    tenant_id: str,
    *,
    exam_code: str | None = None,
    question_id: int | None = None,
    standing: Sequence[FlagStanding] | None = None,
    assignee: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> tuple[tuple[RaisedFlag, ...], int]:
    """A page of the flags that live items bear, the most urgent and newest first, and how many.

    Args:
        conn: an open connection.
        tenant_id: whose items.
        exam_code: in this exam alone.
        question_id: of this question alone.
        standing: those that stand so alone; None is all.
        assignee: those that are assigned to this person alone.
        limit: rows to return.
        offset: rows to leave out before them.
    """
    source = f"""({RAISED}) AS f
        WHERE (%(standing)s::text[] IS NULL OR f.standing = ANY(%(standing)s))
            AND (%(assignee)s::text IS NULL OR f.assignee = %(assignee)s)"""
    order = f"{_URGENCY}, f.raised_at DESC, f.exam_code, f.question_id, f.version"
    values = {
        "tenant": tenant_id,
        "exam": exam_code,
        "question": question_id,
        "standing": None if standing is None else list(standing),
        "assignee": assignee,
        "flags": list(FLAGS),
    }
    return _page(conn, RaisedFlag, source, order, values, limit, offset)


def changes(
    conn: Connection[Any],
    tenant_id: str,
    *,
    since: datetime,
    exam_code: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> tuple[tuple[FlagChange, ...], int]:
    """A page of the flags that are new since a moment, or gone, and how many there are.

    What came and went in between is no change.

    Args:
        conn: an open connection.
        tenant_id: whose items.
        since: the moment.
        exam_code: in this exam alone.
        limit: rows to return.
        offset: rows to leave out before them.
    """
    source = """(
            SELECT CASE WHEN f.gone_at IS NULL THEN 'raised' ELSE 'gone' END AS change,
                f.exam_code, f.question_id, f.version, q.external_ref, f.flag,
                coalesce(f.gone_at, f.raised_at) AS at
            FROM item_flags AS f JOIN questions AS q ON q.id = f.question_id
            WHERE f.tenant_id = %(tenant)s
                AND (%(exam)s::text IS NULL OR f.exam_code = %(exam)s)
                AND (f.gone_at IS NULL AND f.raised_at > %(since)s
                    OR f.gone_at > %(since)s AND f.raised_at <= %(since)s)
        ) AS f"""
    order = f"f.change DESC, {_URGENCY}, f.at DESC, f.exam_code, f.question_id, f.version"
    values = {"tenant": tenant_id, "exam": exam_code, "since": since, "flags": list(FLAGS)}
    return _page(conn, FlagChange, source, order, values, limit, offset)


def history(
    conn: Connection[Any],
    tenant_id: str,
    *,
    exam_code: str | None,
    question_id: int,
    limit: int = 50,
    offset: int = 0,
) -> tuple[tuple[FlagEvent, ...], int]:
    """A page of what happened to a question's flags in an exam, newest first, and how much did.

    Args:
        conn: an open connection.
        tenant_id: whose items.
        exam_code: the exam.
        question_id: the question, all its versions.
        limit: rows to return.
        offset: rows to leave out before them.
    """
    source = """(
            WITH flags AS (
                SELECT * FROM item_flags AS f WHERE f.tenant_id = %(tenant)s
                    AND f.exam_code = %(exam)s AND f.question_id = %(question)s
            )
            SELECT 'raised' AS event, version, flag, raised_at AS at, NULL AS by, NULL AS reason,
                NULL AS assignee, NULL::timestamptz AS snoozed_until, id AS flag_id, 0 AS place
            FROM flags
            UNION ALL
            SELECT d.action, f.version, f.flag, d.created_at, d.decided_by, d.reason, d.assignee,
                d.snoozed_until, f.id, d.id
            FROM flags AS f JOIN item_flag_decisions AS d ON d.flag_id = f.id
            UNION ALL
            SELECT 'gone', version, flag, gone_at, NULL, NULL, NULL, NULL, id, 9223372036854775807
            FROM flags WHERE gone_at IS NOT NULL
        ) AS f"""
    values = {"tenant": tenant_id, "exam": exam_code, "question": question_id}
    return _page(
        conn, FlagEvent, source, "f.at DESC, f.place DESC, f.flag_id DESC", values, limit, offset
    )


def _page(
    conn: Connection[Any],
    model: type[Row],
    source: str,
    order: str,
    values: dict[str, Any],
    limit: int,
    offset: int,
) -> tuple[tuple[Row, ...], int]:
    columns = ", ".join(f"f.{field.name}" for field in fields(model))  # type: ignore[arg-type]
    values |= {"limit": limit, "offset": offset}
    sql = f"SELECT {columns} FROM {source} ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s"  # noqa: S608
    with conn.cursor(row_factory=class_row(model)) as cursor:
        rows = tuple(cursor.execute(sql, values).fetchall())
    with conn.cursor(row_factory=scalar_row) as cursor:
        total = cursor.execute(f"SELECT count(*) FROM {source}", values).fetchone()  # noqa: S608
    return rows, int(total or 0)
