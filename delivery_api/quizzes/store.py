"""A quiz's rows: one statement a step, each correct by itself however many run at once.

The statements run in autocommit: each is its own transaction, committed when its result is here.
What never lives here: which item is next, and what a caller may see.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from delivery_api.database import TenantConnection
from delivery_api.quizzes.bank import Filters
from delivery_api.quizzes.choice import Chosen, Past, Wish
from delivery_api.tokens import Principal

Mode = Literal["tutor", "exam"]

# past: one entry an item served, by position
_STATE_COLUMNS = """s.id, s.mode, s.exam_code, s.selector, s.num_questions, s.filters,
    s.started_at, s.expires_at, s.sealed_at, s.expires_at <= now(), coalesce(b.version, 0),
    past.question_id, past.version, past.correct,
    (SELECT array_agg(held) FROM quiz_items AS i, unnest(i.rejected) AS held
     WHERE i.quiz_id = s.id)"""
_STATE_FROM = """quiz_sessions AS s LEFT JOIN bank_versions AS b ON b.exam_code = s.exam_code
    CROSS JOIN LATERAL (
        SELECT array_agg(i.question_id ORDER BY i.position) AS question_id,
            array_agg(i.version ORDER BY i.position) AS version,
            array_agg(r.is_correct ORDER BY i.position) AS correct
        FROM quiz_items AS i LEFT JOIN user_responses AS r
            ON r.quiz_id = i.quiz_id AND r.question_id = i.question_id
        WHERE i.quiz_id = s.id) AS past
    WHERE s.id = %(quiz)s AND s.user_id = %(user)s AND s.tenant_id = %(tenant)s"""

_STATE = f"SELECT {_STATE_COLUMNS} FROM {_STATE_FROM}"  # noqa: S608

# The row lock keeps the quiz open until the item is in. Nothing is counted without an item: a
# second `next` for the same position fails on the unique key and takes its count back with it.
_SERVE = """WITH quiz AS (
        UPDATE quiz_sessions SET theta = %(theta)s, theta_se = %(se)s
        WHERE id = %(quiz)s AND sealed_at IS NULL AND expires_at > now() RETURNING id),
    counted AS (
        INSERT INTO exposure_daily AS e (day, exam_code, question_id, version, served)
        SELECT (now() AT TIME ZONE 'UTC')::date, %(exam)s, %(question)s, %(version)s, 1 FROM quiz
        ON CONFLICT (day, exam_code, question_id, version)
        DO UPDATE SET served = e.served + 1 WHERE e.served < %(cap)s RETURNING 1),
    served AS (
        INSERT INTO quiz_items (quiz_id, question_id, version, position, selector, theta_before,
            sh_p, rejected, forced)
        SELECT %(quiz)s, %(question)s, %(version)s, %(position)s, %(selector)s, %(theta)s,
            %(sh_p)s, %(rejected)s, %(forced)s FROM counted RETURNING 1)
    SELECT EXISTS (SELECT FROM quiz), EXISTS (SELECT FROM served)"""

# Records the answer and reads the quiz as it was before it. FOR SHARE keeps the quiz from being
# finished until the answer is in.
_ANSWER = f"""WITH quiz AS (
        SELECT id, user_id FROM quiz_sessions
        WHERE id = %(quiz)s AND user_id = %(user)s AND tenant_id = %(tenant)s
            AND sealed_at IS NULL AND expires_at > now()
        FOR SHARE),
    chosen AS (
        SELECT i.version, o.option_label, o.is_correct
        FROM quiz_items AS i
        JOIN question_versions AS v ON v.question_id = i.question_id AND v.version = i.version
        JOIN question_options AS o ON o.question_version_id = v.id
        WHERE i.quiz_id = %(quiz)s AND i.question_id = %(question)s
            AND o.option_label = %(selected)s),
    recorded AS (
        INSERT INTO user_responses
            (quiz_id, user_id, question_id, version, option_label, is_correct, time_taken_ms)
        SELECT quiz.id, quiz.user_id, %(question)s, chosen.version, chosen.option_label,
            chosen.is_correct, %(ms)s
        FROM quiz, chosen
        ON CONFLICT (quiz_id, question_id) DO NOTHING RETURNING is_correct)
    SELECT (SELECT is_correct FROM recorded), {_STATE_COLUMNS} FROM {_STATE_FROM}"""  # noqa: S608

_ANSWERED = """SELECT i.version, r.option_label::text, r.is_correct
    FROM quiz_items AS i LEFT JOIN user_responses AS r
        ON r.quiz_id = i.quiz_id AND r.question_id = i.question_id
    WHERE i.quiz_id = %s AND i.question_id = %s"""

_SEAL = """UPDATE quiz_sessions SET sealed_at = now(), theta = %s, theta_se = %s
    WHERE id = %s AND sealed_at IS NULL AND expires_at > now()"""

_CREATE = """INSERT INTO quiz_sessions (id, user_id, tenant_id, mode, adaptive, exam_code, selector,
        num_questions, filters, theta, expires_at)
    VALUES (%(id)s, %(user)s, %(tenant)s, %(mode)s, %(adaptive)s, %(exam)s, %(selector)s,
        %(num_questions)s, %(filters)s, %(theta)s, now() + make_interval(mins => %(minutes)s))
    ON CONFLICT (id) DO NOTHING"""


@dataclass(frozen=True, slots=True)
class Quiz:
    """A quiz as it stands.

    Attributes:
        wish: how its items are chosen.
        bank_version: version of the exam's bank right now.
        past: what was served, answered and held back.
    """

    id: str
    mode: Mode
    exam_code: str
    wish: Wish
    started_at: datetime
    expires_at: datetime
    sealed_at: datetime | None
    expired: bool
    bank_version: int
    past: Past

    @property
    def over(self) -> bool:
        """Whether it was finished or has expired."""
        return self.expired or self.sealed_at is not None

    @property
    def answered(self) -> int:
        """How many items were answered."""
        return sum(correct is not None for correct in self.past.correct)

    @property
    def open_item(self) -> tuple[int, int, int] | None:
        """Question id, version and position of the item that waits for its answer."""
        if self.past.correct and self.past.correct[-1] is None:
            return self.past.question_id[-1], self.past.version[-1], len(self.past.correct)
        return None


async def read(conn: TenantConnection, caller: Principal, quiz_id: str) -> Quiz | None:
    """The caller's quiz; None where it does not exist or is somebody else's."""
    values = {"quiz": quiz_id, "user": caller.user_id, "tenant": caller.tenant_id}
    row = await (await conn.execute(_STATE, values, binary=True)).fetchone()
    return None if row is None else _quiz(row)


def _quiz(row: tuple[Any, ...]) -> Quiz:
    quiz_id, mode, exam_code, selector, num_questions, asked, *times, bank_version = row[:11]
    filters = Filters(frozenset(asked.get("topics", ())), frozenset(asked.get("difficulty", ())))
    wish = Wish(selector, filters, num_questions, bool(asked.get("blueprint_quota", False)))
    past = Past(*(column or () for column in row[11:]))
    started_at, expires_at, sealed_at, expired = times
    return Quiz(
        quiz_id,
        mode,
        exam_code,
        wish,
        started_at,
        expires_at,
        sealed_at,
        expired,
        bank_version,
        past,
    )


async def serve(
    conn: TenantConnection, quiz: Quiz, item: Chosen, ability: tuple[float, float | None], cap: int
) -> Literal["served", "capped", "over", "taken"]:
    """Puts an item at the quiz's next position.

    Returns:
        ``capped`` where the item reached its daily cap, ``over`` where the quiz was finished or
        expired meanwhile, ``taken`` where another request served this position first.
    """
    values = {
        "quiz": quiz.id,
        "exam": quiz.exam_code,
        "question": item.question_id,
        "version": item.version,
        "position": len(quiz.past.question_id) + 1,
        "selector": quiz.wish.selector,
        "theta": ability[0],
        "se": ability[1],
        "sh_p": item.sh_p,
        "rejected": list(item.held_back),
        "forced": item.forced,
        "cap": cap,
    }
    try:
        row = await (await conn.execute(_SERVE, values)).fetchone()
    except UniqueViolation:
        return "taken"
    assert row is not None  # noqa: S101
    is_open, served = row
    return "served" if served else "capped" if is_open else "over"


async def answer(
    conn: TenantConnection,
    caller: Principal,
    quiz_id: str,
    question_id: int,
    selected: str,
    time_taken_ms: int | None,
) -> tuple[bool | None, Quiz] | None:
    """Records an answer.

    Returns:
        Whether it was correct (None where nothing was recorded) and the quiz as it was before;
        None where the quiz does not exist or is somebody else's.
    """
    values = {
        "quiz": quiz_id,
        "user": caller.user_id,
        "tenant": caller.tenant_id,
        "question": question_id,
        "selected": selected,
        "ms": time_taken_ms,
    }
    row = await (await conn.execute(_ANSWER, values, binary=True)).fetchone()
    return None if row is None else (row[0], _quiz(row[1:]))


async def answered(
    conn: TenantConnection, quiz_id: str, question_id: int
) -> tuple[int, str | None, bool | None] | None:
    """Version served, option chosen and whether it was right; None where it was not served."""
    return await (await conn.execute(_ANSWERED, (quiz_id, question_id))).fetchone()


async def seal(conn: TenantConnection, quiz_id: str, theta: float, se: float | None) -> bool:
    """Finishes a quiz; False where it was finished or expired already."""
    return (await conn.execute(_SEAL, (theta, se, quiz_id))).rowcount == 1


async def create(
    conn: TenantConnection,
    caller: Principal,
    quiz_id: str,
    wish: Wish,
    *,
    mode: Mode,
    adaptive: bool,
    exam_code: str,
    theta: float,
    minutes: int,
) -> None:
    """Writes a quiz; one that exists already is left as it is."""
    filters = {
        "topics": sorted(wish.filters.topics),
        "difficulty": sorted(wish.filters.difficulty),
        "blueprint_quota": wish.blueprint_quota,
    }
    values = {
        "id": quiz_id,
        "user": caller.user_id,
        "tenant": caller.tenant_id,
        "mode": mode,
        "adaptive": adaptive,
        "exam": exam_code,
        "selector": wish.selector,
        "num_questions": wish.num_questions,
        "filters": Jsonb(filters),
        "theta": theta,
        "minutes": minutes,
    }
    await conn.execute(_CREATE, values)


async def lock(conn: TenantConnection, caller: Principal, quiz_id: str) -> None:
    """Keeps the caller's quiz as it is until the transaction ends."""
    sql = "SELECT FROM quiz_sessions WHERE id = %s AND user_id = %s AND tenant_id = %s FOR UPDATE"
    await conn.execute(sql, (quiz_id, caller.user_id, caller.tenant_id))
