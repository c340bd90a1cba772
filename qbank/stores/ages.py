"""How old each exam's data and calibration are, and how many sessions its days had.

What never lives here: what counts as old, or as odd.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection

Age = tuple[str, datetime | None, datetime | None, bool]


def of_exams(conn: Connection[Any]) -> tuple[Age, ...]:
    """(exam code, newest response, last published Sympson–Hetter run, asks for it) of each exam."""
    sql = """SELECT e.exam_code,
            (SELECT max(s.source_changed_at) FROM analytics.fact_sessions AS s
             WHERE s.exam_code = e.exam_code AND s.answered > 0),
            (SELECT max(r.finished_at) FROM calibration_runs AS r
             WHERE r.exam_code = e.exam_code AND r.kind = 'sympson_hetter'
               AND r.status = 'done' AND r.stopped_reason IS DISTINCT FROM 'dry_run'),
            coalesce(e.policy ->> 'exposure_control' <> 'none', true)
        FROM exams AS e ORDER BY e.exam_code"""
    return tuple(conn.execute(sql).fetchall())


def sessions_by_day(conn: Connection[Any], *, days: int) -> dict[str, list[int]]:
    """Sessions that started on each of the last full UTC days, oldest first, by exam.

    Days before an exam's first session do not count; days without any after it do.
    """
    sql = """WITH today AS (SELECT (now() AT TIME ZONE 'UTC')::date AS day),
        firsts AS (
            SELECT exam_code, min(started_on) AS first FROM analytics.fact_sessions
            GROUP BY exam_code),
        calendar AS (
            SELECT f.exam_code, d::date AS day FROM firsts AS f, today,
                generate_series(greatest(f.first, today.day - %(days)s), today.day - 1,
                                interval '1 day') AS d)
        SELECT c.exam_code, count(s.quiz_id) FROM calendar AS c
        LEFT JOIN analytics.fact_sessions AS s
            ON s.exam_code = c.exam_code AND s.started_on = c.day
        GROUP BY c.exam_code, c.day ORDER BY c.exam_code, c.day"""
    counts: dict[str, list[int]] = {}
    for exam_code, count in conn.execute(sql, {"days": days}).fetchall():
        counts.setdefault(exam_code, []).append(count)
    return counts
