"""Serving an item: one statement, correct by itself however many run at once.

It runs in autocommit: it is its own transaction, committed when its result is here. What never
lives here: which item is next, and what a caller may see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from psycopg.errors import UniqueViolation

from delivery_api.database import TenantConnection
from delivery_api.quizzes.choice import Chosen
from delivery_api.quizzes.outbox import Event, told
from delivery_api.quizzes.store import Quiz
from delivery_api.rate_limit import too_many
from delivery_api.tokens import Principal
from qbank.vocabulary import Controlled, words

# The row lock keeps the quiz open until the item is in. Nothing is counted without an item: a
# second `next` for the same position fails on the unique key and takes its count back with it.
# In the grace after its time a quiz takes an answer and serves nothing.
# What the owner was served lately is looked up from the rows themselves, so that all processes
# count alike. A quiz lasts a week at most, extended or not (``attempts.LONGEST_MINUTES``). The item
# was chosen from a bank that may be behind by a little: where it is, the item is looked at, and
# served only while it is live in that version.
# What is remembered of the quiz may be more than a database knows that went back: positions follow
# each other, and each item is answered before the next.
_SERVING = """WITH lately AS (
        SELECT count(*) FILTER (WHERE i.served_at > now() - interval '1 minute') AS items,
            min(i.served_at) FILTER (WHERE i.served_at > now() - interval '1 minute') AS since,
            coalesce(bool_or(s.exam_code = %(exam)s AND i.question_id = %(question)s
                AND i.version = %(version)s
                AND i.served_at >= date_trunc('day', now(), 'UTC')), false) AS met
        FROM quiz_sessions AS s
        -- quiz by quiz: the items that everybody was served today are many
        CROSS JOIN LATERAL (SELECT * FROM quiz_items WHERE quiz_id = s.id OFFSET 0) AS i
        WHERE s.tenant_id = %(tenant)s AND s.user_id = %(user)s
            AND s.started_at > now() - interval '8 days'
            AND s.expires_at > now() - interval '1 day'),
    bank AS MATERIALIZED (
        SELECT b.version, b.scoring = %(scoring)s AS scores_alike,
            b.version = %(bank)s OR (%(may_lag)s AND EXISTS (
                SELECT FROM question_publications AS p
                JOIN questions AS q ON q.id = p.question_id AND NOT q.is_deleted
                JOIN question_versions AS v
                    ON v.question_id = p.question_id AND v.version = p.live_version
                    AND v.state = 'published'
                WHERE p.question_id = %(question)s AND p.tenant_id = %(tenant)s
                    AND p.exam_code = %(exam)s AND p.live_version = %(version)s)) AS is_live
        FROM (SELECT coalesce(max(version), 0) AS version,
                coalesce(max(scoring_version), 0) AS scoring
            FROM bank_versions WHERE exam_code = %(exam)s) AS b),
    quiz AS (
        UPDATE quiz_sessions SET theta = %(theta)s, theta_se = %(se)s
        WHERE id = %(quiz)s AND is_open(quiz_sessions) AND expires_at > now()
            AND (SELECT items FROM lately) < %(rate)s
            AND (%(position)s = 1 OR EXISTS (SELECT FROM quiz_items
                JOIN user_responses USING (quiz_id, question_id)
                WHERE quiz_id = %(quiz)s AND position = %(position)s - 1
                    AND question_id = %(last)s))
            AND (SELECT scores_alike AND is_live FROM bank)
        RETURNING id),
    counted AS (
        INSERT INTO exposure_daily AS e (day, exam_code, question_id, version, tenant_id, served,
            people, controlled)
        SELECT (now() AT TIME ZONE 'UTC')::date, %(exam)s, %(question)s, %(version)s, %(tenant)s, 1,
            CASE WHEN met THEN 0 ELSE 1 END, %(controlled)s FROM quiz, lately
        ON CONFLICT (day, exam_code, question_id, version)
        DO UPDATE SET served = e.served + 1, people = e.people + excluded.people,
            controlled = e.controlled + excluded.controlled
        WHERE excluded.people = 0 OR %(cap)s::integer IS NULL OR e.people < %(cap)s RETURNING 1),
    served AS (
        INSERT INTO quiz_items (quiz_id, question_id, version, position, selector, theta_before,
            sh_p, rejected, forced, option_order, is_pretest)
        SELECT %(quiz)s, %(question)s, %(version)s, %(position)s, %(selector)s, %(theta)s,
            %(sh_p)s, %(rejected)s, %(forced)s, %(option_order)s, %(is_pretest)s
        FROM counted RETURNING 1)"""
_SERVED = """
    SELECT EXISTS (SELECT FROM quiz), EXISTS (SELECT FROM served), items,
        extract(epoch FROM since + interval '1 minute' - now())::float8,
        (SELECT is_live FROM bank), (SELECT version FROM bank),
        -- of an item that is tried out: how often it was given before, by any process
        CASE WHEN %(is_pretest)s THEN (SELECT coalesce(sum(served), 0)::bigint FROM exposure_daily
            WHERE exam_code = %(exam)s AND question_id = %(question)s AND version = %(version)s) END
    FROM lately"""
_SERVE = _SERVING + _SERVED
_SERVE_AND_TELL = f"{_SERVING}, {told('served')}{_SERVED}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is served.

    Attributes:
        people_a_day: people to whom an item of an exam is served in a day (UTC); others get it
            when nothing else is left.
        items_a_minute: items that one person is served in a minute.
    """

    people_a_day: int
    items_a_minute: int


@dataclass(frozen=True, slots=True)
class Served:
    """What became of an item that was to be served.

    Attributes:
        outcome: ``capped`` where the item reached its daily cap; ``withdrawn`` where it is not live
            any more (if the bank must not lag, where it has moved on); ``refused`` where the quiz
            has ended, its answers score otherwise now, or another request served this position
            first.
        bank_version: of the exam's bank; None where it was not looked at.
        given: how often an item that was tried out was given by now; None of a scored one.
    """

    outcome: Literal["served", "capped", "withdrawn", "refused"]
    bank_version: int | None = None
    given: int | None = None


async def serve(
    conn: TenantConnection,
    caller: Principal,
    quiz: Quiz,
    item: Chosen,
    ability: tuple[float, float | None],
    limits: Limits,
    *,
    option_order: str | None,
    over_cap: bool,
    bank_version: int,
    may_lag: bool,
    event: Event | None = None,
) -> Served:
    """Puts an item at the quiz's next position.

    Args:
        conn: a connection of the quiz's tenant.
        caller: whose quiz it is.
        quiz: as it was read.
        item: what to serve.
        ability: θ̂ and its standard error.
        limits: of what is served.
        option_order: published labels of its options in the order to show them in.
        over_cap: serve even if the item reached its daily cap.
        bank_version: of the bank that the item was chosen from.
        may_lag: serve the item if that bank is not the newest one, too, as long as it is live.
        event: what is told of it.

    Raises:
        ProblemError: 429 where the caller was served too much in the last minute.
    """
    values = {
        "quiz": quiz.id,
        "tenant": caller.tenant_id,
        "user": caller.user_id,
        "exam": quiz.exam_code,
        "question": item.question_id,
        "version": item.version,
        "position": len(quiz.past.question_id) + 1,
        "last": quiz.past.question_id[-1] if quiz.past.question_id else None,
        "selector": item.selector,
        "theta": ability[0],
        "se": ability[1],
        "sh_p": item.sh_p,
        "rejected": list(item.held_back),
        "forced": item.forced,
        "option_order": option_order,
        "is_pretest": item.is_pretest,
        "controlled": int(item.selector in words(Controlled)),
        "cap": None if over_cap else limits.people_a_day,
        "rate": limits.items_a_minute,
        "bank": bank_version,
        "may_lag": may_lag,
        "scoring": quiz.scoring_version,
    }
    statement = _SERVE
    if event is not None:
        statement, values = _SERVE_AND_TELL, values | event.values()
    try:
        row = await (await conn.execute(statement, values)).fetchone()
    except UniqueViolation:
        return Served("refused")
    assert row is not None  # noqa: S101
    is_open, served, lately, wait_s, is_live, version, given = row
    if served:
        return Served("served", version, None if given is None else given + 1)
    if is_open:
        return Served("capped", version)
    if lately >= limits.items_a_minute:
        raise too_many("items", limits.items_a_minute, wait_s)
    return Served("refused" if is_live else "withdrawn", version)
