"""Who looks as if they collect an exam's items: said to the log and counted, refused nothing.

Looked at when a person has made a quiz, for whoever collects makes many; the quiz stands, whatever
becomes of the look. What slows them down are limits and exclusions of items (``enrolment``,
``store``), which never live here.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

import psycopg

from delivery_api.database import TenantConnection
from delivery_api.metrics import HARVESTING
from delivery_api.tokens import Principal
from qbank.vocabulary import code_of

# in a day, so many of an exam's items and no fewer than that share of those that are live
MOST_ITEMS: Final = 100
MOST_SHARE: Final = 0.5
# in a day, so many answers that took half of them less than so many seconds
FAST_ANSWERS: Final = 50
FAST_S: Final = 2.0

_log = logging.getLogger(__name__)

_LATELY = """SELECT count(DISTINCT i.question_id), count(r.id),
        percentile_cont(0.5) WITHIN GROUP (
            ORDER BY extract(epoch FROM r.created_at - i.served_at)::float8)
            FILTER (WHERE r.id IS NOT NULL)
    FROM quiz_sessions AS s
    CROSS JOIN LATERAL (SELECT * FROM quiz_items WHERE quiz_id = s.id OFFSET 0) AS i
    LEFT JOIN user_responses AS r ON r.quiz_id = i.quiz_id AND r.question_id = i.question_id
    WHERE s.tenant_id = %(tenant)s AND s.user_id = %(user)s AND s.exam_code = %(exam)s
        AND s.started_at > now() - interval '8 days' AND i.served_at > now() - interval '1 day'"""


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
        if self.answers >= FAST_ANSWERS and (self.median_s or 0.0) < FAST_S:
            return f"{self.answers} answers in a day took {self.median_s or 0:.1f} s at the median"
        return None


async def look(conn: TenantConnection, caller: Principal, exam_code: str, live: int) -> None:
    """Says so where the caller's last day in an exam, with so many live items, looks like it."""
    values = {"tenant": caller.tenant_id, "user": caller.user_id, "exam": exam_code}
    try:
        row = await (await conn.execute(_LATELY, values)).fetchone()
    except psycopg.Error as error:
        _log.warning("nobody looked for harvesting: %s", " ".join(str(error).split()))
        return
    assert row is not None  # noqa: S101
    items, answers, median_s = row
    suspicion = Pattern(items, live, answers, median_s).suspicion
    if suspicion is None:
        return
    HARVESTING.labels(exam_code).inc()
    _log.warning(
        "looks like harvesting: user %r of tenant %r in exam %s: %s",
        caller.user_id,
        caller.tenant_id,
        code_of(exam_code),
        suspicion,
    )
