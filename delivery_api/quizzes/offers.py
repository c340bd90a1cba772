"""Which exams there are for a person, and how often each may still be sat.

What never lives here: keeping to it (``enrolment``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from delivery_api.quizzes.creation import SITTINGS
from delivery_api.tokens import Principal
from qbank.attempts import AttemptPolicy
from qbank.errors import RequestError
from qbank.postgres import Connection
from qbank.vocabulary import Mode

_CHOSEN = """e.tenant_id = %(tenant)s AND coalesce(e.code = %(exam)s, true)
    AND (NOT %(with_items)s OR EXISTS (
        SELECT FROM question_publications AS p WHERE p.exam_code = e.exam_code))"""
_OFFERS = f"""SELECT e.exam_code, e.title, e.test_length, e.policy, sittings.open,
        sittings.attempts
    FROM (SELECT * FROM exams AS e WHERE {_CHOSEN}
        ORDER BY e.exam_code LIMIT %(limit)s OFFSET %(offset)s) AS e
    {SITTINGS}
    ORDER BY e.exam_code"""  # noqa: S608
_COUNT = f"SELECT count(*) FROM exams AS e WHERE {_CHOSEN}"  # noqa: S608


@dataclass(frozen=True)
class Offer:
    """An exam as a person finds it.

    Attributes:
        modes: of its quizzes; empty where its attempt policy cannot be read.
        attempts_left: sittings that the person has left; None is any number.
        open_quizzes: the person's open sittings, oldest first.
        opens_at, closes_at: when sittings may begin; None is at any time.
    """

    exam_code: str
    title: str
    test_length: int
    modes: Sequence[Mode]
    attempts_left: int | None
    open_quizzes: Sequence[str]
    opens_at: str | None = None
    closes_at: str | None = None


def offers(
    conn: Connection, caller: Principal, *, with_items: bool, limit: int, offset: int
) -> tuple[list[Offer], int]:
    """A page of the tenant's exams, by code, and how many there are; for one of a single exam, it.

    Args:
        conn: in a transaction of the tenant.
        caller: whose sittings count.
        with_items: only exams that something is published in.
        limit: most exams.
        offset: exams before the first.
    """
    values = {
        "tenant": caller.tenant_id,
        "user": caller.user_id,
        "exam": caller.exam_code,
        "with_items": with_items,
        "limit": limit,
        "offset": offset,
    }
    rows = conn.execute(_OFFERS, values).fetchall()
    total = conn.execute(_COUNT, values).fetchone()
    return [_offer(*row) for row in rows], int(total[0]) if total else 0


def _offer(
    exam_code: str,
    title: str,
    test_length: int,
    policy: dict[str, Any],
    open_quizzes: list[str],
    attempts: int,
) -> Offer:
    try:
        given = AttemptPolicy.of(exam_code, policy)
    except RequestError:  # its administrators are told what is wrong
        return Offer(exam_code, title, test_length, [], 0, open_quizzes)
    left = None if given.max_attempts is None else max(0, given.max_attempts - attempts)
    if "exam" not in given.modes:
        left = 0
    window = given.opens_at, given.closes_at
    return Offer(exam_code, title, test_length, given.modes, left, open_quizzes, *window)
