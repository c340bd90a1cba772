"""How an exam was delivered: what controlled sittings were served, and under what conditions.

What never lives here: what was expected of them (``qbank_orchestration.engine.prediction``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import class_row

from qbank.stores.served import CONTROLLED


@dataclass(frozen=True, eq=False)
class DeliveredDays:
    """Counts of controlled sittings by the UTC day that they ended on.

    Attributes:
        day: ascending, D of them.
        sittings: shape (D,).
        question_id: items served, shape (J,).
        version: shape (J,).
        served: shape (D, J).
    """

    day: tuple[date, ...]
    sittings: npt.NDArray[np.int64]
    question_id: npt.NDArray[np.int64]
    version: npt.NDArray[np.int64]
    served: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Outside:
    """Sittings with an answer, and those that were not as a certificate has it.

    Attributes:
        sittings: all of them.
        uncontrolled: chosen without exposure control.
        other_rule: with it, but by another selector.
        other_length: of another length.
        other_quota: with a quota where there is none in the certificate, or without.
        filtered: of some topics or difficulties alone.
        cut_short: ended before all items were served.
        outside: any of these.
    """

    sittings: int
    uncontrolled: int
    other_rule: int
    other_length: int
    other_quota: int
    filtered: int
    cut_short: int
    outside: int


def days(conn: Connection[Any], exam_code: str, *, first: date, last: date) -> DeliveredDays:
    """Counts of the days from ``first`` to ``last``, both included."""
    sql = """SELECT day, question_id, version, controlled_served, controlled_sessions
        FROM analytics.exposure_daily_rates
        WHERE exam_code = %s AND day BETWEEN %s AND %s AND controlled_sessions > 0
        ORDER BY day"""
    rows = conn.execute(sql, (exam_code, first, last)).fetchall()
    of_day = {day: sittings for day, _, _, _, sittings in rows}
    keys = sorted({(question, version) for _, question, version, _, _ in rows})
    row_of = {day: at for at, day in enumerate(of_day)}
    place = {key: at for at, key in enumerate(keys)}
    served = np.zeros((len(of_day), len(keys)), np.int64)
    for day, question, version, count, _ in rows:
        served[row_of[day], place[question, version]] = count
    return DeliveredDays(
        day=tuple(of_day),
        sittings=np.array(list(of_day.values()), np.int64),
        question_id=np.array([question for question, _ in keys], np.int64),
        version=np.array([version for _, version in keys], np.int64),
        served=served,
    )


def outside(
    conn: Connection[Any],
    exam_code: str,
    *,
    first: date,
    last: date,
    selector: str,
    test_length: int,
    has_quota: bool,
) -> Outside:
    """Counts sittings that ended from ``first`` to ``last`` by whether they kept to conditions."""
    values = {
        "exam": exam_code,
        "first": first,
        "last": last,
        "selector": selector,
        "length": test_length,
        "quota": has_quota,
    }
    with conn.cursor(row_factory=class_row(Outside)) as cursor:
        row = cursor.execute(_OUTSIDE, values).fetchone()
    assert row is not None  # noqa: S101  (counts always give a row)
    return row


def newest_day(conn: Connection[Any], exam_code: str) -> date | None:
    """The last day of controlled sittings in the mart of exposure rates."""
    sql = """SELECT max(day) FROM analytics.exposure_daily_rates
        WHERE exam_code = %s AND controlled_sessions > 0"""
    row = conn.execute(sql, (exam_code,)).fetchone()
    return row[0] if row else None


_OUTSIDE = f"""WITH sittings AS (
        SELECT NOT ({CONTROLLED}) AS uncontrolled,
            ({CONTROLLED}) AND selector <> %(selector)s AS other_rule,
            num_questions <> %(length)s AS other_length,
            q.filters -> 'topic_quota' IS NOT NULL
                OR coalesce((q.filters ->> 'blueprint_quota')::boolean, false) <> %(quota)s
                AS other_quota,
            coalesce(jsonb_array_length(q.filters -> 'topics'), 0)
                + coalesce(jsonb_array_length(q.filters -> 'difficulty'), 0) > 0 AS filtered,
            served - pretest_served < num_questions AS cut_short
        FROM analytics.fact_sessions AS s
        JOIN LATERAL (SELECT filters FROM quiz_sessions WHERE id = s.quiz_id) AS q ON true
        WHERE exam_code = %(exam)s AND ended_on BETWEEN %(first)s AND %(last)s
          AND is_adaptive AND answered > 0)
    SELECT count(*) AS sittings,
        count(*) FILTER (WHERE uncontrolled) AS uncontrolled,
        count(*) FILTER (WHERE other_rule) AS other_rule,
        count(*) FILTER (WHERE other_length) AS other_length,
        count(*) FILTER (WHERE other_quota) AS other_quota,
        count(*) FILTER (WHERE filtered) AS filtered,
        count(*) FILTER (WHERE cut_short) AS cut_short,
        count(*) FILTER (WHERE uncontrolled OR other_rule OR other_length OR other_quota
            OR filtered OR cut_short) AS outside
    FROM sittings"""  # noqa: S608
