"""Scores answers that are there by another key: a key error is found after the exam.

What an answer scored stays in ``response_history``, and triggers tell the marts. A quiz that is
over has a new result (``results``). What never lives here: what a key would do (``key_effects``),
and taking a rescore back (``undoing``).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from qbank.importing import batches
from qbank.importing.exam import exam_of
from qbank.importing.key_effects import (
    CHANGED,
    FIND_ANSWERS,
    found,
    refuse_too_many_points,
    refuse_unchosen,
    refuse_unknown_options,
    stage,
)
from qbank.importing.key_files import read_key_file
from qbank.importing.loading import CHANGED_ANSWERS
from qbank.importing.reading import fingerprint
from qbank.importing.rescored import Rescored
from qbank.importing.results import rescore_results
from qbank.importing.scoring import ALONE, LIVE_AGAIN, LIVE_NO_MORE, SET_RULES, write_down
from qbank.postgres import Connection, connect
from qbank.settings import Settings
from qbank.system_user import rescorer

_NOW_CHANGED = f"(SELECT * FROM rescored WHERE is_late = %(late)s AND {CHANGED})"  # noqa: S608
_BATCH = """
INSERT INTO import_batches (kind, exam_code, source_name, source_sha256, imported_by, why,
    rows_read, rows_inserted, rows_known, rows_replaced, rows_rejected)
VALUES ('rescore', %(exam)s, %(name)s, %(sha256)s, %(actor)s, %(why)s, 0, 0, 0, 0, 0)
RETURNING id
"""
_COUNTED = f"""
UPDATE import_batches AS b
SET rows_read = n.answers, rows_known = n.answers - n.changed, rows_replaced = n.changed
FROM (
    SELECT count(*) AS answers, count(*) FILTER (WHERE {CHANGED}) AS changed FROM rescored
) AS n
WHERE b.id = %(batch)s
"""  # noqa: S608
_INSERT = SET_RULES.format(rules="rescore_rules")
_HISTORY = CHANGED_ANSWERS.format(
    changes=_NOW_CHANGED, option="u.option_label", is_void="n.is_void"
)
_UPDATE = f"""
UPDATE user_responses AS u
SET is_correct = r.is_correct, score = r.score, max_score = r.max_score, is_void = r.is_void,
    import_batch_id = %(batch)s
FROM {_NOW_CHANGED} AS r
WHERE (u.quiz_id, u.question_id) = (r.quiz_id, r.question_id)
"""  # noqa: S608
# A quiz that was sealed in between may have a new result already, without its late answers.
_AGAIN = f"""
DELETE FROM quiz_results WHERE import_batch_id = %(batch)s
    AND quiz_id IN (SELECT r.quiz_id FROM {_NOW_CHANGED} AS r)
"""  # noqa: S608


def rescore(
    exam_code: str,
    key: Path,
    *,
    why: str | None = None,
    dry_run: bool = False,
    allow_unchosen: bool = False,
    actor: str | None = None,
    settings: Settings | None = None,
) -> Rescored:
    """Scores an exam's answers by a file of keys, in one transaction.

    Args:
        exam_code: of the exam; answers to the same items in other exams stay.
        key: file ``item,key`` of the items whose key is another one.
        why: kept with the rules, and told with the results that they change.
        dry_run: only tells what would change.
        allow_unchosen: take a key that nobody chose.
        actor: who does it; None is the system user.
        settings: those of the process where None.

    Raises:
        ImportFileError: the exam or an item is unknown, a key is none, nobody chose it, or nothing
            tells what was chosen.
    """
    entries = read_key_file(key)
    with connect("owner", settings=settings) as connection:
        exam = exam_of(connection, exam_code, None, None)
        batches.lock(connection, exam.exam_code)
        names = {
            "exam": exam.exam_code,
            "tenant": exam.tenant_id,
            "actor": actor or rescorer(),
            "why": why or None,
            "name": key.name,
            "sha256": fingerprint(key),
        }
        stage(connection, key, entries, names)
        effects = found(connection)
        refuse_unknown_options(key, effects)
        refuse_too_many_points(connection, key)
        same = all(item.was == item.key and not item.changed for item in effects.items)
        if dry_run or same:
            connection.rollback()
            return effects
        if not allow_unchosen:
            refuse_unchosen(key, effects)
        return _write(connection, effects, names)


def _write(connection: Connection, effects: Rescored, names: dict[str, Any]) -> Rescored:
    row = connection.execute(_BATCH, names).fetchone()
    assert row is not None  # noqa: S101
    names["batch"] = row[0]
    _change_answers(connection, names, late=False)
    # from here on answers to the exam wait: what came in meanwhile was scored by the rule before
    connection.execute(ALONE, names)
    connection.execute(FIND_ANSWERS, names | {"late": True})
    _change_answers(connection, names, late=True)
    for statement in (_COUNTED, _INSERT, LIVE_NO_MORE, LIVE_AGAIN):
        connection.execute(statement, names)
    told = {
        f"{item.item} v{item.version}": {
            "was": item.was,
            "key": item.key,
            "changed": item.changed,
        }
        for item in effects.items
    }
    write_down(connection, names, {"why": names["why"], "items": told})
    return replace(effects, batch=row[0])


def _change_answers(connection: Connection, names: dict[str, Any], *, late: bool) -> None:
    for statement in (_HISTORY, _UPDATE, _AGAIN):
        connection.execute(statement, names | {"late": late})
    rescore_results(connection, names | {"name": f"rescore {names['batch']}"})
