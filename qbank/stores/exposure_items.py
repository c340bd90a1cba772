"""Exposure control item by item, with what the marts observed, for those who administer it.

What never lives here: changing sh_p (``exposure``), and how rates are computed (the marts).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from psycopg import Connection
from psycopg.rows import class_row, scalar_row

Sort = Literal["exposure_rate", "sh_p", "served_today", "question_id", "updated_at"]

# ORDER BY takes no parameters, so what may be asked for is written out
_ORDER: Final[dict[Sort, str]] = {
    "exposure_rate": "exposure_rate_28d DESC NULLS LAST, exposure_rate DESC NULLS LAST",
    "sh_p": "sh_p",
    "served_today": "served_today DESC",
    "question_id": "question_id",
    "updated_at": "updated_at DESC NULLS LAST",
}
_RATES: Final = """LEFT JOIN analytics.item_health AS h
    ON (h.exam_code, h.question_id, h.version) = (p.exam_code, p.question_id, p.live_version)"""
_NO_RATES: Final = """CROSS JOIN (SELECT NULL::float8 AS exposure_rate,
    NULL::float8 AS exposure_rate_28d, NULL::bigint AS served_28d) AS h"""


@dataclass(frozen=True)
class ExposureItem:
    """A live item of an exam.

    Attributes:
        sh_p: 1 where nothing controls the item.
        controlled: whether a row is in force.
        exposure_rate: served ÷ ended sessions, over all time; None before the marts are built.
        exposure_rate_28d: the same over the last 28 days.
        recent_attempts: ended quizzes of the last 28 days that it was served in, of which
            ``exposure_rate_28d`` is the share; None before the marts are built.
        served_today: servings since midnight UTC; the daily cap counts these.
    """

    exam_code: str
    question_id: int
    version: int
    external_ref: str | None
    topic_id: int
    stem_md: str
    sh_p: float
    controlled: bool
    pinned: bool
    updated_at: datetime | None
    updated_by: str | None
    exposure_rate: float | None
    exposure_rate_28d: float | None
    recent_attempts: int | None
    served_today: int


def items(
    conn: Connection[Any],
    tenant_id: str,
    *,
    exam_code: str | None = None,
    search: str | None = None,
    sort: Sort = "exposure_rate",
    limit: int = 50,
    offset: int = 0,
) -> tuple[tuple[ExposureItem, ...], int]:
    """A page of live items, and how many there are.

    Args:
        conn: an open connection.
        tenant_id: whose items.
        exam_code: of this exam alone.
        search: part of the stem or the external reference, or the question's id.
        sort: most exposed, smallest sh_p, most served today, by id, or last changed first.
        limit: rows to return.
        offset: rows to leave out before them.
    """
    with conn.cursor(row_factory=scalar_row) as cursor:
        has_marts = cursor.execute("SELECT to_regclass('analytics.item_health')").fetchone()
    rates = _RATES if has_marts else _NO_RATES
    source = f"""question_publications AS p
        JOIN questions AS q ON q.id = p.question_id AND NOT q.is_deleted
        JOIN question_versions AS v
            ON (v.question_id, v.version) = (p.question_id, p.live_version)
        LEFT JOIN item_exposure_control AS e ON (e.exam_code, e.question_id, e.version)
            = (p.exam_code, p.question_id, p.live_version)
        LEFT JOIN exposure_daily AS d ON d.day = (now() AT TIME ZONE 'UTC')::date
            AND (d.exam_code, d.question_id, d.version)
            = (p.exam_code, p.question_id, p.live_version)
        {rates}
        WHERE p.tenant_id = %(tenant)s
            AND (%(exam)s::text IS NULL OR p.exam_code = %(exam)s)
            AND (%(search)s::text IS NULL OR v.stem_md ILIKE %(pattern)s
                OR q.external_ref ILIKE %(pattern)s OR q.id::text = %(search)s)"""
    sql = f"""SELECT p.exam_code, p.question_id, p.live_version AS version, q.external_ref,
            v.topic_id, v.stem_md, coalesce(e.sh_p, 1) AS sh_p, e.sh_p IS NOT NULL AS controlled,
            coalesce(e.pinned, false) AS pinned, e.updated_at, e.updated_by, h.exposure_rate,
            h.exposure_rate_28d, h.served_28d AS recent_attempts,
            coalesce(d.served, 0) AS served_today
        FROM {source}
        ORDER BY {_ORDER[sort]}, exam_code, question_id
        LIMIT %(limit)s OFFSET %(offset)s"""  # noqa: S608
    values = {
        "tenant": tenant_id,
        "exam": exam_code,
        "search": search,
        "pattern": None if search is None else f"%{_literal(search)}%",
        "limit": limit,
        "offset": offset,
    }
    with conn.cursor(row_factory=class_row(ExposureItem)) as cursor:
        rows = tuple(cursor.execute(sql, values).fetchall())
    with conn.cursor(row_factory=scalar_row) as cursor:
        total = cursor.execute(f"SELECT count(*) FROM {source}", values).fetchone()  # noqa: S608
    return rows, int(total or 0)


def _literal(text: str) -> str:
    """The text with the wildcards of LIKE taken literally."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
