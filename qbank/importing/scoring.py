"""Scoring rules in the database: which are in force, and the rules of an import or a rescore.

What never lives here: scoring, and changing answers that are there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from qbank.errors import ImportFileError
from qbank.importing.keys import ScoringRule, rule_of
from qbank.postgres import Connection
from qbank.stores import audit
from qbank.wording import listed

_IN_FORCE = """
SELECT q.external_ref, s.rule, s.keys, s.max_score, s.credit
FROM (
    SELECT question_id, live_version AS version FROM question_publications
    WHERE exam_code = %(exam)s
    UNION SELECT question_id, version FROM scoring_rules_in_force
    WHERE exam_code = %(exam)s AND rule = 'void'
) AS i
JOIN questions AS q ON q.id = i.question_id
LEFT JOIN item_scoring AS s
    ON s.exam_code = %(exam)s AND (s.question_id, s.version) = (i.question_id, i.version)
WHERE q.external_ref IS NOT NULL ORDER BY q.external_ref, i.version
"""

# Whoever brings rules into force, or takes them back, does the last of it alone: answers and
# results of delivery wait, and then see them.
ALONE = "SELECT pg_advisory_xact_lock(scoring_lock(%(exam)s))"
_STAGE = """
CREATE TEMP TABLE import_rules (
    item text PRIMARY KEY, rule text NOT NULL, keys text [] NOT NULL, max_score numeric NOT NULL,
    credit jsonb NOT NULL
) ON COMMIT DROP
"""
# What live or answered versions are scored by otherwise; answers without a key have scores of their
# own. `batch` is the import's number, null before it has one: its own answers tell nothing.
_OTHERWISE = """
SELECT n.item, s.rule, s.keys, s.max_score, s.credit
FROM import_rules AS n JOIN import_items AS i USING (item)
JOIN item_scoring AS s ON s.exam_code = %(exam)s
    AND (s.question_id, s.version) = (i.question_id, i.version)
WHERE (s.rule, s.keys, s.max_score, s.credit)
        IS DISTINCT FROM (n.rule, n.keys, n.max_score, n.credit)
    AND (s.rule IS NOT NULL OR n.rule <> 'key')
    AND (
        EXISTS (
            SELECT 1 FROM question_publications AS p WHERE p.exam_code = %(exam)s
                AND (p.question_id, p.live_version) = (i.question_id, i.version)
        ) OR EXISTS (
            SELECT 1 FROM user_responses AS u JOIN quiz_sessions AS q ON q.id = u.quiz_id
            WHERE (u.question_id, u.version) = (i.question_id, i.version)
                AND q.exam_code = %(exam)s
                AND (u.import_batch_id = %(batch)s::bigint) IS NOT TRUE
        )
    )
ORDER BY n.item
"""
# Each batch writes down the rules that it scored by: they stay when an earlier one is undone.
# `rules` has question_id, version, rule, keys, max_score and credit.
SET_RULES = """
INSERT INTO scoring_rules (import_batch_id, exam_code, question_id, version, rule, keys, max_score,
    credit, was_live, set_by, why)
SELECT %(batch)s, %(exam)s, n.question_id, n.version, n.rule, n.keys, n.max_score, n.credit,
    n.rule = 'void' AND (p.question_id IS NOT NULL OR coalesce(r.was_live, false)),
    %(actor)s, %(why)s
FROM {rules} AS n
LEFT JOIN question_publications AS p ON p.exam_code = %(exam)s
    AND (p.question_id, p.live_version) = (n.question_id, n.version)
LEFT JOIN scoring_rules_in_force AS r ON r.exam_code = %(exam)s
    AND (r.question_id, r.version) = (n.question_id, n.version)
"""
_INSERT = SET_RULES.format(rules="(import_rules JOIN import_items USING (item))")
# A void item is not live; `batch` names the import that set its rule, or that was undone.
LIVE_NO_MORE = """
DELETE FROM question_publications AS p
USING scoring_rules AS s, scoring_rules_in_force AS r
WHERE s.import_batch_id = %(batch)s AND r.rule = 'void'
    AND (r.exam_code, r.question_id, r.version) = (s.exam_code, s.question_id, s.version)
    AND (p.exam_code, p.question_id, p.live_version) = (s.exam_code, s.question_id, s.version)
"""
# What the newest void took from the exam comes back when the item is void no more.
LIVE_AGAIN = """
INSERT INTO question_publications (question_id, live_version, exam_code, tenant_id)
SELECT s.question_id, s.version, s.exam_code, e.tenant_id
FROM scoring_rules AS s JOIN exams AS e USING (exam_code)
JOIN question_versions AS v USING (question_id, version)
WHERE s.import_batch_id = %(batch)s AND v.state = 'published'
    AND (
        SELECT o.was_live FROM scoring_rules AS o
        WHERE (o.exam_code, o.question_id, o.version) = (s.exam_code, s.question_id, s.version)
            AND o.rule = 'void'
        ORDER BY o.id DESC LIMIT 1
    )
    AND NOT EXISTS (
        SELECT 1 FROM scoring_rules_in_force AS r WHERE r.rule = 'void'
            AND (r.exam_code, r.question_id, r.version) = (s.exam_code, s.question_id, s.version)
    )
FOR SHARE OF v
ON CONFLICT DO NOTHING
"""
_CHOSEN = """
SELECT item, array_agg(DISTINCT option_label) FROM import_rows
WHERE item = ANY(%s) AND option_label IS NOT NULL GROUP BY 1 ORDER BY 1
"""
_VOID = """
SELECT i.question_id
FROM import_items AS i LEFT JOIN import_rules AS n USING (item)
LEFT JOIN scoring_rules_in_force AS r ON r.exam_code = %(exam)s
    AND (r.question_id, r.version) = (i.question_id, i.version)
WHERE coalesce(n.rule, r.rule) = 'void'
"""


def in_force(connection: Connection, exam_code: str) -> dict[str, ScoringRule | None]:
    """The rules of an exam's items, by item; None where neither rule nor option tells the key."""
    found = connection.execute(_IN_FORCE, {"exam": exam_code}).fetchall()
    return {item: rule_of(*rule) for item, *rule in found}


def refuse_another_key(
    exam_code: str, rules: Mapping[str, ScoringRule], known: Mapping[str, ScoringRule | None]
) -> None:
    """Refuses rules that are others than those by which the exam's answers were scored.

    Raises:
        ImportFileError: names the items and the command that changes a key.
    """
    others = [
        item
        for item, rule in rules.items()
        # answers without a key have scores of their own
        if item in known and known[item] != rule and (known[item] or rule.rule != "key")
    ]
    _refuse(exam_code, {item: known[item] for item in others}, rules)


def refuse_several_in_one(
    connection: Connection, file: Path, rules: Mapping[str, ScoringRule]
) -> None:
    """Refuses a key like ``AB`` that nobody chose, where people chose A, and B.

    Args:
        connection: in the transaction of the import, which has staged its rows.
        file: for the message.
        rules: those that the import brings, by item.

    Raises:
        ImportFileError: names the items, and how each meaning is written.
    """
    codes = {item: rule.keys for item, rule in rules.items() if rule.has_codes}
    if not codes:
        return
    for item, chosen in connection.execute(_CHOSEN, (list(codes),)).fetchall():
        for key in {*codes[item]} - {*chosen}:
            words = re.findall(r"\w+", key)
            parts = words if len(words) > 1 else [*key]
            if len(parts) > 1 and {*parts} <= {*chosen}:
                raise ImportFileError(
                    f"{file}: nobody chose the key of item {item!r}, {key}, and people chose "
                    f"{listed(parts, 5)}: write {'|'.join(parts)} where each of them is right, or "
                    f"say --option-codes where {key} is one option"
                )


def stage(connection: Connection, rules: Mapping[str, ScoringRule]) -> None:
    """Makes ``import_rules`` of an import's rules, by item."""
    connection.execute(_STAGE)
    rows = ((item, rule.settled(None).row()) for item, rule in rules.items())
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO import_rules VALUES (%s, %s, %s, %s, %s)",
            [(item, *row[:3], Jsonb(row[3])) for item, row in rows],
        )


def refuse_another_scoring(
    connection: Connection, rules: Mapping[str, ScoringRule], names: Mapping[str, Any]
) -> None:
    """Refuses rules that were staged where the versions that were matched are scored otherwise.

    That of an item which is live no more, but was answered, counts, and so does what was published
    while the import ran.

    Args:
        connection: in the transaction of the import, which has matched its items.
        rules: those that were staged.
        names: parameters ``exam`` and ``batch``.

    Raises:
        ImportFileError: names the items and the command that changes a key.
    """
    found = connection.execute(_OTHERWISE, names).fetchall()
    others = {item: rule_of(*rule) for item, *rule in found}
    _refuse(names["exam"], others, rules)


def _refuse(
    exam_code: str, others: Mapping[str, ScoringRule | None], rules: Mapping[str, ScoringRule]
) -> None:
    if not others:
        return
    told = [
        f"{item} has {had or 'scores of its own'}, not {rules[item]}"
        for item, had in others.items()
    ]
    raise ImportFileError(
        f"the key is another one than the items of exam {exam_code!r} have: {listed(told, 5)}. "
        f"qbank rescore --exam {exam_code} --key FILE changes it for the answers that are there"
    )


def void_questions(connection: Connection, names: Mapping[str, Any]) -> list[int]:
    """Questions of an import whose answers count for nothing, by its rules or those in force."""
    return [row[0] for row in connection.execute(_VOID, names).fetchall()]


def keep(connection: Connection, names: Mapping[str, Any]) -> None:
    """Keeps the rules that an import scored by.

    Args:
        connection: in the transaction of the import, which has staged its rules and matched its
            items.
        names: parameters ``batch``, ``exam``, ``tenant`` and ``actor``.
    """
    kept = connection.execute(_INSERT, {**names, "why": None}).rowcount
    connection.execute(LIVE_NO_MORE, names)
    write_down(connection, names, {"items": kept})


def write_down(
    connection: Connection, names: Mapping[str, Any], details: Mapping[str, Any]
) -> None:
    """Tells the audit log that an exam's scoring rules were set."""
    audit.record(
        connection,
        tenant_id=names["tenant"],
        actor=names["actor"],
        action="scoring_rules.set",
        target=f"exam={names['exam']} import={names['batch']}",
        details=details,
    )
