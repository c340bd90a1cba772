"""What a quiz came to, written once: its score, θ̂, and the parameters that θ̂ was computed from.

A quiz whose time is over is sealed as it stands, when it is next looked at or swept
(``submission``). Whatever is calibrated or published later, a result stays; a corrected key makes
another revision, which supersedes the earlier ones. What was tried out is no part of a result.
What never lives here: estimating θ, and rescoring (``qbank rescore``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from delivery_api.database import TenantConnection
from delivery_api.quizzes.bank import Bank
from delivery_api.quizzes.outbox import Event, told
from delivery_api.quizzes.store import Quiz
from qbank.vocabulary import Model

# This version moves in the transaction that changes a parameter or what an answer scores: while it
# is the one that θ̂ was computed at, the rows are the ones that it was computed from.
_SCORED_ALIKE = "is_scoring_version(%(exam)s, %(scoring)s)"

_SEAL = f"""WITH over AS (
        UPDATE quiz_sessions SET sealed_at = now(), theta = %(theta)s, theta_se = %(se)s
        WHERE id = %(quiz)s AND is_open(quiz_sessions) AND {_SCORED_ALIKE}
        RETURNING id, theta, theta_se, true AS is_known)"""  # noqa: S608

# It waits for whoever gives the quiz more time. Of a quiz that was sealed before results were kept,
# θ̂ stands and its parameters are not known; so it does of one whose result an older release kept.
_SUBMIT = f"""WITH submitted AS (
        UPDATE quiz_sessions SET sealed_at = now(), theta = %(theta)s, theta_se = %(se)s
        WHERE id = %(quiz)s AND sealed_at IS NULL AND voided_at IS NULL
            AND ends_at(quiz_sessions) < now()
            AND {_SCORED_ALIKE}
        RETURNING id, theta, theta_se, true AS is_known),
    over AS (
        SELECT * FROM submitted
        UNION ALL
        SELECT id, theta, theta_se, false FROM quiz_sessions
        WHERE id = %(quiz)s AND sealed_at IS NOT NULL AND {_SCORED_ALIKE})"""  # noqa: S608

_INSERT = """
    INSERT INTO quiz_results (quiz_id, answered, correct, theta, theta_se, model, scale,
        bank_version, items)
    SELECT over.id, steps.answered, steps.correct, over.theta, over.theta_se, %(model)s,
        CASE WHEN over.is_known THEN %(scale)s::float8 END,
        CASE WHEN over.is_known THEN %(bank)s::bigint END, steps.items
    FROM over CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE NOT r.is_void) AS answered,
            count(*) FILTER (WHERE r.is_correct AND NOT r.is_void) AS correct,
            coalesce(jsonb_agg(jsonb_build_object('question_id', i.question_id,
                'version', i.version, 'correct', CASE WHEN NOT r.is_void THEN r.is_correct END,
                'void', coalesce(r.is_void, false),
                'a', k.a * (k.scaling_constant / %(scale)s::float8), 'b', k.b, 'c', k.c,
                'run_id', k.run_id) ORDER BY i.position), '[]') AS items
        FROM quiz_items AS i
        LEFT JOIN user_responses AS r ON r.quiz_id = i.quiz_id AND r.question_id = i.question_id
        LEFT JOIN item_calibration AS k ON over.is_known AND k.exam_code = %(exam)s
            AND k.question_id = i.question_id AND k.version = i.version AND k.model = %(model)s
        WHERE i.quiz_id = over.id AND NOT i.is_pretest) AS steps
    ON CONFLICT (quiz_id, revision) DO NOTHING"""
# what was over before it kept a result is no news
_AND_TELL = f""", kept AS ({_INSERT} RETURNING quiz_id, answered),
    news AS (SELECT answered FROM kept JOIN over ON over.id = kept.quiz_id WHERE is_known),
    {told("news", "'answered', answered")}
    SELECT FROM kept"""  # noqa: S608

_READ = """SELECT answered, correct, theta, theta_se, model, scale, bank_version, items,
        revision, name, created_at, made_by, why
    FROM quiz_results WHERE quiz_id = %s ORDER BY revision"""


@dataclass(frozen=True, slots=True)
class Result:
    """What a quiz came to.

    Attributes:
        answered, correct: of the answers that count.
        theta_se: None where nothing was estimated.
        scale: D of the response function; None where the parameters are not known.
        bank_version: of the exam's bank that θ̂ was computed from.
        items: the scored ones by position, each with question_id, version, correct, void, a (on
            ``scale``), b, c and run_id.
        revision: counts from 1, the result that was sealed.
        name: ``sealed``, or the rescore that made it.
        made_by, why: of a rescore.
        superseded: earlier revisions, the first at the beginning.
    """

    answered: int
    correct: int
    theta: float
    theta_se: float | None
    model: Model
    scale: float | None
    bank_version: int | None
    items: list[dict[str, Any]]
    revision: int
    name: str
    made_at: datetime
    made_by: str | None
    why: str | None
    superseded: tuple[Result, ...] = ()


async def seal(
    conn: TenantConnection,
    quiz: Quiz,
    bank: Bank,
    ability: tuple[float, float | None],
    event: Event | None,
) -> bool:
    """Finishes an open quiz and keeps its result; False where it is over, or scored otherwise now.

    Args:
        conn: a connection of the quiz's tenant.
        quiz: as it was read.
        bank: what ``ability`` was computed from.
        ability: θ̂ and its standard error.
        event: what is told of it.
    """
    return await _keep(conn, _SEAL, _values(quiz, bank, ability), event)


async def submit(
    conn: TenantConnection,
    quiz: Quiz,
    bank: Bank,
    ability: tuple[float, float | None],
    event: Event | None,
) -> bool:
    """Seals a quiz whose time is over; False where its result is kept, or it scores otherwise."""
    return await _keep(conn, _SUBMIT, _values(quiz, bank, ability), event)


async def _keep(
    conn: TenantConnection,
    over: str,
    values: dict[str, Any],
    event: Event | None,
) -> bool:
    """Keeps the result of what a statement ends; False where it ended nothing."""
    if event is None:
        return (await conn.execute(over + _INSERT, values)).rowcount == 1
    return (await conn.execute(over + _AND_TELL, values | event.values())).rowcount == 1


async def read(conn: TenantConnection, quiz_id: str) -> Result | None:
    """The result that counts, with those that it supersedes."""
    rows = await (await conn.execute(_READ, (quiz_id,))).fetchall()
    if not rows:
        return None
    *superseded, current = (Result(*row) for row in rows)
    return replace(current, superseded=tuple(superseded))


def _values(quiz: Quiz, bank: Bank, ability: tuple[float, float | None]) -> dict[str, Any]:
    return {
        "quiz": quiz.id,
        "exam": quiz.exam_code,
        "theta": ability[0],
        "se": ability[1],
        "bank": bank.version,
        "scoring": bank.scoring_version,
        "model": bank.exam.irt_model,
        "scale": None if bank.ranked is None else bank.ranked.bank.D,
    }
