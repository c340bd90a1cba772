"""What a person was served of an exam in a day, and when that looks as if they collect its items.

Said once, for the API, which looks at who makes a quiz, and for the check that looks at everybody.
Void sittings are looked at as well: what was seen was seen. What never lives here: what is done
about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psycopg.rows import class_row

from qbank.postgres import Connection

# in a day, so many of an exam's items and no fewer than that share of those that are live
MOST_ITEMS: Final = 100
MOST_SHARE: Final = 0.5
# in a day, so many answers that took half of them less than so many seconds
FAST_ANSWERS: Final = 50
FAST_S: Final = 2.0
# in a day, so many items, and no fewer than so many for each that was answered
LOOKED_AT: Final = 50
ITEMS_PER_ANSWER: Final = 3

_FIGURES = """count(DISTINCT i.question_id) AS items, count(r.id) AS answers,
        percentile_cont(0.5) WITHIN GROUP (
            ORDER BY extract(epoch FROM r.created_at - i.served_at)::float8)
            FILTER (WHERE r.id IS NOT NULL) AS median_s"""
_DAY = "i.served_at > now() - interval '1 day'"
# of ``user`` of ``tenant`` in ``exam``, quiz by quiz; a quiz lasts a week at most
OF_PERSON: Final = f"""SELECT {_FIGURES}
    FROM quiz_sessions AS s
    CROSS JOIN LATERAL (SELECT * FROM quiz_items WHERE quiz_id = s.id OFFSET 0) AS i
    LEFT JOIN user_responses AS r ON r.quiz_id = i.quiz_id AND r.question_id = i.question_id
    WHERE s.tenant_id = %(tenant)s AND s.user_id = %(user)s AND s.exam_code = %(exam)s
        AND s.started_at > now() - interval '8 days' AND {_DAY}"""  # noqa: S608
_OF_EVERYBODY = f"""WITH live AS (
        SELECT p.exam_code, count(*) AS live
        FROM question_publications AS p
        JOIN questions AS q ON q.id = p.question_id AND NOT q.is_deleted GROUP BY 1)
    SELECT seen.*, coalesce(live.live, 0) AS live
    FROM (
        SELECT s.exam_code, s.user_id, {_FIGURES}
        FROM quiz_items AS i
        JOIN quiz_sessions AS s ON s.id = i.quiz_id
        LEFT JOIN user_responses AS r ON r.quiz_id = i.quiz_id AND r.question_id = i.question_id
        WHERE {_DAY} AND i.import_batch_id IS NULL
        GROUP BY s.exam_code, s.user_id) AS seen
    LEFT JOIN live USING (exam_code)
    ORDER BY seen.exam_code, seen.user_id"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a person was served of an exam in the last day.

    Attributes:
        items: different items.
        live: items that the exam has.
        answers: how many were answered.
        median_s: seconds from being served to the answer; None without one.
    """

    items: int
    live: int
    answers: int
    median_s: float | None

    @property
    def suspicion(self) -> str | None:
        """What looks like harvesting, in words; None where nothing does."""
        if self.items >= max(MOST_ITEMS, MOST_SHARE * self.live):
            return f"{self.items} of {self.live} items were served in a day"
        if self.items >= max(LOOKED_AT, ITEMS_PER_ANSWER * self.answers):
            return f"{self.items} items were looked at in a day, and {self.answers} answered"
        if self.answers >= FAST_ANSWERS and (self.median_s or 0.0) < FAST_S:
            return f"{self.answers} answers in a day took {self.median_s or 0:.1f} s at the median"
        return None


@dataclass(frozen=True, slots=True)
class Day(Pattern):
    """The same, and whose it is; an exam's key is one tenant's."""

    exam_code: str
    user_id: str


def of_everybody(conn: Connection) -> Sequence[Day]:
    """The last day of each person in each exam, as delivery served it."""
    with conn.cursor(row_factory=class_row(Day)) as cursor:
        return cursor.execute(_OF_EVERYBODY).fetchall()
