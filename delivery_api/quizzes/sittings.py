"""People's sittings for whoever administers an exam: which there are, and all of one.

A sitting is a quiz in exam mode. What never lives here: a person's own quizzes (``listing``), and
what a person is told (``telling``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from delivery_api.paging import Place
from delivery_api.quizzes.creation import ALONE, SITTINGS
from delivery_api.quizzes.listing import AFTER, begins
from qbank.attempts import AttemptPolicy
from qbank.postgres import Connection
from qbank.vocabulary import QuizStatus, Selector

_ROWS = """SELECT id AS quiz_id, user_id, exam_code, selector, num_questions, theta, theta_se,
        started_at, expires_at, sealed_at, voided_at, is_reset,
        quiz_status(quiz_sessions) AS status
    FROM quiz_sessions WHERE tenant_id = %(tenant)s AND mode = 'exam'"""
_COUNTED = """CROSS JOIN LATERAL (
        SELECT count(*) AS served, count(r.id) AS answered
        FROM quiz_items AS i LEFT JOIN user_responses AS r USING (quiz_id, question_id)
        WHERE i.quiz_id = sitting.quiz_id) AS steps"""
_ONE = f"""SELECT sitting.*, steps.* FROM ({_ROWS} AND id = %(quiz)s) AS sitting
    {_COUNTED}"""  # noqa: S608
_SITTINGS = f"""{_ROWS} AND {AFTER}
        AND (%(user)s::text IS NULL OR user_id = %(user)s)
        AND (%(exam)s::text IS NULL OR exam_code = %(exam)s)"""
_FOUND = f"""WITH sittings AS ({_SITTINGS}),
    found AS (SELECT * FROM sittings WHERE %(status)s::text IS NULL OR status = %(status)s)"""  # noqa: S608
_PAGE = f"""{_FOUND}, page AS (
        SELECT * FROM found ORDER BY started_at DESC, quiz_id DESC
        LIMIT %(limit)s OFFSET %(offset)s)
    SELECT sitting.*, steps.* FROM page AS sitting {_COUNTED}
    ORDER BY started_at DESC, quiz_id DESC"""  # noqa: S608
_TOTAL = f"{_FOUND} SELECT count(*) FROM found"  # noqa: S608
_STEPS = """SELECT i.position, i.question_id, i.version, i.served_at, i.selector, i.theta_before,
        i.sh_p, i.rejected AS held_back, i.forced, i.option_order, i.is_pretest,
        r.option_label::text AS selected,
        r.is_correct AS correct, coalesce(r.is_void, false) AS void, r.time_taken_ms,
        r.created_at AS answered_at
    FROM quiz_items AS i LEFT JOIN user_responses AS r USING (quiz_id, question_id)
    WHERE i.quiz_id = %s ORDER BY i.position"""
_HOLD = "SELECT FROM quiz_sessions WHERE id = %s AND tenant_id = %s FOR UPDATE"
# What is over stays over: its result may have been told. By the clock, for time goes on while the
# lock is waited for; whoever keeps a result waits for it, too.
_EXTEND = """UPDATE quiz_sessions SET expires_at = expires_at + make_interval(mins => %s)
    WHERE id = %s AND mode = 'exam' AND is_open(quiz_sessions, clock_timestamp())
        AND NOT EXISTS (SELECT FROM quiz_results WHERE quiz_id = quiz_sessions.id)"""
_VOID = """UPDATE quiz_sessions SET voided_at = coalesce(voided_at, clock_timestamp()),
    is_reset = is_reset OR %(reset)s WHERE id = %(quiz)s"""
# Who was reset was told of practice as one who has no sitting open: so the sitting's time is over.
# What is over seals itself. (It began before it ends: ``quiz_sessions`` has that.)
_RESTORE = """UPDATE quiz_sessions SET voided_at = NULL, is_reset = false,
        expires_at = CASE WHEN is_reset AND sealed_at IS NULL AND now() < ends_at(quiz_sessions)
            THEN greatest(started_at + interval '1 microsecond',
                now() - make_interval(secs => grace_s))
            ELSE expires_at END
    WHERE id = %s"""
_TAKEN_UP = f"""SELECT e.policy, sittings.open, sittings.attempts,
        (SELECT s.id FROM quiz_sessions AS s
         WHERE s.tenant_id = %(tenant)s AND s.user_id = %(user)s AND s.mode = 'exam'
            AND s.exam_code = e.exam_code AND s.id <> %(quiz)s AND NOT s.is_reset
         ORDER BY s.started_at DESC LIMIT 1)
    FROM exams AS e {SITTINGS} WHERE e.exam_code = %(exam)s"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Sitting:
    """A sitting as it stands.

    Attributes:
        theta, theta_se: the running estimate, or the sealed one.
        is_reset: it is void, and its person may sit again as if it had not been.
        num_questions: scored items.
        served, answered: items, scored or not.
    """

    quiz_id: str
    user_id: str
    exam_code: str
    selector: Selector
    num_questions: int
    theta: float
    theta_se: float | None
    started_at: datetime
    expires_at: datetime
    sealed_at: datetime | None
    voided_at: datetime | None
    is_reset: bool
    status: QuizStatus
    served: int
    answered: int


@dataclass(frozen=True, slots=True)
class Step:
    """An item that was served in a sitting, and its answer.

    Attributes:
        theta_before: θ̂ that it was chosen at.
        sh_p: probability with which it was administered once it was chosen.
        held_back: question ids that exposure control held back before it.
        forced: all were held back, and the first of them was served all the same.
        option_order: published labels in the order shown; None: as published.
        is_pretest: it was tried out, and its answer scores nothing.
        selected, correct, time_taken_ms, answered_at: of its answer; None without one.
        void: whether it counts for nothing.
    """

    position: int
    question_id: int
    version: int
    served_at: datetime
    selector: Selector
    theta_before: float | None
    sh_p: float | None
    held_back: list[int]
    forced: bool
    option_order: str | None
    is_pretest: bool
    selected: str | None
    correct: bool | None
    void: bool
    time_taken_ms: int | None
    answered_at: datetime | None


def find(
    conn: Connection,
    tenant_id: str,
    *,
    exam_code: str | None = None,
    user_id: str | None = None,
    status: QuizStatus | None = None,
    where: Place,
) -> tuple[Sequence[Sitting], int]:
    """A page of the tenant's sittings, the newest first, and how many there are."""
    values = {
        "tenant": tenant_id,
        "exam": exam_code,
        "user": user_id,
        "status": status,
    } | begins(where)
    with conn.cursor(row_factory=class_row(Sitting)) as cursor:
        rows = cursor.execute(_PAGE, values).fetchall()
    if where.total is not None:
        return rows, where.total
    total = conn.execute(_TOTAL, values).fetchone()
    return rows, int(total[0]) if total else 0


def one(conn: Connection, tenant_id: str, quiz_id: str) -> Sitting | None:
    """A sitting of the tenant; None where there is none of that id."""
    with conn.cursor(row_factory=class_row(Sitting)) as cursor:
        return cursor.execute(_ONE, {"tenant": tenant_id, "quiz": quiz_id}).fetchone()


def hold(conn: Connection, tenant_id: str, quiz_id: str) -> Sitting | None:
    """The same, which nobody answers, seals or extends until the transaction ends."""
    conn.execute(_HOLD, (quiz_id, tenant_id))
    return one(conn, tenant_id, quiz_id)


def steps(conn: Connection, quiz_id: str) -> Sequence[Step]:
    """What was served in a sitting, in order."""
    with conn.cursor(row_factory=class_row(Step)) as cursor:
        return cursor.execute(_STEPS, (quiz_id,)).fetchall()


def extend(conn: Connection, quiz_id: str, minutes: int) -> bool:
    """Gives a sitting that is held more time; False where it is over."""
    return conn.execute(_EXTEND, (minutes, quiz_id)).rowcount == 1


def void(conn: Connection, quiz_id: str, *, reset: bool) -> None:
    """Makes a sitting that is held count for nothing.

    Args:
        conn: in the transaction that holds it.
        quiz_id: of the sitting.
        reset: give its person the attempt back, too.
    """
    conn.execute(_VOID, {"quiz": quiz_id, "reset": reset})


def restore(conn: Connection, tenant_id: str, sitting: Sitting) -> str | None:
    """Makes a void sitting count again; one that was reset does not go on.

    Args:
        conn: in the transaction that holds it.
        tenant_id: whose it is.
        sitting: as it is held.

    Returns:
        The person's other sitting that stands in the way, for with both they would have more than
        the exam's policy gives; then the transaction is to be taken back.
    """
    values = {
        "tenant": tenant_id,
        "user": sitting.user_id,
        "exam": sitting.exam_code,
        "quiz": sitting.quiz_id,
    }
    conn.execute(ALONE, values)
    conn.execute(_RESTORE, (sitting.quiz_id,))
    row = conn.execute(_TAKEN_UP, values).fetchone()
    assert row is not None  # noqa: S101  (a sitting is of an exam)
    policy, open_sittings, attempts, other = row
    given = AttemptPolicy.of(sitting.exam_code, policy)
    too_many = (
        sitting.is_reset and given.max_attempts is not None and attempts > given.max_attempts
    ) or (sitting.quiz_id in open_sittings and len(open_sittings) > given.open_quizzes)
    return other if too_many else None
