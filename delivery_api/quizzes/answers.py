"""Answers to served items, each scored and recorded in one statement, whatever else runs.

What never lives here: the quiz's own rows (``store``), and what a caller may see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.errors import ForeignKeyViolation

from delivery_api.database import TenantConnection
from delivery_api.quizzes.outbox import Event, told
from delivery_api.quizzes.store import Quiz
from delivery_api.quizzes.telling import TELLS
from delivery_api.tokens import Principal
from qbank.vocabulary import Mode, ScoringKind

# FOR SHARE keeps the quiz from being finished until the answer is in. Postgres scores the answer by
# what is in force when it is written: a key of a second ago counts, whichever process has the quiz.
# The time that the client measured is at most the one since the item was served.
_SCORE = """WITH quiz AS (
        SELECT id, user_id FROM quiz_sessions
        WHERE id = %(quiz)s AND user_id = %(user)s AND tenant_id = %(tenant)s
            AND is_open(quiz_sessions)
        FOR SHARE),
    scored AS MATERIALIZED (
        SELECT quiz.id, quiz.user_id, s.* FROM quiz
        CROSS JOIN LATERAL score_answer(%(exam)s, %(question)s, %(version)s, %(selected)s) AS s)"""
_INSERT = """
    INSERT INTO user_responses
        (quiz_id, user_id, question_id, version, option_label, is_correct, is_void, score,
            max_score, time_taken_ms)
    SELECT id, user_id, %(question)s, %(version)s, %(selected)s, is_correct, is_void, score,
        max_score,
        CASE WHEN %(ms)s::integer IS NOT NULL THEN (SELECT
            least(%(ms)s, greatest(0,
                1 + extract(epoch FROM clock_timestamp() - i.served_at) * 1000))::integer
            FROM quiz_items AS i WHERE i.quiz_id = scored.id AND i.question_id = %(question)s) END
    FROM scored
    ON CONFLICT (quiz_id, question_id) DO NOTHING
    RETURNING is_correct, is_void"""
_ALSO = """, (SELECT rule FROM scored), (SELECT keys FROM scored),
        (SELECT is_as_published FROM scored),
        coalesce((SELECT ARRAY[b.version, b.scoring_version] FROM bank_versions AS b
            WHERE b.exam_code = %(exam)s), '{0,0}'),
        clock_timestamp() - statement_timestamp() > interval '0.2 s', """
# what is told of it: nothing of the score where the item counts for nothing
_TOLD = told(
    "kept",
    "'is_correct', CASE WHEN NOT is_void THEN is_correct END, 'time_taken_ms', time_taken_ms",
)
_RECORD = _SCORE + _INSERT + _ALSO
_RECORD_AND_TELL = f"""{_SCORE}, kept AS ({_INSERT}, time_taken_ms),
    {_TOLD}
    SELECT is_correct, is_void{_ALSO}"""
_TELLS: dict[Mode, str] = {
    "tutor": TELLS.format(questions="ARRAY[%(question)s::bigint]"),
    "exam": "false",
}
_RECORDS = {mode: _RECORD + tells for mode, tells in _TELLS.items()}
_RECORDS_AND_TELLS = {
    mode: f"{_RECORD_AND_TELL}{tells} FROM kept" for mode, tells in _TELLS.items()
}

_RECORDED = """SELECT r.option_label::text, r.is_correct, r.is_void, s.rule, s.keys,
        s.is_as_published
    FROM user_responses AS r
    CROSS JOIN LATERAL score_answer(%(exam)s, r.question_id, r.version, r.option_label::text) AS s
    WHERE r.quiz_id = %(quiz)s AND r.question_id = %(question)s"""


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """An answer to record."""

    question_id: int
    version: int | None
    selected: str
    time_taken_ms: int | None


@dataclass(frozen=True, slots=True)
class Scored:
    """What an answer scores, and by what.

    Attributes:
        rule: None where nothing tells what is right.
        keys: right options; empty unless the rule is ``key``.
        is_as_published: whether the key is the one that the version was published with.
    """

    is_correct: bool
    is_void: bool
    rule: ScoringKind | None
    keys: tuple[str, ...]
    is_as_published: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer that was written.

    Attributes:
        bank_version: of the exam's bank when it was.
        scoring_version: what the exam's answers were scored by when it was.
        waited: it took so long, as for a rescore, that these and `tells` may be of before.
        tells: whether its result may be told at once.
    """

    scored: Scored
    bank_version: int
    scoring_version: int
    waited: bool
    tells: bool


async def record(
    conn: TenantConnection,
    caller: Principal,
    quiz: Quiz,
    answer: NewAnswer,
    event: Event | None = None,
) -> Recorded | None:
    """Scores and records an answer to a served item, and tells of it where there is an event.

    Returns:
        None where there is an answer already, the quiz is over, or the item was not served: what
        is remembered of the quiz is of before the database went back.
    """
    values = {
        "quiz": quiz.id,
        "exam": quiz.exam_code,
        "user": caller.user_id,
        "tenant": caller.tenant_id,
        "question": answer.question_id,
        "version": answer.version,
        "selected": answer.selected,
        "ms": answer.time_taken_ms,
    }
    record = _RECORDS[quiz.mode]
    if event is not None:
        record, values = _RECORDS_AND_TELLS[quiz.mode], values | event.values()
    try:
        row = await (await conn.execute(record, values)).fetchone()
    except ForeignKeyViolation:
        return None
    if row is None:
        return None
    *scored, (bank_version, scoring_version), waited, tells = row
    return Recorded(_scored(scored), bank_version, scoring_version, waited, tells)


async def recorded(
    conn: TenantConnection, quiz: Quiz, question_id: int
) -> tuple[str | None, Scored] | None:
    """The option that was chosen and what it scores; None where the item was not answered."""
    values = {"exam": quiz.exam_code, "quiz": quiz.id, "question": question_id}
    row = await (await conn.execute(_RECORDED, values)).fetchone()
    return None if row is None else (row[0], _scored(row[1:]))


def _scored(row: Sequence[Any]) -> Scored:
    is_correct, is_void, rule, keys, is_as_published = row
    return Scored(is_correct, is_void, rule, tuple(keys or ()), is_as_published)
