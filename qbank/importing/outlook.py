"""What a night would make of an import, before it is written.

What never lives here: what an import does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qbank.exams.needs import smallest_n
from qbank.exams.settings import controls_exposure
from qbank.postgres import Connection
from qbank.stores.item_bank import Exam

# A person counts once an item, whether the answer is there or comes.
_ANSWERS = """
WITH answers AS (
    SELECT i.item, count(DISTINCT a.user_id) AS people
    FROM import_items AS i LEFT JOIN (
        SELECT question_id, version, user_id FROM import_answers WHERE is_correct IS NOT NULL
        UNION ALL
        SELECT u.question_id, u.version, u.user_id FROM user_responses AS u
        JOIN quiz_sessions AS s ON s.id = u.quiz_id
        WHERE s.exam_code = %(exam)s AND s.voided_at IS NULL AND NOT u.is_void
    ) AS a USING (question_id, version)
    GROUP BY 1
)
SELECT count(*), count(*) FILTER (WHERE people >= %(needed)s),
    (SELECT f.item FROM answers AS f ORDER BY f.people, f.item LIMIT 1), min(people), max(people)
FROM answers
"""
_LIVE = """
SELECT count(*) FROM (
    SELECT question_id FROM import_items
    UNION SELECT question_id FROM question_publications WHERE exam_code = %(exam)s
) AS items
"""
_PEOPLE = "SELECT count(DISTINCT user_id) FROM import_sessions"


def outlook(connection: Connection, exam: Exam, names: Mapping[str, Any]) -> list[str]:
    """Who answers how much, and for how many items that is enough.

    Args:
        connection: in the transaction of the import, which has matched its answers.
        exam: that they belong to.
        names: parameter ``exam``.
    """
    needed = smallest_n(exam)
    (people,) = connection.execute(_PEOPLE).fetchone() or (0,)
    found = connection.execute(_ANSWERS, {**names, "needed": needed}).fetchone()
    items, enough, fewest, least, most = found or (0, 0, None, 0, 0)
    told = [f"people: {people}, items: {items}"]
    if not items:
        return told
    (live,) = connection.execute(_LIVE, names).fetchone() or (0,)
    if live < exam.test_length and controls_exposure(exam.policy):
        told.append(
            f"a test of the exam has {exam.test_length} items, and it would have {live} in all, too"
            f" few for exposure control: `qbank exam set {exam.exam_code} --test-length {live}` or"
            " shorter, or `--exposure-control none` where everybody gets one form"
        )
    night = f"a night estimates items ({exam.irt_model}) that {needed} people or more answered"
    if enough == items:
        return [*told, f"{night} (min_responses): all of these then"]
    if not enough:
        return [*told, f"{night} (min_responses): none of these yet, {most} people at most did"]
    return [*told, f"{night} (min_responses): {enough} of these; {fewest} has {least}"]
