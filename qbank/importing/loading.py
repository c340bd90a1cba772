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

_QUIZ_ID = """
    encode(substring(sha256(convert_to(
        json_build_array('import', %(tenant)s::text, %(exam)s::text, user_id, {key})::text,
        'UTF8')) FOR 16), 'hex')::uuid::text
"""
# Rows go in by quiz: neighbours in the table are then neighbours in its indexes.
# Ids are made from what identifies a sitting, so that the same file gives the same quizzes.
SESSIONS = f"""
CREATE TEMP TABLE import_sessions ON COMMIT DROP AS
SELECT user_id, session_key, {_QUIZ_ID.format(key="session_key")} AS quiz_id,
    row_number() OVER () AS session_no
FROM (SELECT DISTINCT user_id, session_key FROM import_rows) AS sittings
"""  # noqa: S608
# Files without clock times once had one sitting a user, whatever its day: one of that day goes on.
EARLIER_KEYS = f"""
UPDATE import_sessions AS i SET quiz_id = s.id
FROM (
    SELECT user_id, session_key,
        {_QUIZ_ID.format(key="replace(session_key, %(day)s, 'all')")} AS earlier_id
    FROM import_sessions
) AS e
JOIN quiz_sessions AS s ON s.id = e.earlier_id
WHERE (i.user_id, i.session_key) = (e.user_id, e.session_key)
    AND 'on' || to_char(s.sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') = %(day)s
"""  # noqa: S608

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
ON CONFLICT DO NOTHING RETURNING question_id
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
DELETE FROM import_answers AS a USING import_items AS i
WHERE a.line <> a.first_line AND i.question_id = a.question_id
RETURNING a.line, a.first_line, a.user_id, i.item, a.is_correct
"""

ACCEPTED = """
SELECT i.item, a.is_correct, count(*)
FROM import_answers AS a JOIN import_items AS i USING (question_id) GROUP BY 1, 2
"""

# Sittings that an earlier import made.
EXISTING = """
CREATE TEMP TABLE import_grown ON COMMIT DROP AS
SELECT s.quiz_id, max(q.position) AS last_position
FROM import_sessions AS s JOIN quiz_items AS q USING (quiz_id) GROUP BY s.quiz_id
"""

# Answers that are there with another score or option, or that the file says were not given.
CONFLICTS = """
CREATE TEMP TABLE import_conflicts ON COMMIT DROP AS
SELECT a.line, a.quiz_id, a.question_id, a.user_id, i.item, u.is_correct AS was_correct,
    u.option_label AS was_option_label, a.is_correct, a.option_label, a.time_ms
FROM import_answers AS a
JOIN import_grown AS g USING (quiz_id)
JOIN user_responses AS u USING (quiz_id, question_id)
JOIN import_items AS i USING (question_id)
WHERE a.is_correct IS DISTINCT FROM u.is_correct OR a.option_label <> u.option_label
"""
CONFLICTING = """
SELECT line, user_id, item, was_correct, was_option_label, is_correct, option_label
FROM import_conflicts ORDER BY line
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
    quiz_id, user_id, question_id, version, option_label, is_correct, time_taken_ms, created_at,
    import_batch_id
)
SELECT quiz_id, user_id, question_id, version, option_label, is_correct, time_ms, answered_at,
    %(batch)s
FROM import_answers WHERE is_correct IS NOT NULL
ORDER BY quiz_id, line
"""

# What is replaced is kept; triggers tell the marts of both.
HISTORY = """
INSERT INTO response_history (
    import_batch_id, quiz_id, question_id, version, was_correct, was_option_label,
    was_time_taken_ms, was_created_at, was_import_batch_id, is_correct, option_label, changed_by
)
SELECT %(batch)s, u.quiz_id, u.question_id, u.version, u.is_correct, u.option_label,
    u.time_taken_ms, u.created_at, u.import_batch_id, c.is_correct, c.option_label, %(actor)s
FROM import_conflicts AS c JOIN user_responses AS u USING (quiz_id, question_id)
ORDER BY c.line
"""
REPLACED = """
UPDATE user_responses AS u
SET is_correct = c.is_correct, option_label = coalesce(c.option_label, u.option_label),
    time_taken_ms = coalesce(c.time_ms, u.time_taken_ms), import_batch_id = %(batch)s
FROM import_conflicts AS c
WHERE (u.quiz_id, u.question_id) = (c.quiz_id, c.question_id) AND c.is_correct IS NOT NULL
"""
WITHDRAWN = """
DELETE FROM user_responses AS u USING import_conflicts AS c
WHERE (u.quiz_id, u.question_id) = (c.quiz_id, c.question_id) AND c.is_correct IS NULL
"""


@dataclass(frozen=True)
class Matched:
    """What the staged rows are beside what the database has.

    Attributes:
        new: rows that are not there.
        known: rows that are there as they are.
        conflicts: rows that are there otherwise, columns as in ``CONFLICTING``.
        duplicates: rows that answer an item twice in one sitting, columns as in ``DUPLICATES``.
        accepted: all other rows by item and score; empty unless asked for.
        published: questions that became live in the exam.
        new_items: questions that were made.
        unkeyed_items: of these, items with options whose correct one is not certain.
    """

    new: int
    known: int
    conflicts: list[tuple[Any, ...]]
    duplicates: list[tuple[Any, ...]]
    accepted: dict[tuple[str, bool | None], int]
    published: list[int]
    new_items: int
    unkeyed_items: int


@dataclass(frozen=True)
class Loading:
    """The load of what was staged in ``import_rows``.

    Attributes:
        actor: who imports.
        step: hears what is being done.
        day: key of sittings without clock times, see ``sitting_of_day``; None where there are.
    """

    connection: Connection
    tenant: str
    exam_code: str
    actor: str
    step: Callable[[str], None]
    day: str | None = None

    @property
    def _names(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant,
            "exam": self.exam_code,
            "actor": self.actor,
            "day": self.day,
        }

    def match(self, *, counted: bool) -> Matched:
        """Makes items and finds what is known; `counted` asks for the accepted rows."""
        connection, names = self.connection, self._names
        self.step("matching items")
        connection.execute("ANALYZE import_rows")
        connection.execute(SESSIONS, names)
        if self.day is not None:
            connection.execute(EARLIER_KEYS, names)
        connection.execute(QUESTIONS, names)
        connection.execute(NEW_ITEMS, names)
        connection.execute(TOPICS, names)
        new = [row[0] for row in connection.execute(VERSIONS, names).fetchall()]
        connection.execute(OPTIONS, names | {"new_versions": new})
        connection.execute(ITEMS, names)
        published = [row[0] for row in connection.execute(PUBLICATIONS, names).fetchall()]
        connection.execute("ANALYZE import_sessions, import_items")
        self.step("matching answers")
        connection.execute(ANSWERS)
        duplicates = connection.execute(DUPLICATES).fetchall()
        accepted = {}
        if counted or duplicates:
            rows = connection.execute(ACCEPTED).fetchall()
            accepted = {(item, score): count for item, score, count in rows}
        earlier = connection.execute(EXISTING).rowcount
        connection.execute(CONFLICTS)
        conflicts = connection.execute(CONFLICTING).fetchall() if earlier else []
        known = connection.execute(KNOWN).rowcount if earlier else 0
        return Matched(
            new=_one(connection, "SELECT count(*) FROM import_answers"),
            known=known - len(conflicts),
            conflicts=conflicts,
            duplicates=duplicates,
            accepted=accepted,
            published=published,
            new_items=len(new),
            unkeyed_items=_unkeyed(connection, new),
        )

    def write(self, batch: int) -> None:
        """Writes what is new, and replaces what conflicts."""
        connection, names = self.connection, self._names | {"batch": batch}
        connection.execute("ANALYZE import_answers")
        self.step("writing quizzes")
        connection.execute(QUIZZES, names)
        connection.execute(GROWN)
        if _one(connection, "SELECT count(*) FROM import_conflicts"):
            for statement in (HISTORY, REPLACED, WITHDRAWN):
                connection.execute(statement, names)
        with keys_checked_by_set(connection):
            self.step("writing items")
            connection.execute(SERVED, names)
            self.step("writing responses")
            connection.execute(RESPONSES, names)


def _one(connection: Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])


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
