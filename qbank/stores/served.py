"""What was served and held back in finished or expired sessions, as re-estimation needs it.

Only adaptive sessions under exposure control count: in others sh_p plays no part, so what they
served says nothing about it. Nor does a session without an answer, which anybody can make by the
thousand. A session counts on the UTC day it ended.

Items that were tried out count in no rate.

What never lives here: rates, and what follows from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from psycopg import Connection

# sessions that count, as dbt's macro is_controlled has it
CONTROLLED: Final = "is_adaptive AND selector <> 'vanilla' AND answered > 0"


@dataclass(frozen=True, eq=False)
class ServedCounts:
    """Counts by day (oldest first) and item.

    Attributes:
        first_day: of the window; days follow one another.
        sessions: controlled sessions that ended, shape (days,).
        question_id: items served or held back in the window, shape (J,).
        version: shape (J,).
        served: shape (days, J).
        held_back: sessions in which the item was selected and held back, shape (days, J).
    """

    first_day: date
    sessions: npt.NDArray[np.int64]
    question_id: npt.NDArray[np.int64]
    version: npt.NDArray[np.int64]
    served: npt.NDArray[np.int64]
    held_back: npt.NDArray[np.int64]


def window(
    conn: Connection[Any], exam_code: str, *, first: date, last: date, selector: str
) -> ServedCounts:
    """Counts of the days from ``first`` to ``last``, both included, under one selector."""
    values = {"exam": exam_code, "first": first, "last": last, "selector": selector}
    days = (last - first).days + 1
    sessions = np.zeros(days, dtype=np.int64)
    for day, count in conn.execute(_SESSIONS, values).fetchall():
        sessions[(day - first).days] = count
    rows = conn.execute(_ITEMS, values).fetchall()
    keys = sorted({(question, version) for _, question, version, _, _ in rows})
    place = {key: index for index, key in enumerate(keys)}
    served = np.zeros((days, len(keys)), dtype=np.int64)
    held_back = np.zeros_like(served)
    for day, question, version, given, held in rows:
        at = ((day - first).days, place[question, version])
        served[at], held_back[at] = given, held
    return ServedCounts(
        first_day=first,
        sessions=sessions,
        question_id=np.array([question for question, _ in keys], dtype=np.int64),
        version=np.array([version for _, version in keys], dtype=np.int64),
        served=served,
        held_back=held_back,
    )


def newest_day(conn: Connection[Any], exam_code: str) -> date | None:
    """The last day on which a controlled session of the exam ended."""
    sql = f"""SELECT max(ended_on) FROM analytics.fact_sessions
        WHERE exam_code = %s AND {CONTROLLED}"""  # noqa: S608
    row = conn.execute(sql, (exam_code,)).fetchone()
    return row[0] if row else None


def counts(
    conn: Connection[Any], exam_code: str, questions: Sequence[int]
) -> dict[tuple[int, int], int]:
    """How often items were given in an exam in all, by question id and version.

    In sittings and practice, scored or not: each may bring an answer.
    """
    sql = """SELECT question_id, version, sum(served)::bigint FROM exposure_daily
        WHERE exam_code = %s AND question_id = ANY(%s) GROUP BY question_id, version"""
    rows = conn.execute(sql, (exam_code, list(questions))).fetchall()
    return {(question, version): given for question, version, given in rows}


_CONTROLLED = f"""SELECT quiz_id, ended_on FROM analytics.fact_sessions
    WHERE exam_code = %(exam)s AND ended_on BETWEEN %(first)s AND %(last)s
      AND {CONTROLLED} AND selector = %(selector)s"""  # noqa: S608
_SESSIONS = f"SELECT ended_on, count(*) FROM ({_CONTROLLED}) AS s GROUP BY ended_on"  # noqa: S608
# a hold-back is logged by question: its version is the one that is live
_ITEMS = f"""WITH controlled AS MATERIALIZED ({_CONTROLLED}),
    given AS (
        SELECT s.ended_on, i.question_id, i.version, count(*) AS served
        FROM controlled AS s JOIN quiz_items AS i USING (quiz_id)
        WHERE NOT i.is_pretest
        GROUP BY s.ended_on, i.question_id, i.version),
    held AS (
        SELECT s.ended_on, h.question_id, p.live_version AS version,
            count(DISTINCT s.quiz_id) AS held_back
        FROM controlled AS s JOIN quiz_items AS i USING (quiz_id)
        CROSS JOIN LATERAL unnest(i.rejected) AS h (question_id)
        JOIN question_publications AS p
            ON p.question_id = h.question_id AND p.exam_code = %(exam)s
        GROUP BY s.ended_on, h.question_id, p.live_version)
    SELECT ended_on, question_id, version, coalesce(served, 0), coalesce(held_back, 0)
    FROM given FULL JOIN held USING (ended_on, question_id, version)"""  # noqa: S608
