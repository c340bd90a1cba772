"""The rows that a quiz is made from, and its own. One person's quizzes are made one after another.

What never lives here: whether a quiz may be made (``enrolment``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from delivery_api.database import TenantConnection
from delivery_api.problems import ProblemError
from delivery_api.quizzes.choice import Wish
from delivery_api.quizzes.outbox import Event, told
from delivery_api.tokens import Principal
from qbank.vocabulary import Mode

# until the transaction ends: what the next statement counts, nobody adds to
ALONE = """SELECT pg_advisory_xact_lock(
    hashtextextended(concat_ws(E'\\x1f', 'quizzes', %(tenant)s::text, %(user)s::text), 0))"""

# A person's open sittings of exam ``e``, and how many attempts are used. A sitting that served
# nothing has shown nothing, so it is no attempt once it is over; one that was reset is none either.
SITTINGS = """CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(s.id ORDER BY s.started_at)
                FILTER (WHERE s.is_open), '{}') AS open,
            count(*) FILTER (WHERE s.is_open OR s.has_served) AS attempts,
            extract(epoch FROM now() - max(s.ended_at)
                FILTER (WHERE s.has_served AND NOT s.is_open))::float8 AS ended_s
        FROM (
            SELECT id, started_at, least(sealed_at, voided_at, ends_at(q)) AS ended_at,
                is_open(q) AS is_open,
                EXISTS (SELECT FROM quiz_items AS i WHERE i.quiz_id = q.id) AS has_served
            FROM quiz_sessions AS q
            WHERE q.tenant_id = %(tenant)s AND q.user_id = %(user)s AND q.mode = 'exam'
                AND q.exam_code = e.exam_code AND NOT q.is_reset) AS s) AS sittings"""

# A tenant's own flag or assignment comes before one that holds for all.
_SETUP = f"""SELECT e.exam_code, e.policy, coalesce(b.version, 0),
        coalesce(b.settings_version, 0),
        (SELECT c.cohort_value FROM cohort_assignments AS c
         WHERE c.user_id = %(user)s AND c.cohort_key = %(cohort)s
            AND (c.tenant_id = %(tenant)s OR c.tenant_id IS NULL)
         ORDER BY c.tenant_id NULLS LAST LIMIT 1),
        (SELECT CASE WHEN f.enabled THEN f.value_json END FROM feature_flags AS f
         WHERE f.key = %(flag)s AND (f.tenant_id = %(tenant)s OR f.tenant_id IS NULL)
         ORDER BY f.tenant_id NULLS LAST LIMIT 1),
        EXISTS (SELECT FROM quiz_sessions WHERE id = %(quiz)s),
        lately.quizzes, lately.wait_s,
        sittings.open, sittings.attempts, sittings.ended_s, now()
    FROM exams AS e LEFT JOIN bank_versions AS b USING (exam_code)
    {SITTINGS}
    CROSS JOIN LATERAL (
        SELECT count(*) AS quizzes,
            extract(epoch FROM min(q.started_at) + interval '1 minute' - now())::float8 AS wait_s
        FROM quiz_sessions AS q
        WHERE q.tenant_id = %(tenant)s AND q.user_id = %(user)s
            AND q.started_at > now() - interval '1 minute') AS lately
    WHERE e.code = %(exam)s AND e.tenant_id = %(tenant)s"""  # noqa: S608

# what was practised may have been explained, so for a sitting it counts for ever, and first
_SEEN = """SELECT question_id FROM (
        SELECT i.question_id, max(i.served_at) AS served_at,
            %(sitting)s AND bool_or(s.mode = 'tutor') AS practised
        FROM quiz_sessions AS s
        CROSS JOIN LATERAL (SELECT * FROM quiz_items WHERE quiz_id = s.id OFFSET 0) AS i
        WHERE s.tenant_id = %(tenant)s AND s.user_id = %(user)s
        GROUP BY i.question_id) AS seen
    WHERE practised OR served_at > now() - make_interval(days => %(days)s)
    ORDER BY practised DESC, served_at DESC"""

_CREATE = """INSERT INTO quiz_sessions (id, user_id, tenant_id, mode, adaptive, exam_code, selector,
        num_questions, filters, left_out, theta, expires_at, grace_s,
        shuffles_options, pretest_positions)
    VALUES (%(quiz)s, %(user)s, %(tenant)s, %(mode)s, %(adaptive)s, %(exam)s, %(selector)s,
        %(num_questions)s, %(filters)s, %(left_out)s, %(theta)s,
        now() + make_interval(mins => %(minutes)s), %(grace_s)s, %(shuffles)s,
        %(pretest_positions)s)
    ON CONFLICT (id) DO NOTHING"""
_MADE = f"WITH made AS ({_CREATE} RETURNING expires_at)"
_TOLD = told("made", "'expires_at', expires_at")
_CREATE_AND_TELL = f"{_MADE}, {_TOLD} SELECT FROM made"


# of somebody whom a learning platform launched, while the launch is theirs and the platform there
_LAUNCHED = """INSERT INTO lti_quizzes (quiz_id, launch_id)
    SELECT %(quiz)s, l.id FROM lti_launches AS l JOIN lti_platforms AS p ON p.id = l.platform_id
    WHERE l.id = %(launch)s::uuid AND l.user_id = %(user)s AND p.removed_at IS NULL"""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a quiz of a person in an exam is made from.

    Attributes:
        exam_key: of the exam, inside the platform.
        policy: the exam's.
        bank_version, settings_version: of the exam, right now.
        cohort: the person's arm, if assigned.
        flag: value of the selector's flag, if enabled.
        exists: the quiz was made before.
        quizzes_lately: quizzes that the person made in the last minute.
        wait_s: seconds until it is one less; None without one.
        open_sittings: the person's open quizzes in exam mode, oldest first.
        attempts: the person's quizzes in exam mode that are open or have served an item.
        ended_s: seconds since the last of them ended; None without one.
        now: the database's clock.
    """

    exam_key: str
    policy: dict[str, Any]
    bank_version: int
    settings_version: int
    cohort: str | None
    flag: Any
    exists: bool
    quizzes_lately: int
    wait_s: float | None
    open_sittings: list[str]
    attempts: int
    ended_s: float | None
    now: datetime


async def begin(
    conn: TenantConnection, caller: Principal, quiz_id: str, exam_code: str, cohort: str, flag: str
) -> Setup | None:
    """Waits for the caller's other requests that make a quiz; None where there is no such exam.

    Args:
        conn: in a transaction, which holds the others back until it ends.
        caller: whose quiz it will be.
        quiz_id: of the quiz to be made.
        exam_code: what the caller's tenant calls its exam.
        cohort: key of the selector's cohorts.
        flag: key of the selector's flag.
    """
    values = {
        "user": caller.user_id,
        "tenant": caller.tenant_id,
        "quiz": quiz_id,
        "exam": exam_code,
        "cohort": cohort,
        "flag": flag,
    }
    await conn.execute(ALONE, values)
    row = await (await conn.execute(_SETUP, values)).fetchone()
    return None if row is None else Setup(*row)


async def known_topics(
    conn: TenantConnection, caller: Principal, topics: Collection[int]
) -> set[int]:
    """Those of the topics that the caller's tenant has, also new ones without any item."""
    if not topics:
        return set()
    sql = "SELECT id FROM topics WHERE id = ANY(%s) AND tenant_id = %s"
    cursor = await conn.execute(sql, (list(topics), caller.tenant_id))
    return {row[0] for row in await cursor.fetchall()}


async def seen(conn: TenantConnection, caller: Principal, mode: Mode, days: int) -> list[int]:
    """Questions that the caller has met, in the order in which they should not come again."""
    values = {
        "user": caller.user_id,
        "tenant": caller.tenant_id,
        "sitting": mode == "exam",
        "days": days,
    }
    return [row[0] for row in await (await conn.execute(_SEEN, values)).fetchall()]


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
    grace_s: int,
    shuffles: bool,
    event: Event | None = None,
) -> None:
    """Writes a quiz; one that exists already is left as it is."""
    filters: dict[str, Any] = {
        "topics": sorted(wish.filters.topics),
        "difficulty": sorted(wish.filters.difficulty),
        "blueprint_quota": wish.blueprint_quota,
    }
    if wish.quota:
        filters["topic_quota"] = wish.quota
    values = {
        "quiz": quiz_id,
        "user": caller.user_id,
        "tenant": caller.tenant_id,
        "mode": mode,
        "adaptive": adaptive,
        "exam": exam_code,
        "selector": wish.selector,
        "num_questions": wish.num_questions,
        "filters": Jsonb(filters),
        "left_out": list(wish.left_out),
        "pretest_positions": list(wish.pretest_positions),
        "theta": theta,
        "minutes": minutes,
        "grace_s": grace_s,
        "shuffles": shuffles,
    }
    if event is None:
        await conn.execute(_CREATE, values)
    else:
        await conn.execute(_CREATE_AND_TELL, values | event.values())


async def note_launch(conn: TenantConnection, caller: Principal, quiz_id: str) -> None:
    """Notes of a new quiz which launch it came of, so that its score goes back there.

    Raises:
        ProblemError: 403, the launch is no more: its platform was removed, or its person is
            another one by now, or nobody.
    """
    if caller.launch is None:
        return
    values = {"quiz": quiz_id, "launch": caller.launch, "user": caller.user_id}
    if not (await conn.execute(_LAUNCHED, values)).rowcount:
        raise ProblemError(
            403, "forbidden", "this sign-in has ended: open the exam from your course again"
        )
