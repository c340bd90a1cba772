"""Takes back what an import of items wrote and put live, where nobody built on it since.

What never lives here: imports of responses, and rescores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qbank.errors import ImportFileError
from qbank.importing.items import ITEM_NAME
from qbank.postgres import Connection
from qbank.wording import listed

# What the import put live: the version that was live before, if any, and the one that it made live.
_LIVE = """
CREATE TEMP TABLE undo_live ON COMMIT DROP AS
SELECT l.key::bigint AS question_id, (l.value ->> 0)::integer AS was,
    (l.value ->> 1)::integer AS now, b.exam_code, b.created_at AS since
FROM import_batches AS b CROSS JOIN jsonb_each(coalesce(b.mapping -> 'live', '{}')) AS l
WHERE b.id = %(batch)s
"""
# authors who publish wait, or were before
_LOCK = """
SELECT q.id FROM questions AS q WHERE q.id IN (
    SELECT question_id FROM undo_live
    UNION SELECT question_id FROM question_versions WHERE import_batch_id = %(batch)s
) ORDER BY q.id FOR UPDATE
"""
# Versions that somebody was served, reviewed or wrote on, stay; and so do those that somebody else
# put live, in this exam or another.
_WRITTEN_IN_USE = f"""
SELECT {ITEM_NAME}, CASE
        WHEN EXISTS (
            SELECT 1 FROM quiz_items AS i
            WHERE (i.question_id, i.version) = (v.question_id, v.version)
        ) THEN 'was served'
        WHEN EXISTS (
            SELECT 1 FROM item_calibration AS k
            WHERE (k.question_id, k.version) = (v.question_id, v.version)
        ) THEN 'has parameters'
        WHEN EXISTS (SELECT 1 FROM question_reviews AS r WHERE r.question_version_id = v.id)
        THEN 'was reviewed'
        WHEN EXISTS (
            SELECT 1 FROM question_versions AS w
            WHERE w.question_id = v.question_id AND w.version > v.version AND w.state <> 'retired'
        ) THEN 'has a newer version'
        ELSE (
            SELECT CASE WHEN p.exam_code = %(exam)s
                THEN 'was published since' ELSE 'is live in exam ' || p.exam_code END
            FROM question_publications AS p
            WHERE (p.question_id, p.live_version) = (v.question_id, v.version)
                AND NOT EXISTS (
                    SELECT 1 FROM undo_live AS l
                    WHERE (l.exam_code, l.question_id, l.now)
                        = (p.exam_code, p.question_id, p.live_version)
                )
            ORDER BY p.exam_code LIMIT 1
        )
    END AS why
FROM question_versions AS v JOIN questions AS q ON q.id = v.question_id
WHERE v.import_batch_id = %(batch)s
"""  # noqa: S608
_LIVE_IN_USE = f"""
SELECT {ITEM_NAME}, CASE
        WHEN later.id IS NOT NULL THEN 'was published by import ' || later.id
        WHEN p.live_version <> l.now THEN 'is live as version ' || p.live_version
        WHEN EXISTS (
            SELECT 1 FROM quiz_items AS i JOIN quiz_sessions AS s ON s.id = i.quiz_id
            WHERE (i.question_id, i.version) = (l.question_id, l.now)
                AND s.exam_code = l.exam_code
                AND (i.served_at >= l.since OR i.import_batch_id > %(batch)s)
        ) THEN 'was served'
        WHEN v.state <> 'published' THEN 'had version ' || l.was || ', which is ' || v.state
    END AS why
FROM undo_live AS l
JOIN questions AS q ON q.id = l.question_id
-- one that was taken out since is not put in again
LEFT JOIN question_publications AS p
    ON (p.exam_code, p.question_id) = (l.exam_code, l.question_id)
LEFT JOIN question_versions AS v ON (v.question_id, v.version) = (l.question_id, l.was)
LEFT JOIN LATERAL (
    SELECT b.id FROM import_batches AS b
    WHERE b.exam_code = l.exam_code AND b.kind = 'items' AND b.id > %(batch)s
        AND b.undone_at IS NULL AND b.mapping -> 'live' ? l.question_id::text
    ORDER BY b.id LIMIT 1
) AS later ON true
"""  # noqa: S608
_LIVE_AS_BEFORE = """
UPDATE question_publications AS p SET live_version = l.was, published_at = now()
FROM undo_live AS l
WHERE (p.exam_code, p.question_id, p.live_version) = (l.exam_code, l.question_id, l.now)
    AND l.was IS NOT NULL
"""
_NOT_LIVE_BEFORE = """
DELETE FROM question_publications AS p USING undo_live AS l
WHERE (p.exam_code, p.question_id, p.live_version) = (l.exam_code, l.question_id, l.now)
    AND l.was IS NULL
"""
# what was published never goes
_RETIRED = """
UPDATE question_versions SET state = 'retired'
WHERE import_batch_id = %(batch)s AND state = 'published'
"""
_NO_OPTIONS = """
DELETE FROM question_options AS o USING question_versions AS v
WHERE v.id = o.question_version_id AND v.import_batch_id = %(batch)s AND v.state <> 'retired'
"""
_NO_VERSIONS = """
DELETE FROM question_versions WHERE import_batch_id = %(batch)s AND state <> 'retired'
RETURNING question_id
"""
_NO_QUESTIONS = """
DELETE FROM questions AS q WHERE q.id = ANY(%(questions)s)
    AND NOT EXISTS (SELECT 1 FROM question_versions AS v WHERE v.question_id = q.id)
"""


def take_back(connection: Connection, names: Mapping[str, Any]) -> tuple[int, int]:
    """Takes an import of items back in the connection's transaction.

    Args:
        connection: holds the lock of the exam's imports.
        names: parameters ``batch`` and ``exam``.

    Returns:
        How many items are no longer live, and how many versions were removed or retired.

    Raises:
        ImportFileError: names items that are in use.
    """
    connection.execute(_LIVE, names)
    connection.execute(_LOCK, names)
    used = {
        item: why
        for query in (_LIVE_IN_USE, _WRITTEN_IN_USE)
        for item, why in connection.execute(query, names).fetchall()
        if why
    }
    if used:
        told = listed([f"{item} {why}" for item, why in sorted(used.items())], 3)
        raise ImportFileError(
            f"items of import {names['batch']} are in use: {told}. Undo later imports first, retire"
            " the items instead, or import them as they were"
        )
    connection.execute(_LIVE_AS_BEFORE, names)
    items = connection.execute(_NOT_LIVE_BEFORE, names).rowcount
    retired = connection.execute(_RETIRED, names).rowcount
    connection.execute(_NO_OPTIONS, names)
    gone = [row[0] for row in connection.execute(_NO_VERSIONS, names).fetchall()]
    connection.execute(_NO_QUESTIONS, {"questions": gone})
    return items, retired + len(gone)
