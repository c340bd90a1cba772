"""The set-based SQL that finds the question of each name, and makes those that are new.

A name is its exam's: an item ``1`` of two exams is two questions, unless sharing is asked for.
What never lives here: answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from qbank.errors import ImportFileError
from qbank.postgres import Connection
from qbank.wording import listed

_SHOWN = 3
# as many as letters and digits name
_MOST_OPTIONS = 36
# a question, named q, that its author gave no name goes by its number
ITEM_NAME: Final = "coalesce(q.external_ref, 'question-' || q.id)"

# Questions of each name, the nearest first: one that the exam has had, one that no exam has had
# yet; and where names are shared the tenant's own, and another exam's. The number of a question
# that has no name (ITEM_NAME) says nothing in another exam.
_CANDIDATES = """
CREATE TEMP TABLE import_candidates ON COMMIT DROP AS
WITH n AS (
    SELECT DISTINCT item, CASE WHEN item ~ '^question-[1-9][0-9]{0,17}$'
        THEN substr(item, 10)::bigint END AS number
    FROM import_rows
), q AS (
    SELECT n.item, q.id, q.exam_code, true AS is_named FROM n
    JOIN questions AS q ON q.tenant_id = %(tenant)s AND q.external_ref = n.item
    UNION ALL
    SELECT n.item, q.id, q.exam_code, false FROM n JOIN questions AS q ON q.id = n.number
    WHERE q.tenant_id = %(tenant)s AND q.external_ref IS NULL
)
SELECT q.item, q.id AS question_id, q.exam_code, CASE
        WHEN q.exam_code = %(exam)s OR %(exam)s = ANY(h.exams) THEN 1
        WHEN NOT q.is_named THEN NULL
        WHEN q.exam_code IS NULL AND h.exams IS NULL THEN 2
        WHEN %(shared)s AND q.exam_code IS NULL THEN 3
        WHEN %(shared)s THEN 4
    END AS distance
FROM q
CROSS JOIN LATERAL (
    SELECT array_agg(p.exam_code) AS exams FROM question_publication_history AS p
    WHERE p.question_id = q.id
) AS h
"""
_UNDECIDED = """
SELECT item, array_agg(exam_code ORDER BY exam_code) FROM import_candidates
GROUP BY item HAVING min(distance) = 4 AND count(*) > 1 ORDER BY item
"""
_NAMES = """
CREATE TEMP TABLE import_names ON COMMIT DROP AS
SELECT DISTINCT ON (item) item, question_id FROM import_candidates WHERE distance IS NOT NULL
ORDER BY item, distance, exam_code = %(exam)s DESC NULLS LAST, question_id
"""
_QUESTIONS = """
WITH made AS (
    INSERT INTO questions (tenant_id, exam_code, external_ref, created_by)
    SELECT DISTINCT %(tenant)s, CASE WHEN NOT %(shared)s THEN %(exam)s END, item, %(actor)s
    FROM import_rows WHERE item NOT IN (SELECT item FROM import_names)
    RETURNING external_ref, id
)
INSERT INTO import_names SELECT external_ref, id FROM made
"""

# New items, each with the topic that most of its rows name.
_NEW_ITEMS = """
CREATE TEMP TABLE import_new ON COMMIT DROP AS
SELECT DISTINCT ON (r.item) n.question_id, r.item, coalesce(r.topic, 'Imported') AS topic
FROM import_rows AS r
JOIN import_names AS n USING (item)
WHERE NOT EXISTS (SELECT 1 FROM question_versions AS v WHERE v.question_id = n.question_id)
GROUP BY n.question_id, r.item, r.topic ORDER BY r.item, count(*) DESC, r.topic
"""

_TOPICS = """
INSERT INTO topics (tenant_id, name) SELECT DISTINCT %(tenant)s, topic FROM import_new
ON CONFLICT (tenant_id, parent_id, name) DO NOTHING
"""

_VERSIONS = """
INSERT INTO question_versions (question_id, version, state, stem_md, topic_id, created_by)
SELECT n.question_id, 1, 'published', 'Imported item ' || n.item, t.id, %(actor)s
FROM import_new AS n
JOIN topics AS t ON t.tenant_id = %(tenant)s AND t.parent_id IS NULL AND t.name = n.topic
RETURNING id
"""

# A key is only known where all correct answers chose the same option, or a scoring rule says what
# is right: of several right options the first is marked, and the rule has them all. What people
# wrote, rather than chose, makes none.
_OPTIONS = """
INSERT INTO question_options (question_version_id, option_label, option_text_md, is_correct)
SELECT v.id, seen.option_label,
    CASE WHEN length(seen.option_label) = 1 THEN 'Option ' ELSE '' END || seen.option_label,
    seen.option_label = seen.first_key
FROM (
    SELECT item, option_label,
        min(CASE WHEN count(*) FILTER (WHERE is_correct) > 0 THEN option_label END)
            OVER (PARTITION BY item) AS first_key,
        count(*) OVER (PARTITION BY item) AS options,
        sum((count(*) FILTER (WHERE is_correct) > 0)::integer) OVER (PARTITION BY item) AS keys
    FROM import_rows WHERE option_label IS NOT NULL GROUP BY item, option_label
) AS seen
JOIN import_names AS n USING (item)
JOIN question_versions AS v ON v.question_id = n.question_id AND v.id = ANY(%(new_versions)s)
WHERE (seen.keys = 1 OR (seen.keys > 1 AND seen.item = ANY(%(ruled)s)))
    AND seen.options <= %(most_options)s
"""

# Answers are to the version that is live in the exam, else to the newest one ever published.
_ITEMS = """
CREATE TEMP TABLE import_items ON COMMIT DROP AS
SELECT n.item, n.question_id, coalesce(p.live_version, newest.version) AS version,
    p.question_id IS NULL AS unpublished
FROM import_names AS n
LEFT JOIN question_publications AS p ON p.question_id = n.question_id AND p.exam_code = %(exam)s
CROSS JOIN LATERAL (
    SELECT version FROM question_versions AS v WHERE v.question_id = n.question_id
    ORDER BY state IN ('published', 'retired') DESC, version DESC LIMIT 1
) AS newest
"""

_PUBLICATIONS = """
INSERT INTO question_publications (question_id, live_version, exam_code, tenant_id)
SELECT i.question_id, i.version, %(exam)s, %(tenant)s
FROM import_items AS i
JOIN question_versions AS v ON v.question_id = i.question_id AND v.version = i.version
WHERE i.unpublished AND v.state = 'published'
    -- answers to a void item are kept, and it stays out of the exam
    AND NOT EXISTS (
        SELECT 1 FROM item_scoring AS s WHERE s.exam_code = %(exam)s AND s.rule = 'void'
            AND (s.question_id, s.version) = (i.question_id, i.version)
    )
-- whoever retires the version at this moment is waited for, or waits
FOR SHARE OF v
ON CONFLICT DO NOTHING RETURNING question_id
"""

# Items that other exams have, too; and new ones whose names other exams have for other questions.
_SHARED = """
SELECT p.exam_code, array_agg(i.item ORDER BY i.item) FROM import_items AS i
JOIN question_publications AS p USING (question_id)
WHERE p.exam_code <> %(exam)s GROUP BY 1 ORDER BY 1
"""
_NAMESAKES = """
SELECT p.exam_code, array_agg(DISTINCT n.item ORDER BY n.item) FROM import_new AS n
JOIN questions AS q ON q.tenant_id = %(tenant)s AND q.external_ref = n.item
    AND q.id <> n.question_id
JOIN question_publications AS p ON p.question_id = q.id
WHERE p.exam_code <> %(exam)s GROUP BY 1 ORDER BY count(DISTINCT n.item) DESC, 1
"""
_UNKEYED = """
SELECT count(DISTINCT v.id) FROM question_versions AS v
JOIN import_names AS n USING (question_id)
JOIN import_rows AS r ON r.item = n.item AND r.option_label IS NOT NULL
WHERE v.id = ANY(%(new_versions)s)
    AND NOT EXISTS (SELECT 1 FROM question_options WHERE question_version_id = v.id)
"""


@dataclass(frozen=True)
class Made:
    """What became of an import's items.

    Attributes:
        new: questions that were made.
        unkeyed: of these, items with options that are not made.
        notes: names that other exams have, too.
    """

    new: int
    unkeyed: int
    notes: list[str]


def make(connection: Connection, names: Mapping[str, Any], *, shared: bool) -> Made:
    """Makes ``import_items``: question and version of each name of ``import_rows``.

    Args:
        connection: in the import's transaction.
        names: parameters ``tenant``, ``exam``, ``actor`` and ``ruled``: items that the import has a
            scoring rule of.
        shared: names are the tenant's: items of other exams are found by them.

    Raises:
        ImportFileError: names are shared, and several exams have one.
    """
    names = {**names, "shared": shared, "most_options": _MOST_OPTIONS}
    find(connection, names)
    for statement in (_QUESTIONS, _NEW_ITEMS, _TOPICS):
        connection.execute(statement, names)
    new = [row[0] for row in connection.execute(_VERSIONS, names).fetchall()]
    names["new_versions"] = new
    connection.execute(_OPTIONS, names)
    connection.execute(_ITEMS, names)
    notes = [
        f"exam {exam} has {listed(items, _SHOWN)}, too: the questions are shared"
        for exam, items in connection.execute(_SHARED, names).fetchall()
    ]
    if namesakes := connection.execute(_NAMESAKES, names).fetchall():
        exam, items = namesakes[0]
        more = f", and so have {len(namesakes) - 1} more exams" if len(namesakes) > 1 else ""
        notes.append(
            f"exam {exam} has other questions named {listed(items, _SHOWN)}{more}:"
            " --item-scope tenant shares names"
        )
    unkeyed = connection.execute(_UNKEYED, names).fetchone()
    assert unkeyed is not None  # noqa: S101
    return Made(len(new), unkeyed[0], notes)


def publish(connection: Connection, names: Mapping[str, Any]) -> list[int]:
    """Puts items of ``import_items`` live that are not, and returns their questions."""
    return [row[0] for row in connection.execute(_PUBLICATIONS, names).fetchall()]


def find(connection: Connection, names: Mapping[str, Any]) -> None:
    """Makes ``import_names``: the question of each name of ``import_rows`` that has one.

    Args:
        connection: in the import's transaction.
        names: parameters ``tenant``, ``exam`` and ``shared``, see :func:`make`.

    Raises:
        ImportFileError: names are shared, and several exams have one.
    """
    if names["shared"]:
        # two imports into two exams may bring one new name
        lock = "SELECT pg_advisory_xact_lock(hashtextextended('items of ' || %(tenant)s, 1))"
        connection.execute(lock, names)
    connection.execute(_CANDIDATES, names)
    _refuse_undecided(connection)
    connection.execute(_NAMES, names)


def make_questions(connection: Connection, names: Mapping[str, Any]) -> None:
    """Makes a question for each name of ``import_rows`` that ``import_names`` has not."""
    connection.execute(_QUESTIONS, names)


def _refuse_undecided(connection: Connection) -> None:
    undecided = connection.execute(_UNDECIDED).fetchall()
    if undecided:
        item, exams = undecided[0]
        raise ImportFileError(
            f"{len(undecided)} items cannot be shared by name: {item!r} is another question in "
            f"each of the exams {', '.join(exams)}. Leave --item-scope out, or name them apart"
        )
