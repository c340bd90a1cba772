"""A person's own quizzes, for whoever comes back to one on another device.

What never lives here: what a quiz came to (``sealing``), and whether that may be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from delivery_api.database import TenantConnection
from delivery_api.paging import Place
from delivery_api.tokens import Principal
from qbank.vocabulary import Mode, QuizStatus

# a comparison that an index answers, on the first page as well
AFTER = """(started_at, id) < (coalesce(%(after_at)s::timestamptz, 'infinity'),
                coalesce(%(after_quiz)s::text, ''))"""
_OWN = f"""WITH own AS (
        SELECT id AS quiz_id, exam_code, mode, num_questions, pretest_positions, started_at,
            expires_at, sealed_at, quiz_status(quiz_sessions) AS status
        FROM quiz_sessions WHERE tenant_id = %(tenant)s AND user_id = %(user)s
            AND {AFTER}
            AND (%(exam)s::text IS NULL OR exam_code = (
                SELECT e.exam_code FROM exams AS e
                WHERE e.tenant_id = %(tenant)s AND e.code = %(exam)s))),
    found AS (SELECT * FROM own WHERE %(status)s::text IS NULL OR status = %(status)s)"""  # noqa: S608
_PAGE = f"""{_OWN}, page AS (
        SELECT * FROM found ORDER BY started_at DESC, quiz_id DESC
        LIMIT %(limit)s OFFSET %(offset)s)
    SELECT quiz_id, exam_code, mode, started_at, expires_at, sealed_at, status,
        -- with what is tried out; where there was nothing to try out a scored item came earlier
        num_questions + (SELECT count(*) FROM unnest(pretest_positions) AS p (position)
            WHERE NOT EXISTS (SELECT FROM quiz_items AS i WHERE i.quiz_id = page.quiz_id
                AND i.position = p.position AND NOT i.is_pretest))::integer AS num_questions,
        (SELECT count(*) FROM user_responses AS r WHERE r.quiz_id = page.quiz_id) AS answered
    FROM page ORDER BY started_at DESC, quiz_id DESC"""  # noqa: S608
_TOTAL = f"{_OWN} SELECT count(*) FROM found"  # noqa: S608


@dataclass(frozen=True, slots=True)
class OwnQuiz:
    """A line of the listing.

    Attributes:
        num_questions: items that it has in all.
        sealed_at: when it was finished, or sealed because its time was over; None before.
    """

    quiz_id: str
    exam_code: str
    mode: Mode
    num_questions: int
    started_at: datetime
    expires_at: datetime
    sealed_at: datetime | None
    status: QuizStatus
    answered: int


async def own(
    conn: TenantConnection,
    caller: Principal,
    exam_code: str | None,
    status: QuizStatus | None,
    where: Place,
) -> tuple[list[OwnQuiz], int]:
    """A page of the caller's quizzes, the newest first, and how many there are on all pages."""
    values = {
        "tenant": caller.tenant_id,
        "user": caller.user_id,
        "exam": exam_code,
        "status": status,
    } | begins(where)
    async with conn.cursor(row_factory=class_row(OwnQuiz)) as cursor:
        found = await (await cursor.execute(_PAGE, values)).fetchall()
    if where.total is not None:
        return found, where.total
    row = await (await conn.execute(_TOTAL, values)).fetchone()
    return found, row[0] if row else 0


def begins(where: Place) -> dict[str, Any]:
    """Parameters of a page of quizzes; its rows are those :data:`AFTER` the page before."""
    at, quiz = where.after or (None, None)
    return {"limit": where.size, "offset": where.offset, "after_at": at, "after_quiz": quiz}
