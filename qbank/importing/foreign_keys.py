"""Foreign keys of a bulk load, checked once for the set instead of once a row.

A million rows cost Postgres three million trigger calls and as many row locks, about half of the
load. What never lives here: the load itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from qbank.postgres import Connection

_ALLOWED = """
SELECT has_parameter_privilege(current_user, 'session_replication_role', 'SET')
    -- a trigger of the schema's own must see its rows
    AND NOT EXISTS (
        SELECT 1 FROM pg_trigger WHERE NOT tgisinternal AND tgtype & 4 > 0
            AND tgrelid IN ('quiz_items'::regclass, 'user_responses'::regclass)
    )
"""
# Locked as a foreign key locks them: nobody takes a parent away before we commit.
_LOCK_QUIZZES = """
SELECT 1 FROM quiz_sessions AS s JOIN import_sessions AS i ON i.quiz_id = s.id
FOR KEY SHARE OF s
"""
_LOCK_VERSIONS = """
SELECT 1 FROM question_versions AS v JOIN import_items AS i USING (question_id, version)
FOR KEY SHARE OF v
"""
_ORPHANS = """
SELECT
    (SELECT count(*) FROM import_sessions AS i
     WHERE EXISTS (SELECT 1 FROM import_answers AS a WHERE a.quiz_id = i.quiz_id)
        AND NOT EXISTS (SELECT 1 FROM quiz_sessions AS s WHERE s.id = i.quiz_id))
    + (SELECT count(*) FROM import_items AS i WHERE NOT EXISTS (
        SELECT 1 FROM question_versions AS v
        WHERE v.question_id = i.question_id AND v.version = i.version))
"""
# A new sitting's answers are all served by the load itself; an earlier one's may be served already.
_UNSERVED = """
SELECT count(*) FROM import_answers AS a JOIN import_grown AS g USING (quiz_id)
WHERE NOT EXISTS (
    SELECT 1 FROM quiz_items AS q WHERE q.quiz_id = a.quiz_id AND q.question_id = a.question_id
)
"""


@contextmanager
def keys_checked_by_set(connection: Connection) -> Iterator[None]:
    """Suspends row-wise key checks of this transaction's inserts, where the role may do so.

    Before: all parents are locked and seen to be there. After: each answer is seen to be served.
    A role that may not suspend them inserts with the ordinary checks.
    """
    if not _one(connection, _ALLOWED):
        yield
        return
    connection.execute(_LOCK_QUIZZES)
    connection.execute(_LOCK_VERSIONS)
    _none_of(connection, _ORPHANS)
    connection.execute("SET LOCAL session_replication_role = replica")
    yield
    connection.execute("SET LOCAL session_replication_role = origin")
    _none_of(connection, _UNSERVED)


def _none_of(connection: Connection, query: str) -> None:
    if missing := _one(connection, query):
        raise AssertionError(f"{missing} rows of the import lack their parent row")


def _one(connection: Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])
