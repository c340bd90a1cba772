"""What a changed key does to the answers that are there, before anything is written.

What never lives here: writing it (``rescoring``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from qbank.errors import ImportFileError
from qbank.importing.key_files import ItemRule
from qbank.importing.rescored import Rescored, RescoredItem
from qbank.postgres import Connection
from qbank.wording import listed

# The versions of the named items that the exam has: answered, live, or void.
_VERSIONS = """
SELECT DISTINCT q.external_ref, q.id, i.version
FROM questions AS q
JOIN (
    SELECT u.question_id, u.version FROM user_responses AS u
    JOIN quiz_sessions AS s ON s.id = u.quiz_id WHERE s.exam_code = %(exam)s
    UNION SELECT question_id, live_version FROM question_publications WHERE exam_code = %(exam)s
    UNION SELECT question_id, version FROM scoring_rules_in_force
    WHERE exam_code = %(exam)s AND rule = 'void'
) AS i ON i.question_id = q.id
WHERE q.tenant_id = %(tenant)s AND q.external_ref = ANY(%(items)s)
ORDER BY 1, 3
"""
_STAGE = """
CREATE TEMP TABLE rescore_rules (
    item text, question_id bigint, version integer, rule text, keys text [], max_score numeric,
    credit jsonb, was text,
    PRIMARY KEY (question_id, version)
) ON COMMIT DROP
"""
_RULES = "INSERT INTO rescore_rules VALUES (%s, %s, %s, %s, %s, %s, %s)"
_WAS = """
UPDATE rescore_rules AS n
SET was = scoring_text(s.rule, s.keys, s.credit, s.max_score),
    max_score = coalesce(n.max_score, s.max_score)
FROM item_scoring AS s
WHERE s.exam_code = %(exam)s AND (s.question_id, s.version) = (n.question_id, n.version)
"""
# Until the end nobody else changes these answers.
_LOCK = """
SELECT 1 FROM user_responses AS u
JOIN rescore_rules AS n USING (question_id, version)
JOIN quiz_sessions AS s ON s.id = u.quiz_id
WHERE s.exam_code = %(exam)s ORDER BY u.id FOR NO KEY UPDATE OF u
"""
_RESCORED = """
CREATE TEMP TABLE rescored (
    quiz_id text, question_id bigint, version integer, user_id text, option_label text,
    was_correct boolean, was_score numeric, was_max_score numeric, was_void boolean,
    is_correct boolean, score numeric, max_score numeric, is_void boolean, is_late boolean,
    is_counted boolean,
    PRIMARY KEY (quiz_id, question_id)
) ON COMMIT DROP
"""
# An answer without an option keeps its score: nothing tells what was chosen. Answers of a void
# sitting are scored, too, for it may come back; till then they count in no figure.
FIND_ANSWERS = """
INSERT INTO rescored
SELECT u.quiz_id, u.question_id, u.version, u.user_id, u.option_label, u.is_correct, u.score,
    u.max_score, u.is_void, o.is_correct, o.score, o.max_score, n.rule = 'void', %(late)s,
    s.voided_at IS NULL
FROM user_responses AS u
JOIN rescore_rules AS n USING (question_id, version)
JOIN quiz_sessions AS s ON s.id = u.quiz_id
CROSS JOIN LATERAL scored_by(
    n.rule, n.keys, n.credit, n.max_score, u.option_label::text, u.is_correct, u.score, u.max_score
) AS o
WHERE s.exam_code = %(exam)s
ON CONFLICT DO NOTHING
"""
CHANGED = """(is_correct, score, max_score, is_void)
    IS DISTINCT FROM (was_correct, was_score, was_max_score, was_void)"""
_TOO_MANY = """
SELECT n.item, scoring_text(n.rule, n.keys, n.credit, n.max_score), trim_scale(max(r.score))
FROM rescored AS r JOIN rescore_rules AS n USING (question_id, version)
WHERE r.score > r.max_score GROUP BY 1, 2 ORDER BY 1
"""
# Item-rest correlations: of the item's score with that of the other items of the sitting.
_BY_ITEM = f"""
WITH totals AS (
    SELECT u.quiz_id, count(*) FILTER (WHERE u.is_correct AND NOT u.is_void) AS was,
        count(*) FILTER (WHERE coalesce(r.is_correct, u.is_correct)
            AND NOT coalesce(r.is_void, u.is_void)) AS now
    FROM user_responses AS u LEFT JOIN rescored AS r USING (quiz_id, question_id)
    WHERE u.quiz_id IN (SELECT o.quiz_id FROM rescored AS o) GROUP BY 1
)
SELECT n.item, n.version, n.was,
    scoring_text(n.rule, n.keys, n.credit, n.max_score),
    count(r.quiz_id), count(r.quiz_id) FILTER (WHERE r.is_changed),
    count(r.quiz_id) FILTER (WHERE n.rule = 'key' AND r.option_label IS NULL),
    avg(was_correct::integer)::float8, avg(is_correct::integer)::float8,
    corr(was_correct::integer, t.was - (was_correct AND NOT was_void)::integer)
        FILTER (WHERE NOT was_void),
    corr(is_correct::integer, t.now - (is_correct AND NOT is_void)::integer)
        FILTER (WHERE NOT is_void),
    ARRAY(
        SELECT k FROM unnest(n.keys) AS k WHERE NOT EXISTS (
            SELECT FROM rescored AS o WHERE (o.question_id, o.version) = (n.question_id, n.version)
                AND o.is_counted AND o.option_label = k)
    ), ARRAY(
        SELECT k FROM unnest(n.keys) AS k, question_versions AS v
        WHERE (v.question_id, v.version) = (n.question_id, n.version)
            AND EXISTS (SELECT FROM question_options WHERE question_version_id = v.id)
            AND NOT EXISTS (
                SELECT FROM question_options WHERE question_version_id = v.id AND option_label = k)
    ), cardinality(n.keys),
    avg(coalesce(was_score / was_max_score, was_correct::integer))::float8,
    avg(coalesce(score / r.max_score, is_correct::integer))::float8
FROM rescore_rules AS n
LEFT JOIN (SELECT *, {CHANGED} AS is_changed FROM rescored) AS r ON r.is_counted
    AND (r.question_id, r.version) = (n.question_id, n.version)
LEFT JOIN totals AS t ON t.quiz_id = r.quiz_id
GROUP BY n.item, n.question_id, n.version, n.was, n.rule, n.keys, n.credit, n.max_score
ORDER BY n.item, n.version
"""  # noqa: S608
_IN_ALL = f"""
SELECT count(DISTINCT r.user_id) FILTER (WHERE r.is_counted), (
    SELECT count(DISTINCT q.quiz_id) FROM quiz_results AS q
    WHERE q.quiz_id IN (
        SELECT o.quiz_id FROM rescored AS o
        WHERE (is_correct, is_void) IS DISTINCT FROM (was_correct, was_void)
    )
)
FROM rescored AS r WHERE {CHANGED}
"""  # noqa: S608


def stage(
    connection: Connection,
    key: Path,
    entries: Mapping[tuple[str, int | None], ItemRule],
    names: Mapping[str, Any],
) -> None:
    """Finds the answers that a key scores, and what they score by it: ``rescored``.

    Args:
        connection: in the transaction of the rescore.
        key: the file, for messages.
        entries: its rules, by item and version.
        names: parameters ``exam`` and ``tenant``.

    Raises:
        ImportFileError: an item is unknown, or its version is not told.
    """
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
        rule, keys, most, credit = entry.rule.row()
        rows.append((entry.item, *chosen[0], rule, keys, most, Jsonb(credit)))
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
    connection.execute(_RESCORED)
    connection.execute(FIND_ANSWERS, {**names, "late": False})
    connection.execute("ANALYZE rescored")


def _no_such(key: Path, entry: ItemRule, exam_code: str, versions: list[int]) -> str:
    start = f"{key}: line {entry.line}: item {entry.item!r}"
    if not versions:
        return f"{start} is no item of exam {exam_code!r}"
    told = ", ".join(map(str, versions))
    if entry.version is not None:
        return f"{start} has no version {entry.version} in exam {exam_code!r}: it has {told}"
    return f"{start} was answered in versions {told}: say which in a column version"


def found(connection: Connection) -> Rescored:
    """What the rules that were staged do to the answers that were found."""
    items = [RescoredItem(*row) for row in connection.execute(_BY_ITEM).fetchall()]
    people, sealed = connection.execute(_IN_ALL).fetchone() or (0, 0)
    return Rescored(items, people, sealed)


def refuse_unknown_options(key: Path, effects: Rescored) -> None:
    """Refuses a key for answers of which nobody knows what was chosen.

    Raises:
        ImportFileError: names the items and the ways out.
    """
    blind = [item for item in effects.items if item.answers and item.without_option == item.answers]
    if blind:
        named = listed([item.item for item in blind], 5)
        raise ImportFileError(
            f"{key}: no answer to {named} has an option, so that no key can score it: import "
            "the answers with --option-col, or give the item all or void"
        )


def refuse_too_many_points(connection: Connection, key: Path) -> None:
    """Refuses a key by which an item gives fewer points than answers to it have.

    Raises:
        ImportFileError: names the items.
    """
    found = connection.execute(_TOO_MANY).fetchall()
    if found:
        told = [f"{item} ({rule}, an answer has {most})" for item, rule, most in found]
        raise ImportFileError(
            f"{key}: answers have more points than the item gives: {listed(told, 5)}"
        )


def refuse_unchosen(key: Path, effects: Rescored) -> None:
    """Refuses a key that makes everybody wrong.

    Raises:
        ImportFileError: names the items and the option that allows it.
    """
    partial = [f"{item.item} ({item.key})" for item in effects.items if item.nobody_has_all]
    if partial:
        raise ImportFileError(
            f"{key}: nobody has all points of {listed(partial, 5)}, so that everybody would be "
            "wrong: import the answers again with their points (--max-score), or say "
            "--allow-unchosen where nobody was right"
        )
    unchosen = [f"{item.item} ({item.key})" for item in effects.items if item.is_unchosen]
    if unchosen:
        raise ImportFileError(
            f"{key}: nobody chose the key of {listed(unchosen, 5)}, so that everybody would be "
            "wrong: correct the file (A|B is written where each of them is right), or say "
            "--allow-unchosen where the key is right all the same"
        )
