"""Takes the scoring rules of a batch out of force: what is left scores its items from then on.

What never lives here: the batch's answers (``undoing``), and bringing rules into force
(``scoring``).
"""

from __future__ import annotations

from typing import Any

from qbank.errors import ImportFileError
from qbank.importing.loading import CHANGED_ANSWERS
from qbank.importing.results import rescore_results
from qbank.importing.scoring import ALONE
from qbank.postgres import Connection
from qbank.wording import listed

_BEFORE = """
CREATE TEMP TABLE undo_scoring ON COMMIT DROP AS
SELECT question_id, version, s.rule, s.keys, s.max_score, s.credit
FROM scoring_rules AS mine JOIN item_scoring AS s USING (exam_code, question_id, version)
WHERE mine.import_batch_id = %(batch)s
"""
UNDONE = """
UPDATE import_batches SET undone_at = now(), undone_by = %(actor)s WHERE id = %(batch)s
"""
_SAME = """
DELETE FROM undo_scoring AS b USING item_scoring AS s
WHERE s.exam_code = %(exam)s AND (s.question_id, s.version) = (b.question_id, b.version)
    AND (s.rule, s.keys, s.max_score, s.credit)
        IS NOT DISTINCT FROM (b.rule, b.keys, b.max_score, b.credit)
"""
# Items whose scoring changes, and that delivery scored by the batch's rule, or is about to.
_DELIVERED = """
SELECT q.external_ref FROM undo_scoring AS b JOIN questions AS q ON q.id = b.question_id
WHERE EXISTS (
    SELECT 1 FROM user_responses AS u JOIN quiz_sessions AS s ON s.id = u.quiz_id
    WHERE (u.question_id, u.version) = (b.question_id, b.version)
        AND u.import_batch_id IS NULL AND s.exam_code = %(exam)s
) OR EXISTS (
    SELECT 1 FROM quiz_sessions AS s JOIN quiz_items AS i ON i.quiz_id = s.id
    WHERE s.exam_code = %(exam)s AND is_open(s)
        AND (i.question_id, i.version) = (b.question_id, b.version)
)
ORDER BY q.external_ref
"""
# Delivery scored answers by the rules while they were in force. Answers of another import have its
# scores; that their item is void was this batch's doing all the same.
_REJUDGED = """
CREATE TEMP TABLE rejudged ON COMMIT DROP AS
SELECT n.* FROM (
    SELECT u.quiz_id, u.question_id, u.is_correct AS was_correct, u.is_void AS was_void,
        u.score AS was_score, u.max_score AS was_max_score,
        n.is_correct, n.score, n.max_score, coalesce(s.rule = 'void', false) AS is_void
    FROM undo_scoring
    JOIN item_scoring AS s USING (question_id, version)
    JOIN user_responses AS u USING (question_id, version)
    JOIN quiz_sessions AS q ON q.id = u.quiz_id AND q.exam_code = s.exam_code
    CROSS JOIN LATERAL scored_by(
        CASE WHEN u.import_batch_id IS NULL THEN s.rule END, s.keys, s.credit, s.max_score,
        u.option_label::text, u.is_correct, u.score, u.max_score
    ) AS n
    WHERE s.exam_code = %(exam)s
) AS n
WHERE (n.is_correct, n.is_void, n.score, n.max_score)
    IS DISTINCT FROM (n.was_correct, n.was_void, n.was_score, n.was_max_score)
"""
_HISTORY = CHANGED_ANSWERS.format(changes="rejudged", option="u.option_label", is_void="n.is_void")
_REJUDGE = """
UPDATE user_responses AS u
SET is_correct = n.is_correct, score = n.score, max_score = n.max_score, is_void = n.is_void
FROM rejudged AS n WHERE (u.quiz_id, u.question_id) = (n.quiz_id, n.question_id)
"""


def take_rules_back(connection: Connection, names: dict[str, Any]) -> int:
    """Notes that a batch is undone, and scores answers to its items by what is left.

    Args:
        connection: in the transaction that undoes the batch.
        names: parameters ``batch``, ``exam``, ``actor`` and ``kind``; only a rescore may take the
            scoring of answers that delivery has.

    Returns:
        How many answers changed.

    Raises:
        ImportFileError: delivery scored by the keys of an import.
    """
    number, kind = names["batch"], names["kind"]
    ruled = connection.execute(
        "SELECT 1 FROM scoring_rules WHERE import_batch_id = %(batch)s LIMIT 1", names
    ).fetchone()
    if ruled is None:
        connection.execute(UNDONE, names)
        return 0
    for statement in (ALONE, _BEFORE, UNDONE, _SAME):
        connection.execute(statement, names)
    if kind == "import":
        _refuse_delivered(connection, names)
    connection.execute(_REJUDGED, names)
    connection.execute(_HISTORY, names)
    changed = connection.execute(_REJUDGE).rowcount
    rescore_results(connection, names | {"name": f"{kind} {number} undone", "why": None})
    return changed


def _refuse_delivered(connection: Connection, names: dict[str, Any]) -> None:
    delivered = [row[0] for row in connection.execute(_DELIVERED, names).fetchall()]
    if delivered:
        raise ImportFileError(
            f"delivery scored by the keys of import {names['batch']}: {listed(delivered, 5)} would "
            "have another key, that nobody set. The import stays: qbank rescore corrects its keys, "
            "and a corrected file with --on-conflict replace its answers"
        )
