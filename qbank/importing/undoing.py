"""Takes an import back: what it brought goes, what it replaced comes back.

Triggers tell the marts of both. What never lives here: results that were published in between; the
next night computes them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, LiteralString

from qbank.errors import ImportFileError
from qbank.import_reports import Undone
from qbank.importing import batches
from qbank.importing.attributes import take_attributes_back
from qbank.importing.exam import exam_of
from qbank.importing.questions.undoing import take_back
from qbank.importing.scoring import LIVE_AGAIN, LIVE_NO_MORE
from qbank.importing.taking_back import UNDONE, take_rules_back
from qbank.postgres import Connection, connect
from qbank.settings import Settings
from qbank.stores import audit
from qbank.system_user import importer
from qbank.vocabulary import BatchKind

_REPLACED_SINCE = """
SELECT min(h.import_batch_id) FROM response_history AS h
JOIN import_batches AS b ON b.id = h.import_batch_id
WHERE h.was_import_batch_id = %(batch)s AND b.undone_at IS NULL
"""
_TOUCHED = """
CREATE TEMP TABLE undo_quizzes ON COMMIT DROP AS
SELECT quiz_id FROM quiz_items WHERE import_batch_id = %(batch)s
UNION SELECT quiz_id FROM user_responses WHERE import_batch_id = %(batch)s
"""
_RESTORE = """
UPDATE user_responses AS u
SET is_correct = h.was_correct, score = h.was_score, max_score = h.was_max_score,
    is_void = h.was_void, option_label = h.was_option_label,
    time_taken_ms = h.was_time_taken_ms, import_batch_id = h.was_import_batch_id
FROM response_history AS h
WHERE h.import_batch_id = %(batch)s
    AND (u.quiz_id, u.question_id) = (h.quiz_id, h.question_id)
"""
_GIVE_BACK = """
INSERT INTO user_responses (quiz_id, user_id, question_id, version, option_label, is_correct,
    is_void, time_taken_ms, created_at, import_batch_id, score, max_score)
SELECT h.quiz_id, s.user_id, h.question_id, h.version, h.was_option_label, h.was_correct,
    h.was_void, h.was_time_taken_ms, h.was_created_at, h.was_import_batch_id, h.was_score,
    h.was_max_score
FROM response_history AS h JOIN quiz_sessions AS s ON s.id = h.quiz_id
WHERE h.import_batch_id = %(batch)s AND h.is_correct IS NULL
ON CONFLICT (quiz_id, question_id) DO NOTHING
"""
_RESPONSES = "DELETE FROM user_responses WHERE import_batch_id = %(batch)s"
_ITEMS = """
DELETE FROM quiz_items AS i WHERE i.import_batch_id = %(batch)s AND NOT EXISTS (
    SELECT 1 FROM user_responses AS r WHERE (r.quiz_id, r.question_id) = (i.quiz_id, i.question_id)
)
"""
_QUIZZES = """
DELETE FROM quiz_sessions AS s USING undo_quizzes AS u
WHERE s.id = u.quiz_id AND NOT EXISTS (SELECT 1 FROM quiz_items AS i WHERE i.quiz_id = s.id)
"""
# What was said of a sitting goes with it: without it nobody could tell whose answers those were.
_HISTORY = """
DELETE FROM response_history AS h USING undo_quizzes AS u
WHERE h.quiz_id = u.quiz_id AND NOT EXISTS (SELECT 1 FROM quiz_sessions AS s WHERE s.id = u.quiz_id)
"""
# Sittings that other imports have a part in.
_SHRUNK = """
UPDATE quiz_sessions AS s
SET num_questions = l.items, started_at = l.first_served, sealed_at = l.last_answer,
    expires_at = l.last_answer + interval '1 second'
FROM (
    SELECT i.quiz_id, count(*) AS items, min(i.served_at) AS first_served,
        greatest(max(i.served_at), max(r.created_at)) AS last_answer
    FROM quiz_items AS i
    JOIN undo_quizzes USING (quiz_id)
    LEFT JOIN user_responses AS r USING (quiz_id, question_id)
    GROUP BY i.quiz_id
) AS l
WHERE s.id = l.quiz_id
"""
# An item that nobody was served is no longer one of the exam's.
_PUBLICATIONS = """
DELETE FROM question_publications AS p USING import_batches AS b
WHERE b.id = %(batch)s AND p.exam_code = b.exam_code
    AND p.question_id = ANY(b.published_questions)
    AND NOT EXISTS (
        SELECT 1 FROM quiz_items AS i JOIN quiz_sessions AS s ON s.id = i.quiz_id
        WHERE i.question_id = p.question_id AND s.exam_code = p.exam_code
    )
"""
# The scoring of an item is taken back in the order in which it was changed.
_RULED_SINCE = """
SELECT min(later.import_batch_id), min(q.external_ref)
FROM scoring_rules AS mine
JOIN scoring_rules AS later USING (exam_code, question_id, version)
JOIN import_batches AS b ON b.id = later.import_batch_id
JOIN questions AS q ON q.id = mine.question_id
WHERE mine.import_batch_id = %(batch)s AND later.import_batch_id > mine.import_batch_id
    AND b.undone_at IS NULL
"""
# Answers that an import replaced come back with the score that they had: not by a key of later.
_RULED_SINCE_REPLACED = """
SELECT min(later.import_batch_id), min(q.external_ref)
FROM response_history AS mine
JOIN scoring_rules AS later USING (question_id, version)
JOIN import_batches AS b ON b.id = later.import_batch_id
JOIN questions AS q ON q.id = mine.question_id
WHERE mine.import_batch_id = %(batch)s AND later.import_batch_id > mine.import_batch_id
    AND later.exam_code = %(exam)s AND b.kind = 'rescore' AND b.undone_at IS NULL
"""


def undo(
    number: int,
    *,
    actor: str | None = None,
    settings: Settings | None = None,
    on_written: Callable[[Connection, Undone], None] = lambda connection, undone: None,
) -> Undone:
    """Takes an import back in one transaction; its questions stay, but are not live in the exam.

    Args:
        number: of the import.
        actor: who takes it back; None is the system user.
        settings: those of the process where None.
        on_written: hears what went, in the transaction in which it goes.

    Raises:
        ImportFileError: there is no such import, it is undone, a later one replaced answers of it,
            delivery scored by its keys, or its items are in use.
    """
    with connect("owner", settings=settings) as connection:
        found = batches.batch(connection, number)
        batches.lock(connection, found["exam_code"])
        found = batches.batch(connection, number)
        if found["undone_at"] is not None:
            raise ImportFileError(
                f"import {number} was undone on {found['undone_at']:%Y-%m-%d %H:%M} by "
                f"{found['undone_by']}"
            )
        actor = actor or importer()
        tenant = exam_of(connection, found["exam_code"], None, None).tenant_id
        names = {"batch": number, "exam": found["exam_code"], "actor": actor, "tenant": tenant}
        names["kind"] = found["kind"]
        undone = _TAKE_BACK[found["kind"]](connection, number, names)
        details = {"import": number, "kind": found["kind"], **asdict(undone)}
        audit.record(
            connection,
            tenant_id=tenant,
            actor=actor,
            action="import.undo",
            target=f"exam={found['exam_code']} import={number}",
            details=details,
        )
        on_written(connection, undone)
        return undone


def _undo_rescore(connection: Connection, number: int, names: dict[str, Any]) -> Undone:
    _refuse_replaced(connection, number)
    _refuse_ruled(connection, _RULED_SINCE, names)
    restored = connection.execute(_RESTORE, names).rowcount
    restored += take_rules_back(connection, names)
    connection.execute(LIVE_AGAIN, names)
    items = connection.execute(LIVE_NO_MORE, names).rowcount
    return Undone(number, 0, restored, 0, items, "rescore")


def _undo_items(connection: Connection, number: int, names: dict[str, Any]) -> Undone:
    items, versions = take_back(connection, names)
    connection.execute(UNDONE, names)
    return Undone(number, 0, 0, 0, items, "items", versions)


def _refuse_replaced(connection: Connection, number: int) -> None:
    row = connection.execute(_REPLACED_SINCE, {"batch": number}).fetchone()
    if row is not None and row[0] is not None:
        raise ImportFileError(
            f"import {row[0]} replaced answers of import {number}: qbank import undo {row[0]} first"
        )


def _refuse_ruled(connection: Connection, since: LiteralString, names: dict[str, Any]) -> None:
    row = connection.execute(since, names).fetchone()
    if row is not None and row[0] is not None:
        raise ImportFileError(
            f"import {row[0]} scored item {row[1]!r} since then: qbank import undo {row[0]} first, "
            "or rescore the items that are wrong"
        )


def _undo(connection: Connection, number: int, names: dict[str, Any]) -> Undone:
    _refuse_replaced(connection, number)
    _refuse_ruled(connection, _RULED_SINCE_REPLACED, names)
    connection.execute(_TOUCHED, names)
    restored = sum(connection.execute(query, names).rowcount for query in (_RESTORE, _GIVE_BACK))
    audit.open_to_erasure(connection)
    responses, _, sittings, *_ = (
        connection.execute(query, names).rowcount
        for query in (_RESPONSES, _ITEMS, _QUIZZES, _HISTORY, _SHRUNK)
    )
    take_attributes_back(connection, names, names["tenant"])
    restored += take_rules_back(connection, names)
    connection.execute(LIVE_AGAIN, names)
    items = connection.execute(_PUBLICATIONS, names).rowcount
    return Undone(number, responses, restored, sittings, items)


_TAKE_BACK: dict[BatchKind, Callable[[Connection, int, dict[str, Any]], Undone]] = {
    "import": _undo,
    "rescore": _undo_rescore,
    "items": _undo_items,
}
