"""The set-based SQL that turns staged rows into questions, quizzes and responses.

All of it runs in the caller's transaction. What never lives here: reading and judging the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qbank.importing.foreign_keys import keys_checked_by_set
from qbank.postgres import Connection

STAGE = """
CREATE TEMP TABLE import_rows (
    line bigint, user_id text, item text, is_correct boolean, option_label text,
    time_ms integer, answered_at timestamptz, topic text, session_key text
) ON COMMIT DROP
"""
COPY = "COPY import_rows FROM STDIN (FORMAT csv)"

# Rows go in by quiz: neighbours in the table are then neighbours in its indexes.
# Ids are made from what identifies a sitting, so that the same file gives the same quizzes.
SESSIONS = """
CREATE TEMP TABLE import_sessions ON COMMIT DROP AS
SELECT user_id, session_key,
    encode(substring(sha256(convert_to(
        json_build_array('import', %(tenant)s::text, %(exam)s::text, user_id, session_key)::text,
        'UTF8')) FOR 16), 'hex')::uuid::text AS quiz_id,
    row_number() OVER () AS session_no
FROM (SELECT DISTINCT user_id, session_key FROM import_rows) AS sittings
"""

QUESTIONS = """
INSERT INTO questions (tenant_id, external_ref, created_by)
SELECT DISTINCT %(tenant)s, item, %(actor)s FROM import_rows
ON CONFLICT (tenant_id, external_ref) DO NOTHING
"""

# New items, each with the topic that most of its rows name.
NEW_ITEMS = """
CREATE TEMP TABLE import_new ON COMMIT DROP AS
SELECT DISTINCT ON (r.item) q.id AS question_id, r.item, coalesce(r.topic, 'Imported') AS topic
FROM import_rows AS r
JOIN questions AS q ON q.tenant_id = %(tenant)s AND q.external_ref = r.item
WHERE NOT EXISTS (SELECT 1 FROM question_versions AS v WHERE v.question_id = q.id)
GROUP BY q.id, r.item, r.topic ORDER BY r.item, count(*) DESC, r.topic
"""

TOPICS = """
INSERT INTO topics (tenant_id, name) SELECT DISTINCT %(tenant)s, topic FROM import_new
ON CONFLICT (tenant_id, parent_id, name) DO NOTHING
"""

VERSIONS = """
INSERT INTO question_versions (question_id, version, state, stem_md, topic_id, created_by)
SELECT n.question_id, 1, 'published', 'Imported item ' || n.item, t.id, %(actor)s
FROM import_new AS n
JOIN topics AS t ON t.tenant_id = %(tenant)s AND t.parent_id IS NULL AND t.name = n.topic
RETURNING id
"""

# A key is only known where all correct answers chose the same option.
OPTIONS = """
INSERT INTO question_options (question_version_id, option_label, option_text_md, is_correct)
SELECT v.id, seen.option_label, 'Option ' || seen.option_label, seen.right_answers > 0
FROM (
    SELECT item, option_label, count(*) FILTER (WHERE is_correct) AS right_answers,
        sum((count(*) FILTER (WHERE is_correct) > 0)::integer) OVER (PARTITION BY item) AS keys
    FROM import_rows WHERE option_label IS NOT NULL GROUP BY item, option_label
) AS seen
JOIN questions AS q ON q.tenant_id = %(tenant)s AND q.external_ref = seen.item
JOIN question_versions AS v ON v.question_id = q.id AND v.id = ANY(%(new_versions)s)
WHERE seen.keys = 1
"""

# Answers are to the version that is live in the exam, else to the newest one ever published.
ITEMS = """
CREATE TEMP TABLE import_items ON COMMIT DROP AS
SELECT q.external_ref AS item, q.id AS question_id,
    coalesce(p.live_version, newest.version) AS version, p.question_id IS NULL AS unpublished
FROM (SELECT DISTINCT item FROM import_rows) AS known
JOIN questions AS q ON q.tenant_id = %(tenant)s AND q.external_ref = known.item
LEFT JOIN question_publications AS p ON p.question_id = q.id AND p.exam_code = %(exam)s
CROSS JOIN LATERAL (
    SELECT version FROM question_versions AS v WHERE v.question_id = q.id
    ORDER BY state IN ('published', 'retired') DESC, version DESC LIMIT 1
) AS newest
"""

PUBLICATIONS = """
INSERT INTO question_publications (question_id, live_version, exam_code, tenant_id)
SELECT i.question_id, i.version, %(exam)s, %(tenant)s
FROM import_items AS i
JOIN question_versions AS v ON v.question_id = i.question_id AND v.version = i.version
WHERE i.unpublished AND v.state = 'published'
ON CONFLICT DO NOTHING
"""

ANSWERS = """
CREATE TEMP TABLE import_answers ON COMMIT DROP AS
SELECT r.line, s.quiz_id, s.session_no, r.user_id, i.question_id, i.version, r.is_correct,
    r.option_label, r.time_ms, r.answered_at,
    first_value(r.line) OVER (
        PARTITION BY s.session_no, i.question_id ORDER BY r.line
    ) AS first_line
FROM import_rows AS r
JOIN import_sessions AS s USING (user_id, session_key)
JOIN import_items AS i USING (item)
"""

DUPLICATES = """
DELETE FROM import_answers AS a USING import_rows AS r
WHERE a.line <> a.first_line AND r.line = a.line
RETURNING a.line, a.first_line, r.user_id, r.item, r.is_correct, r.option_label, r.time_ms,
    r.answered_at, r.topic
"""

# Sittings that an earlier import made.
EXISTING = """
CREATE TEMP TABLE import_grown ON COMMIT DROP AS
SELECT s.quiz_id, max(q.position) AS last_position
FROM import_sessions AS s JOIN quiz_items AS q USING (quiz_id) GROUP BY s.quiz_id
"""

KNOWN = """
DELETE FROM import_answers AS a USING import_grown AS g, quiz_items AS served
WHERE g.quiz_id = a.quiz_id AND served.quiz_id = a.quiz_id AND served.question_id = a.question_id
    AND (a.is_correct IS NULL OR EXISTS (
        SELECT 1 FROM user_responses AS u
        WHERE u.quiz_id = a.quiz_id AND u.question_id = a.question_id
    ))
"""

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

SERVED = """
INSERT INTO quiz_items (quiz_id, question_id, version, position, served_at, selector)
SELECT a.quiz_id, a.question_id, a.version,
    coalesce(g.last_position, 0)
        + row_number() OVER (PARTITION BY a.quiz_id ORDER BY a.answered_at, a.line),
    a.answered_at - make_interval(secs => coalesce(a.time_ms, 0) / 1000.0), 'fixed'
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
    quiz_id, user_id, question_id, version, option_label, is_correct, time_taken_ms, created_at
)
SELECT quiz_id, user_id, question_id, version, option_label, is_correct, time_ms, answered_at
FROM import_answers WHERE is_correct IS NOT NULL
ORDER BY quiz_id, line
"""


@dataclass(frozen=True)
class Loaded:
    """What loading did.

    Attributes:
        inserted: rows that were new.
        known: rows that the database had already.
        new_items: questions that were made.
        unkeyed_items: of these, items with options whose correct one is not certain.
        duplicates: rows that answer an item twice in one sitting; columns as in ``DUPLICATES``.
    """

    inserted: int
    known: int
    new_items: int
    unkeyed_items: int
    duplicates: list[tuple[Any, ...]]


def load(
    connection: Connection, *, tenant: str, exam_code: str, actor: str, step: Callable[[str], None]
) -> Loaded:
    """Loads what was staged in ``import_rows``; `step` hears what is being done."""
    names: dict[str, Any] = {"tenant": tenant, "exam": exam_code, "actor": actor}
    step("matching items")
    connection.execute("ANALYZE import_rows")
    connection.execute(SESSIONS, names)
    connection.execute(QUESTIONS, names)
    connection.execute(NEW_ITEMS, names)
    connection.execute(TOPICS, names)
    new = [row[0] for row in connection.execute(VERSIONS, names).fetchall()]
    connection.execute(OPTIONS, names | {"new_versions": new})
    connection.execute(ITEMS, names)
    connection.execute(PUBLICATIONS, names)
    connection.execute("ANALYZE import_sessions, import_items")
    step("matching answers")
    connection.execute(ANSWERS)
    duplicates = connection.execute(DUPLICATES).fetchall()
    earlier = connection.execute(EXISTING).rowcount
    known = connection.execute(KNOWN).rowcount if earlier else 0
    connection.execute("ANALYZE import_answers")
    step("writing quizzes")
    connection.execute(QUIZZES, names)
    connection.execute(GROWN)
    with keys_checked_by_set(connection):
        step("writing items")
        connection.execute(SERVED)
        step("writing responses")
        connection.execute(RESPONSES)
    row = connection.execute("SELECT count(*) FROM import_answers").fetchone()
    assert row is not None  # noqa: S101
    return Loaded(int(row[0]), known, len(new), _unkeyed(connection, new), duplicates)


def _unkeyed(connection: Connection, new_versions: list[int]) -> int:
    query = """
        SELECT count(DISTINCT v.id) FROM question_versions AS v
        JOIN questions AS q ON q.id = v.question_id
        JOIN import_rows AS r ON r.item = q.external_ref AND r.option_label IS NOT NULL
        WHERE v.id = ANY(%s)
            AND NOT EXISTS (SELECT 1 FROM question_options WHERE question_version_id = v.id)
    """
    row = connection.execute(query, [new_versions]).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])
