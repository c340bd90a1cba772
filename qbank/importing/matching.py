"""The set-based SQL that finds what staged rows are beside what the database has.

It makes the items that are new, and reads all else. What never lives here: reading and judging the
file, and writing what was answered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qbank.importing import sittings
from qbank.importing.sittings import Sittings
from qbank.postgres import Connection

STAGE = """
CREATE TEMP TABLE import_rows (
    line bigint, user_id text, item text, is_correct boolean, option_label text,
    time_ms integer, answered_at timestamptz, topic text, session_key text
) ON COMMIT DROP
"""
COPY = "COPY import_rows FROM STDIN (FORMAT csv)"

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
class Staged:
    """What was staged in ``import_rows``, and where it belongs.

    Attributes:
        actor: who imports.
        step: hears what is being done.
        sittings: what tells a user's sittings apart.
    """

    connection: Connection
    tenant: str
    exam_code: str
    actor: str
    step: Callable[[str], None]
    sittings: Sittings

    @property
    def names(self) -> dict[str, Any]:
        """Parameters of the statements."""
        return {
            "tenant": self.tenant,
            "exam": self.exam_code,
            "actor": self.actor,
        }

    def match(self, *, counted: bool) -> Matched:
        """Makes items and finds what is known; `counted` asks for the accepted rows."""
        connection, names = self.connection, self.names
        self.step("matching items")
        connection.execute("ANALYZE import_rows")
        sittings.tell_apart(connection, names, self.sittings)
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
            new=count(connection, "SELECT count(*) FROM import_answers"),
            known=known - len(conflicts),
            conflicts=conflicts,
            duplicates=duplicates,
            accepted=accepted,
            published=published,
            new_items=len(new),
            unkeyed_items=_unkeyed(connection, new),
        )


def count(connection: Connection, query: str, values: Sequence[Any] = ()) -> int:
    """The number that a query answers."""
    row = connection.execute(query, values or None).fetchone()
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
    return count(connection, query, [new_versions])
