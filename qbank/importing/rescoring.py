"""Scores answers that are there by another key: a key error is found after the exam.

What an answer scored stays in ``response_history``, and triggers tell the marts. A quiz's sealed
result stays what its owner was told. What never lives here: taking a rescore back (``undoing``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qbank.errors import ImportFileError
from qbank.importing import batches
from qbank.importing.exam import tenant_of_exam
from qbank.importing.key_files import ItemRule, read_key_file
from qbank.importing.loading import CHANGED_ANSWERS
from qbank.importing.reading import fingerprint
from qbank.importing.scoring import LIVE_AGAIN, LIVE_NO_MORE, SET_RULES, write_down
from qbank.postgres import Connection, connect
from qbank.settings import Settings
from qbank.system_user import system_user
from qbank.wording import listed

# The versions of the named items that the exam has: answered or live.
_VERSIONS = """
SELECT DISTINCT q.external_ref, q.id, i.version
FROM questions AS q
JOIN (
    SELECT u.question_id, u.version FROM user_responses AS u
    JOIN quiz_sessions AS s ON s.id = u.quiz_id WHERE s.exam_code = %(exam)s
    UNION SELECT question_id, live_version FROM question_publications WHERE exam_code = %(exam)s
) AS i ON i.question_id = q.id
WHERE q.tenant_id = %(tenant)s AND q.external_ref = ANY(%(items)s)
ORDER BY 1, 3
"""
_STAGE = """
CREATE TEMP TABLE rescore_rules (
    item text, question_id bigint, version integer, rule text, keys text [], was text,
    PRIMARY KEY (question_id, version)
) ON COMMIT DROP
"""
_RULES = "INSERT INTO rescore_rules VALUES (%s, %s, %s, %s, %s, NULL)"
_WAS = """
UPDATE rescore_rules AS n SET was = coalesce(
    (
        SELECT CASE r.rule WHEN 'key' THEN array_to_string(r.keys, '|') ELSE r.rule END
        FROM scoring_rules_in_force AS r WHERE r.exam_code = %(exam)s
            AND (r.question_id, r.version) = (n.question_id, n.version)
    ),
    (
        SELECT o.option_label FROM question_options AS o
        JOIN question_versions AS v ON v.id = o.question_version_id
        WHERE (v.question_id, v.version) = (n.question_id, n.version) AND o.is_correct
    )
)
"""
# Until the end nobody else changes these answers.
_LOCK = """
SELECT 1 FROM user_responses AS u
JOIN rescore_rules AS n USING (question_id, version)
JOIN quiz_sessions AS s ON s.id = u.quiz_id
WHERE s.exam_code = %(exam)s ORDER BY u.id FOR NO KEY UPDATE OF u
"""
# An answer without an option keeps its score: nothing tells what was chosen.
_RESCORED = """
CREATE TEMP TABLE rescored ON COMMIT DROP AS
SELECT u.quiz_id, u.question_id, u.version, u.user_id, u.is_correct AS was_correct,
    u.is_void AS was_void, n.rule = 'key' AND u.option_label IS NULL AS is_unknown,
    CASE n.rule
        WHEN 'key' THEN coalesce(u.option_label = ANY(n.keys), u.is_correct)
        WHEN 'all' THEN true
        ELSE u.is_correct
    END AS is_correct,
    n.rule = 'void' AS is_void
FROM user_responses AS u
JOIN rescore_rules AS n USING (question_id, version)
JOIN quiz_sessions AS s ON s.id = u.quiz_id
WHERE s.exam_code = %(exam)s
"""
_CHANGED = "(is_correct, is_void) IS DISTINCT FROM (was_correct, was_void)"
_BY_ITEM = f"""
SELECT n.item, n.version, n.was,
    CASE n.rule WHEN 'key' THEN array_to_string(n.keys, '|') ELSE n.rule END,
    count(r.quiz_id), count(r.quiz_id) FILTER (WHERE {_CHANGED}),
    count(r.quiz_id) FILTER (WHERE is_unknown),
    avg(was_correct::integer)::float8, avg(is_correct::integer)::float8
FROM rescore_rules AS n LEFT JOIN rescored AS r USING (question_id, version)
GROUP BY n.item, n.question_id, n.version, n.was, n.rule, n.keys ORDER BY n.item, n.version
"""  # noqa: S608
_IN_ALL = f"""
SELECT count(DISTINCT r.user_id), (
    SELECT count(*) FROM quiz_results AS q
    WHERE q.quiz_id IN (SELECT o.quiz_id FROM rescored AS o WHERE {_CHANGED})
)
FROM rescored AS r WHERE {_CHANGED}
"""  # noqa: S608
_BATCH = """
INSERT INTO import_batches (kind, exam_code, source_name, source_sha256, imported_by, why,
    rows_read, rows_inserted, rows_known, rows_replaced, rows_rejected)
VALUES ('rescore', %(exam)s, %(name)s, %(sha256)s, %(actor)s, %(why)s,
    %(answers)s, 0, %(answers)s - %(changed)s, %(changed)s, 0)
RETURNING id
"""
_INSERT = SET_RULES.format(rules="rescore_rules")
_HISTORY = CHANGED_ANSWERS.format(
    changes=f"(SELECT * FROM rescored WHERE {_CHANGED})",  # noqa: S608
    option="u.option_label",
    is_void="n.is_void",
)
_UPDATE = f"""
UPDATE user_responses AS u
SET is_correct = r.is_correct, is_void = r.is_void, import_batch_id = %(batch)s
FROM (SELECT * FROM rescored WHERE {_CHANGED}) AS r
WHERE (u.quiz_id, u.question_id) = (r.quiz_id, r.question_id)
"""  # noqa: S608


@dataclass(frozen=True)
class RescoredItem:
    """What a key does to the answers to one item version.

    Attributes:
        was: key before it, as a file of keys writes it; None where there was none.
        key: the key that is given.
        answers: answers in the exam.
        changed: of these, those that score something else, or count no more or again.
        without_option: of these, those that keep their score because no option was recorded.
        p_before, p_after: share of right answers, 0 to 1; None without answers.
    """

    item: str
    version: int
    was: str | None
    key: str
    answers: int
    changed: int
    without_option: int
    p_before: float | None
    p_after: float | None


@dataclass(frozen=True)
class Rescored:
    """What a rescore did, or would do.

    Attributes:
        people: whose score changes, and with the next night their ability.
        sealed_results: results of delivery that stay as they were told.
        batch: its number among the imports; None where nothing was written.
    """

    items: list[RescoredItem] = field(default_factory=list)
    people: int = 0
    sealed_results: int = 0
    batch: int | None = None


def rescore(
    exam_code: str,
    key: Path,
    *,
    why: str | None = None,
    dry_run: bool = False,
    actor: str | None = None,
    settings: Settings | None = None,
) -> Rescored:
    """Scores an exam's answers by a file of keys, in one transaction.

    Args:
        exam_code: of the exam; answers to the same items in other exams stay.
        key: file ``item,key`` of the items whose key is another one.
        why: kept with the rules.
        dry_run: only tells what would change.
        actor: who does it; None is the system user.
        settings: those of the process where None.

    Raises:
        ImportFileError: the exam or an item is unknown, a key is none, or nothing tells what was
            chosen.
    """
    entries = read_key_file(key)
    with connect("owner", settings=settings) as connection:
        tenant = tenant_of_exam(connection, exam_code, None, None)
        batches.lock(connection, exam_code)
        names = {
            "exam": exam_code,
            "tenant": tenant,
            "actor": actor or f"rescore:{system_user()}",
            "why": why or None,
            "name": key.name,
            "sha256": fingerprint(key),
        }
        _stage(connection, key, entries, names)
        found = _found(connection, names)
        _refuse_unknown_options(key, found)
        same = all(item.was == item.key and not item.changed for item in found.items)
        if dry_run or same:
            connection.rollback()
            return found
        return _write(connection, found, names)


def _stage(
    connection: Connection,
    key: Path,
    entries: Mapping[tuple[str, int | None], ItemRule],
    names: Mapping[str, Any],
) -> None:
    connection.execute(_STAGE)
    items = {item for item, _ in entries}
    versions: dict[str, list[tuple[int, int]]] = {}
    for item, *where in connection.execute(_VERSIONS, {**names, "items": [*items]}).fetchall():
        versions.setdefault(item, []).append((where[0], where[1]))
    rows = []
    for entry in entries.values():
        there = versions.get(entry.item, [])
        chosen = [(q, v) for q, v in there if entry.version in (None, v)]
        if len(chosen) != 1:
            raise ImportFileError(_no_such(key, entry, names["exam"], [v for _, v in there]))
        rows.append((entry.item, *chosen[0], entry.rule.rule, [*entry.rule.keys]))
    named = Counter((question, version) for _, question, version, *_ in rows)
    repeated = (item for item, question, version, *_ in rows if named[question, version] > 1)
    twice = next(repeated, None)
    if twice is not None:
        raise ImportFileError(
            f"{key}: item {twice!r} is named with and without its version: keep one line"
        )
    with connection.cursor() as cursor:
        cursor.executemany(_RULES, rows)
    connection.execute(_WAS, names)
    connection.execute(_LOCK, names)
    connection.execute(_RESCORED, names)


def _no_such(key: Path, entry: ItemRule, exam_code: str, versions: list[int]) -> str:
    start = f"{key}: line {entry.line}: item {entry.item!r}"
    if not versions:
        return f"{start} is no item of exam {exam_code!r}"
    told = ", ".join(map(str, versions))
    if entry.version is not None:
        return f"{start} has no version {entry.version} in exam {exam_code!r}: it has {told}"
    return f"{start} was answered in versions {told}: say which in a column version"


def _found(connection: Connection, names: Mapping[str, Any]) -> Rescored:
    items = [RescoredItem(*row) for row in connection.execute(_BY_ITEM).fetchall()]
    people, sealed = connection.execute(_IN_ALL).fetchone() or (0, 0)
    return Rescored(items, people, sealed)


def _refuse_unknown_options(key: Path, found: Rescored) -> None:
    blind = [item for item in found.items if item.answers and item.without_option == item.answers]
    if blind:
        named = listed([item.item for item in blind], 5)
        raise ImportFileError(
            f"{key}: no answer to {named} has an option, so that no key can score it: import "
            "the answers with --option-col, or give the item all or void"
        )


def _write(connection: Connection, found: Rescored, names: dict[str, Any]) -> Rescored:
    counts = {
        "answers": sum(item.answers for item in found.items),
        "changed": sum(item.changed for item in found.items),
    }
    row = connection.execute(_BATCH, names | counts).fetchone()
    assert row is not None  # noqa: S101
    names["batch"] = row[0]
    for statement in (_INSERT, _HISTORY, _UPDATE, LIVE_NO_MORE, LIVE_AGAIN):
        connection.execute(statement, names)
    told = {
        f"{item.item} v{item.version}": {
            "was": item.was,
            "key": item.key,
            "changed": item.changed,
        }
        for item in found.items
    }
    write_down(connection, names, {"why": names["why"], "items": told})
    return Rescored(found.items, found.people, found.sealed_results, row[0])
