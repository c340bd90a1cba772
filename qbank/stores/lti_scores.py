"""Scores that go back to learning platforms, as staff see them: which wait, were sent, given up.

They are queued by Postgres, in the transaction that keeps a result. What never lives here: sending
them (``delivery_api.lti.passback``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from qbank.stores.audit import Audit
from qbank.stores.errors import ConflictError, NotFoundError
from qbank.vocabulary import LtiScoreState

_CHOSEN: Final = """FROM lti_scores AS c
    JOIN lti_quizzes AS q ON q.quiz_id = c.quiz_id
    JOIN lti_launches AS l ON l.id = q.launch_id
    JOIN lti_platforms AS p ON p.id = l.platform_id
    WHERE (%(tenant)s::text IS NULL OR l.tenant_id = %(tenant)s)
        AND (%(state)s::text IS NULL OR c.state = %(state)s)"""
_PAGE: Final = f"""SELECT c.id, c.quiz_id, l.user_id, l.exam_code, p.name AS platform, c.revision,
        c.score_given, c.score_maximum, c.scored_at, c.state, c.attempts,
        CASE WHEN c.state = 'waiting' THEN c.next_at END AS next_at, c.problem, c.sent_at
    {_CHOSEN} ORDER BY c.id DESC LIMIT %(limit)s OFFSET %(offset)s"""
_WRONG: Final = """SELECT count(*), min(problem) FROM lti_scores
    WHERE state = 'given_up' AND created_at > now() - interval '30 days'"""


@dataclass(frozen=True)
class Score:
    """A result on its way.

    Attributes:
        exam_code: the exam's key.
        platform: its name.
        revision: of the result.
        next_at: when it is tried next; None where it is not.
        problem: why the last attempt came to nothing, or what the platform said.
    """

    id: int
    quiz_id: str
    user_id: str
    exam_code: str
    platform: str
    revision: int
    score_given: float
    score_maximum: float
    scored_at: datetime
    state: LtiScoreState
    attempts: int
    next_at: datetime | None
    problem: str
    sent_at: datetime | None


def find(
    conn: Connection[Any],
    tenant_id: str | None,
    state: str | None = None,
    *,
    limit: int = 50,
    offset: int = 0,
) -> tuple[Sequence[Score], int]:
    """A page of the scores, the newest first, and how many there are."""
    values = {"tenant": tenant_id, "state": state, "limit": limit, "offset": offset}
    with conn.cursor(row_factory=class_row(Score)) as cursor:
        found = cursor.execute(_PAGE, values).fetchall()
    row = conn.execute(f"SELECT count(*) {_CHOSEN}", values).fetchone()
    return found, int(row[0]) if row else 0


def resend(conn: Connection[Any], score_id: int, *, audit: Audit) -> None:
    """Lets a score that was given up be tried again, the same as it was.

    Raises:
        NotFoundError: there is none of the number.
        ConflictError: it was not given up, or there is a newer one of the quiz.
    """
    row = conn.execute(
        """SELECT state, quiz_id, EXISTS (SELECT FROM lti_scores AS o
            WHERE o.quiz_id = c.quiz_id AND o.id > c.id)
        FROM lti_scores AS c WHERE id = %s FOR UPDATE""",
        (score_id,),
    ).fetchone()
    if row is None:
        raise NotFoundError(f"score {score_id} does not exist: `qbank lti scores` has them")
    state, quiz_id, has_newer = row
    if state != "given_up" or has_newer:
        why = "a newer one of its quiz is there" if has_newer else f"it is {state}"
        raise ConflictError(f"score {score_id} is not sent again: {why}")
    conn.execute(
        "UPDATE lti_scores SET state = 'waiting', attempts = 0, next_at = now() WHERE id = %s",
        (score_id,),
    )
    audit("lti.resend", f"quiz={quiz_id}", score=score_id)


def tenant_of(conn: Connection[Any], score_id: int) -> str:
    """Whose score it is.

    Raises:
        NotFoundError: there is none of the number.
    """
    row = conn.execute(
        """SELECT l.tenant_id FROM lti_scores AS c JOIN lti_quizzes AS q ON q.quiz_id = c.quiz_id
        JOIN lti_launches AS l ON l.id = q.launch_id WHERE c.id = %s""",
        (score_id,),
    ).fetchone()
    if row is None:
        raise NotFoundError(f"score {score_id} does not exist: `qbank lti scores` has them")
    return str(row[0])


def wrong(conn: Connection[Any]) -> str:
    """What there is to tell of scores that were given up in the last 30 days; empty: nothing."""
    row = conn.execute(_WRONG).fetchone()
    if row is None or not row[0]:
        return ""
    return (
        f"{row[0]} scores were not taken by their learning platform ({row[1]}): "
        "qbank lti scores --state given_up, then qbank lti resend"
    )
