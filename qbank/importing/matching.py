"""The set-based SQL that finds what staged rows are beside what the database has.

What never lives here: reading and judging the file, items (``items``), and writing what was
answered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qbank.importing import items, sittings
from qbank.importing.items import Made
from qbank.importing.sittings import Sittings
from qbank.postgres import Connection

STAGE = """
CREATE TEMP TABLE import_rows (
    line bigint, user_id text, item text, is_correct boolean, option_label text,
    time_ms integer, answered_at timestamptz, topic text, session_key text,
    score numeric, max_score numeric
) ON COMMIT DROP
"""
COPY = "COPY import_rows FROM STDIN (FORMAT csv)"

ANSWERS = """
CREATE TEMP TABLE import_answers ON COMMIT DROP AS
SELECT r.line, s.quiz_id, s.session_no, r.user_id, i.question_id, i.version, r.is_correct,
    r.option_label, r.time_ms, r.answered_at, r.score, r.max_score,
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
    u.option_label AS was_option_label, u.score AS was_score, u.max_score AS was_max_score,
    a.is_correct, a.option_label, a.score, a.max_score, a.time_ms
FROM import_answers AS a
JOIN import_grown AS g USING (quiz_id)
JOIN user_responses AS u USING (quiz_id, question_id)
JOIN import_items AS i USING (question_id)
WHERE (a.is_correct, a.score, a.max_score) IS DISTINCT FROM (u.is_correct, u.score, u.max_score)
    OR a.option_label <> u.option_label
"""
CONFLICTING = """
SELECT line, user_id, item, was_correct, trim_scale(was_score), trim_scale(was_max_score),
    was_option_label, is_correct, trim_scale(score), trim_scale(max_score), option_label
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
        made: what became of the items.
    """

    new: int
    known: int
    conflicts: list[tuple[Any, ...]]
    duplicates: list[tuple[Any, ...]]
    accepted: dict[tuple[str, bool | None], int]
    made: Made


@dataclass(frozen=True)
class Staged:
    """What was staged in ``import_rows``, and where it belongs.

    Attributes:
        actor: who imports.
        step: hears what is being done.
        sittings: what tells a user's sittings apart.
        shared: names of items are the tenant's, and not the exam's own.
        ruled: items that the import has a scoring rule of.
    """

    connection: Connection
    tenant: str
    exam_code: str
    actor: str
    step: Callable[[str], None]
    sittings: Sittings
    shared: bool
    ruled: Sequence[str]

    @property
    def names(self) -> dict[str, Any]:
        """Parameters of the statements."""
        return {
            "tenant": self.tenant,
            "exam": self.exam_code,
            "actor": self.actor,
            "ruled": list(self.ruled),
        }

    def match(self, *, counted: bool) -> Matched:
        """Makes items and finds what is known; `counted` asks for the accepted rows."""
        connection, names = self.connection, self.names
        self.step("matching items")
        connection.execute("ANALYZE import_rows")
        told = sittings.tell_apart(connection, names, self.sittings)
        made = items.make(connection, names, shared=self.shared)
        made = replace(made, notes=[*told, *made.notes])
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
            made=made,
        )


def count(connection: Connection, query: str, values: Sequence[Any] = ()) -> int:
    """The number that a query answers."""
    row = connection.execute(query, values or None).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])


def conflict_of(row: tuple[object, ...]) -> str:
    """What a row of ``CONFLICTING`` says."""
    user, item = row[1:3]
    return (
        f"user '{user}' has item '{item}' as {_answer(*row[3:7])}, "
        f"the file says {_answer(*row[7:])}"
    )


def _answer(is_correct: object, points: object, most: object, option: object) -> str:
    said = "not answered" if is_correct is None else str(int(bool(is_correct)))
    said = said if points is None else f"{points} of {most}"
    return said if option is None else f"{said} ({option})"
