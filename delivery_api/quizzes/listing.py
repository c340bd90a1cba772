"""A person's own quizzes, for whoever comes back to one on another device.

What never lives here: what a quiz came to (``sealing``), and whether that may be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from delivery_api.database import TenantConnection
from delivery_api.tokens import Principal
from qbank.vocabulary import Mode, QuizStatus

_OWN = """WITH own AS (
        SELECT id AS quiz_id, exam_code, mode, num_questions, started_at, expires_at, sealed_at,
            quiz_status(quiz_sessions) AS status
        FROM quiz_sessions WHERE tenant_id = %(tenant)s AND user_id = %(user)s
            AND (%(exam)s::text IS NULL OR exam_code = (
                SELECT e.exam_code FROM exams AS e
                WHERE e.tenant_id = %(tenant)s AND e.code = %(exam)s))),
    found AS (SELECT * FROM own WHERE %(status)s::text IS NULL OR status = %(status)s)"""
_PAGE = f"""{_OWN}, page AS (
        SELECT * FROM found ORDER BY started_at DESC, quiz_id
        LIMIT %(size)s OFFSET (%(page)s - 1) * %(size)s)
    SELECT page.*,
        (SELECT count(*) FROM user_responses AS r WHERE r.quiz_id = page.quiz_id) AS answered
    FROM page ORDER BY started_at DESC, quiz_id"""  # noqa: S608
_TOTAL = f"{_OWN} SELECT count(*) FROM found"  # noqa: S608


@dataclass(frozen=True, slots=True)
class OwnQuiz:
    """A line of the listing.

    Attributes:
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
    *,
    page: int,
    page_size: int,
) -> tuple[list[OwnQuiz], int]:
    """A page of the caller's quizzes, the newest first, and how many there are on all pages."""
    values = {
        "tenant": caller.tenant_id,
        "user": caller.user_id,
        "exam": exam_code,
        "status": status,
        "page": page,
        "size": page_size,
    }
    async with conn.cursor(row_factory=class_row(OwnQuiz)) as cursor:
        found = await (await cursor.execute(_PAGE, values)).fetchall()
    row = await (await conn.execute(_TOTAL, values)).fetchone()
    return found, row[0] if row else 0
