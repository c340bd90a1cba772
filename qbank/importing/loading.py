"""The set-based SQL that writes what was matched: quizzes, served items and responses.

All of it runs in the caller's transaction. What never lives here: finding out what is new.
"""

from __future__ import annotations

from collections.abc import Mapping

from qbank.importing import items, scoring
from qbank.importing.foreign_keys import keys_checked_by_set
from qbank.importing.keys import ScoringRule
from qbank.importing.matching import Staged, count

QUIZZES = """
INSERT INTO quiz_sessions (
    id, user_id, tenant_id, mode, adaptive, exam_code, selector, num_questions,
    started_at, expires_at, sealed_at
)
SELECT quiz_id, min(user_id), %(tenant)s, 'exam', false, %(exam)s, 'fixed', count(*),
    min(answered_at - make_interval(secs => coalesce(time_ms, 0) / 1000.0)),
    max(answered_at) + interval '1 second', max(answered_at)
FROM import_answers GROUP BY quiz_id
ON CONFLICT (id) DO NOTHING
"""

# By what a sitting is called it is found when its id is another; of before it has no name yet.
NAMED = """
UPDATE quiz_sessions AS s SET sitting_key = n.sitting_key
FROM (
    SELECT DISTINCT ON (quiz_id) quiz_id, sitting_key FROM import_sessions
    WHERE sitting_key IS NOT NULL ORDER BY quiz_id, session_no
) AS n
WHERE s.id = n.quiz_id AND s.sitting_key IS NULL
"""

SERVED = """
INSERT INTO quiz_items (
    quiz_id, question_id, version, position, served_at, selector, import_batch_id
)
SELECT a.quiz_id, a.question_id, a.version,
    coalesce(g.last_position, 0)
        + row_number() OVER (PARTITION BY a.quiz_id ORDER BY a.answered_at, a.line),
    a.answered_at - make_interval(secs => coalesce(a.time_ms, 0) / 1000.0), 'fixed', %(batch)s
FROM import_answers AS a
LEFT JOIN import_grown AS g USING (quiz_id)
WHERE g.quiz_id IS NULL OR NOT EXISTS (
    SELECT 1 FROM quiz_items AS q
    WHERE q.quiz_id = a.quiz_id AND q.question_id = a.question_id
)
"""

# Sittings that were there before and got further answers.
GROWN = """
UPDATE quiz_sessions AS s
SET num_questions = (
        SELECT count(*) FROM (
            SELECT q.question_id FROM quiz_items AS q WHERE q.quiz_id = s.id
            UNION SELECT a.question_id FROM import_answers AS a WHERE a.quiz_id = s.id
        ) AS either
    ),
    started_at = least(s.started_at, added.first_served),
    sealed_at = greatest(s.sealed_at, added.last_answer),
    expires_at = greatest(s.expires_at, added.last_answer + interval '1 second')
FROM (
    SELECT quiz_id, max(answered_at) AS last_answer,
        min(answered_at - make_interval(secs => coalesce(time_ms, 0) / 1000.0)) AS first_served
    FROM import_answers JOIN import_grown USING (quiz_id) GROUP BY quiz_id
) AS added
WHERE s.id = added.quiz_id
"""

RESPONSES = """
INSERT INTO user_responses (
    quiz_id, user_id, question_id, version, option_label, is_correct, is_void, time_taken_ms,
    created_at, import_batch_id, score, max_score
)
SELECT quiz_id, user_id, question_id, version, option_label, is_correct,
    question_id = ANY(%(void)s::bigint[]), time_ms, answered_at, %(batch)s, score, max_score
FROM import_answers WHERE is_correct IS NOT NULL
ORDER BY quiz_id, line
"""

# What is replaced is kept; triggers tell the marts of both. `changes` has quiz_id, question_id and
# the new is_correct, score and max_score.
CHANGED_ANSWERS = """
INSERT INTO response_history (
    import_batch_id, quiz_id, question_id, version, was_correct, was_option_label,
    was_time_taken_ms, was_created_at, was_import_batch_id, was_void, was_score, was_max_score,
    is_correct, option_label, is_void, score, max_score, changed_by
)
SELECT %(batch)s, u.quiz_id, u.question_id, u.version, u.is_correct, u.option_label,
    u.time_taken_ms, u.created_at, u.import_batch_id, u.is_void, u.score, u.max_score,
    n.is_correct, {option}, {is_void}, n.score, n.max_score, %(actor)s
FROM {changes} AS n JOIN user_responses AS u USING (quiz_id, question_id)
"""
HISTORY = (
    CHANGED_ANSWERS.format(changes="import_conflicts", option="n.option_label", is_void="u.is_void")
    + "ORDER BY n.line"
)
REPLACED = """
UPDATE user_responses AS u
SET is_correct = c.is_correct, score = c.score, max_score = c.max_score,
    option_label = coalesce(c.option_label, u.option_label),
    time_taken_ms = coalesce(c.time_ms, u.time_taken_ms), import_batch_id = %(batch)s
FROM import_conflicts AS c
WHERE (u.quiz_id, u.question_id) = (c.quiz_id, c.question_id) AND c.is_correct IS NOT NULL
"""
WITHDRAWN = """
DELETE FROM user_responses AS u USING import_conflicts AS c
WHERE (u.quiz_id, u.question_id) = (c.quiz_id, c.question_id) AND c.is_correct IS NULL
"""


def write(staged: Staged, batch: int, rules: Mapping[str, ScoringRule]) -> list[int]:
    """Writes what is new, and replaces what conflicts.

    Args:
        staged: what was staged and matched.
        batch: number of the import.
        rules: those that come into force with it, by item.

    Returns:
        Questions that became live in the exam.

    Raises:
        ImportFileError: what was published meanwhile has another key.
    """
    connection, names = staged.connection, staged.names | {"batch": batch}
    names["void"] = scoring.void_questions(connection, names)
    connection.execute("ANALYZE import_answers")
    staged.step("writing quizzes")
    connection.execute(QUIZZES, names)
    connection.execute(GROWN)
    if staged.sittings.pseudonymised:
        connection.execute(NAMED)
    if count(connection, "SELECT count(*) FROM import_conflicts"):
        for statement in (HISTORY, REPLACED, WITHDRAWN):
            connection.execute(statement, names)
    with keys_checked_by_set(connection):
        staged.step("writing items")
        connection.execute(SERVED, names)
        staged.step("writing responses")
        connection.execute(RESPONSES, names)
    # Last, for delivery and publishers wait from here on; a publisher who has the lock would wait
    # for the publications of an import that waits for the lock.
    if rules:
        connection.execute(scoring.ALONE, names)
        scoring.refuse_another_scoring(connection, rules, names)
    published = items.publish(connection, names)
    if rules:
        scoring.keep(connection, names)
    return published
