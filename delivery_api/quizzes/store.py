"""A quiz as its rows say it stands.

What never lives here: the steps that change it (``creation``, ``serving``, ``answers``,
``sealing``), which item is next, and what a caller may see.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from delivery_api.database import TenantConnection
from delivery_api.quizzes.bank import Filters
from delivery_api.quizzes.choice import Past, Wish
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


async def read(conn: TenantConnection, caller: Principal, quiz_id: str) -> Quiz | None:
    """The caller's quiz; None where there is none, or it is another's, or of another exam."""
    values = {"quiz": quiz_id, "user": caller.user_id, "tenant": caller.tenant_id}
    row = await (await conn.execute(_STATE, values, binary=True)).fetchone()
    if row is None:
        return None
    quiz = _quiz(row)
    return quiz if caller.sits(quiz.exam_code) else None


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


async def lock(conn: TenantConnection, caller: Principal, quiz_id: str) -> None:
    """Keeps the caller's quiz as it is until the transaction ends."""
    sql = "SELECT FROM quiz_sessions WHERE id = %s AND user_id = %s AND tenant_id = %s FOR UPDATE"
    await conn.execute(sql, (quiz_id, caller.user_id, caller.tenant_id))
