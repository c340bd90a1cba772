"""A quiz's rows: one statement a step, each correct by itself however many run at once.

The statements run in autocommit: each is its own transaction, committed when its result is here.
What never lives here: which item is next, answers (``answers``), a quiz's beginning (``creation``)
and end (``sealing``), and what a caller may see.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.errors import UniqueViolation

from delivery_api.database import TenantConnection
from delivery_api.quizzes.bank import Filters
from delivery_api.quizzes.choice import Chosen, Past, Wish
from delivery_api.quizzes.outbox import Event, told
from delivery_api.rate_limit import too_many
from delivery_api.tokens import Principal
from qbank.vocabulary import Mode, QuizStatus

# past: one entry an item served, by position
_STATE = """SELECT s.id, s.mode, s.exam_code, s.selector, s.num_questions, s.filters,
        s.started_at, s.expires_at, s.grace_s, s.shuffles_options, s.sealed_at,
        quiz_status(s), s.expires_at <= now(),
        coalesce(b.version, 0),
        coalesce(b.scoring_version, 0), s.left_out, past.question_id, past.version, past.correct,
        (SELECT array_agg(held) FROM quiz_items AS i, unnest(i.rejected) AS held
         WHERE i.quiz_id = s.id), past.void, past.option_order,
        past.tried_out, s.pretest_positions
    FROM quiz_sessions AS s LEFT JOIN bank_versions AS b ON b.exam_code = s.exam_code
    CROSS JOIN LATERAL (
        SELECT array_agg(i.question_id ORDER BY i.position) AS question_id,
            array_agg(i.version ORDER BY i.position) AS version,
            array_agg(r.is_correct ORDER BY i.position) AS correct,
            array_agg(i.question_id) FILTER (WHERE r.is_void) AS void,
            array_agg(i.option_order ORDER BY i.position) AS option_order,
            array_agg(i.question_id) FILTER (WHERE i.is_pretest) AS tried_out
        FROM quiz_items AS i LEFT JOIN user_responses AS r
            ON r.quiz_id = i.quiz_id AND r.question_id = i.question_id
        WHERE i.quiz_id = s.id) AS past
    WHERE s.id = %(quiz)s AND s.user_id = %(user)s AND s.tenant_id = %(tenant)s"""

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
            people)
        SELECT (now() AT TIME ZONE 'UTC')::date, %(exam)s, %(question)s, %(version)s, %(tenant)s, 1,
            CASE WHEN met THEN 0 ELSE 1 END FROM quiz, lately
        ON CONFLICT (day, exam_code, question_id, version)
        DO UPDATE SET served = e.served + 1, people = e.people + excluded.people
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
class Quiz:
    """A quiz as it stands.

    Attributes:
        wish: how its items are chosen.
        grace_s: seconds after ``expires_at`` in which an item that was served may be answered.
        time_is_up: it serves no more items.
        bank_version: version of the exam's bank when this was read.
        scoring_version: what its answers were scored by.
        past: what was served, answered and held back.
    """

    id: str
    mode: Mode
    exam_code: str
    wish: Wish
    started_at: datetime
    expires_at: datetime
    grace_s: int
    shuffles_options: bool
    sealed_at: datetime | None
    status: QuizStatus
    time_is_up: bool
    bank_version: int
    scoring_version: int
    past: Past

    @property
    def over(self) -> bool:
        """Whether it takes no more answers."""
        return self.status != "open"

    @property
    def answered(self) -> int:
        """How many items were answered."""
        return sum(correct is not None for correct in self.past.correct)

    @property
    def is_answered(self) -> bool:
        """Whether all of its scored items were answered."""
        answers = self.past.scored.correct
        return sum(correct is not None for correct in answers) == self.wish.num_questions

    @property
    def length(self) -> int:
        """Items that it has in all; what is scored looks like what is tried out."""
        length = len(self.past.question_id)
        to_come = self.wish.num_questions - len(self.past.scored.question_id)
        while to_come > 0:
            length += 1
            to_come -= length not in self.wish.pretest_positions
        return length

    def version_of(self, question_id: int) -> int | None:
        """The version of the question that was served; None where it was not."""
        if question_id not in self.past.question_id:
            return None
        return self.past.version[self.past.question_id.index(question_id)]

    def option_order(self, question_id: int) -> str | None:
        """Published labels of a served question's options as they are shown; None: as published."""
        return self.past.option_order[self.past.question_id.index(question_id)]

    @property
    def open_item(self) -> tuple[int, int, int] | None:
        """Question id, version and position of the item that waits for its answer."""
        if self.past.correct and self.past.correct[-1] is None:
            return self.past.question_id[-1], self.past.version[-1], len(self.past.correct)
        return None


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


async def read(conn: TenantConnection, caller: Principal, quiz_id: str) -> Quiz | None:
    """The caller's quiz; None where it does not exist or is somebody else's."""
    values = {"quiz": quiz_id, "user": caller.user_id, "tenant": caller.tenant_id}
    row = await (await conn.execute(_STATE, values, binary=True)).fetchone()
    return None if row is None else _quiz(row)


def _quiz(row: tuple[Any, ...]) -> Quiz:
    quiz_id, mode, exam_code, selector, num_questions, asked = row[:6]
    started, expires, grace, shuffles, sealed, status, time_is_up, bank, scoring = row[6:15]
    filters = Filters(frozenset(asked.get("topics", ())), frozenset(asked.get("difficulty", ())))
    has_quota = bool(asked.get("blueprint_quota", False))
    positions = tuple(row[23])
    quota = tuple((topic, items) for topic, items in asked.get("topic_quota", ()))
    wish = Wish(
        selector,
        filters,
        num_questions,
        tuple(row[15]),
        positions,
        quota,
        blueprint_quota=has_quota,
    )
    question_ids, versions, correct, held_back, void, orders, tried = (c or () for c in row[16:23])
    past = Past(
        question_ids, versions, correct, held_back, frozenset(void), orders, frozenset(tried)
    )
    return Quiz(
        quiz_id,
        mode,
        exam_code,
        wish,
        started,
        expires,
        grace,
        shuffles,
        sealed,
        status,
        time_is_up,
        bank,
        scoring,
        past,
    )


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


async def lock(conn: TenantConnection, caller: Principal, quiz_id: str) -> None:
    """Keeps the caller's quiz as it is until the transaction ends."""
    sql = "SELECT FROM quiz_sessions WHERE id = %s AND user_id = %s AND tenant_id = %s FOR UPDATE"
    await conn.execute(sql, (quiz_id, caller.user_id, caller.tenant_id))
