"""Restriction: items that were given to too many lately are closed to the quizzes that begin.

Every process counts alike, by what quizzes under exposure control were served in the last days; the
science says what is closed (``calibration.exposure.closed_items``), as in the simulation that the
certificate is of. A quiz keeps what was closed when it began, as what its owner has seen.

What never lives here: the count itself (``serving``), and the caps (``loading``).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import numpy as np

from calibration.exposure import closed_items
from delivery_api.database import TenantConnection
from delivery_api.quizzes.bank import Bank
from delivery_api.quizzes.choice import Wish
from qbank.exams.selectors import holds_back

# a count of all days would go on closing what a smaller pool gave out too often long ago
DAYS: Final = 28
# counts are read again after so many seconds: quizzes that begin meanwhile are of one batch
KEPT_S: Final = 2.0
Counts = Mapping[tuple[int, int], tuple[int, int]]
"""By question id and version: how often it was given, and all items since the day of its first."""

# a look at the key for each day: the table has all exams
_GIVEN: Final = """WITH lately AS MATERIALIZED (
        SELECT e.day, e.question_id, e.version, e.controlled
        FROM generate_series(0, %(days)s - 1) AS ago
        JOIN exposure_daily AS e ON e.day = (now() AT TIME ZONE 'UTC')::date - ago
            AND e.exam_code = %(exam)s AND e.controlled > 0),
    days AS (
        SELECT day, sum(sum(controlled)) OVER (ORDER BY day DESC) AS in_all
        FROM lately GROUP BY day)
    SELECT question_id, version, given, in_all::bigint
    FROM (SELECT question_id, version, sum(controlled)::bigint AS given, min(day) AS day
        FROM lately GROUP BY question_id, version) AS items
    JOIN days USING (day)"""


class Restrictions:
    """What quizzes were served lately, by exam, as far as this process has read."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[float, Counts]] = {}

    async def closed(self, conn: TenantConnection, bank: Bank, wish: Wish) -> list[int]:
        """Question ids that are closed to a quiz that begins now, those given most first."""
        if bank.cap is None or bank.ranked is None or not holds_back(wish.selector):
            return []
        exam, now = bank.exam.exam_code, time.monotonic()
        read, given = self._read.get(exam, (-KEPT_S, {}))
        if now - read >= KEPT_S:
            rows = await (await conn.execute(_GIVEN, {"exam": exam, "days": DAYS})).fetchall()
            given = {(question, version): (own, in_all) for question, version, own, in_all in rows}
            self._read[exam] = now, given
        return closed_to(bank, wish, given)


def closed_to(bank: Bank, wish: Wish, given: Counts) -> list[int]:
    """The same by counts; an item's examinees are as many as make whole tests of what was given.

    Those before its first day are left out: a new item would be given to everybody until it came up
    with the others.
    """
    assert bank.cap is not None  # noqa: S101
    assert bank.ranked is not None  # noqa: S101
    counts, in_all = np.zeros((2, bank.live.size), np.int64)
    for key, (own, since) in given.items():
        if key in bank.ranked_of:
            counts[bank.ranked_of[key]], in_all[bank.ranked_of[key]] = own, since
    examinees = in_all / bank.exam.test_length
    length = wish.num_questions if wish.has_quota else None
    closed = closed_items(
        counts,
        examinees,
        bank.cap,
        bank.ranked,
        bank.control(wish.selector, length),
        wish.num_questions,
        among=~bank.excluded(wish.filters),
    )
    ranks = np.flatnonzero(closed)
    over = counts[ranks] / (bank.cap * examinees)[ranks]
    most_first = ranks[np.argsort(-over, kind="stable")]
    return [int(question) for question in bank.pool.question_id[bank.live[most_first]]]
