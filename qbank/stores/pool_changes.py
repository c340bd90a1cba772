"""A pool brought up to date by what changed since it was read, found by an index.

What never lives here: reading a whole pool (``item_bank``), and noting changes: triggers do, in
the transaction that changes something (``sql/0039_bank_changes.sql``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from psycopg import Connection

from qbank.postgres.columns import Column, in_order
from qbank.stores import blueprint, item_bank, pool_columns
from qbank.stores.item_bank import Pool

_SINCE = """SELECT version, questions FROM bank_changes
    WHERE exam_code = %s AND version BETWEEN %s AND %s ORDER BY version"""
# 0 is where an exam is before anything was published; of what is kept no more nothing is known
_WENT_BACK = """SELECT %(version)s > coalesce(max(v.version), 0) OR (
        %(version)s > (SELECT min(c.version) FROM bank_changes AS c WHERE c.exam_code = %(exam)s)
        AND NOT EXISTS (SELECT FROM bank_changes AS c
            WHERE c.exam_code = %(exam)s AND c.version = %(version)s))
    FROM bank_versions AS v WHERE v.exam_code = %(exam)s"""


def went_back(conn: Connection[Any], pool: Pool) -> bool:
    """Whether the database was never where the pool is, as far back as changes are kept.

    So it is where it went back since, as a standby that lost commits or a restored backup.
    """
    values = {"exam": pool.exam.exam_code, "version": pool.bank_version}
    row = conn.execute(_WENT_BACK, values).fetchone()
    return bool(row and row[0])


def refreshed(conn: Connection[Any], pool: Pool) -> Pool | None:
    """The pool as it is now; None where too much has changed, and it is to be read as a whole.

    Parameters of items change as a whole: where a pool is returned, those of each item version are
    as they were.

    Raises:
        NotFoundError: the exam does not exist any more.
    """
    code = pool.exam.exam_code
    # read before the rows, as by `item_bank.load`
    now = item_bank.versions(conn, code)
    rows = conn.execute(_SINCE, (code, pool.bank_version, now.bank)).fetchall()
    # the pool's own version is the first, and none after it is left out
    if not rows or rows[0][0] != pool.bank_version or any(ids is None for _, ids in rows[1:]):
        return None
    questions = sorted({question for _, ids in rows[1:] for question in ids})
    fresh = replace(
        pool if not questions else _with_rows(conn, pool, questions),
        bank_version=now.bank,
        pool_version=now.pool,
        scoring_version=now.scoring,
        settings_version=now.settings,
    )
    if now.settings == pool.settings_version:
        return fresh
    return replace(fresh, exam=item_bank.exam(conn, code), lines=blueprint.load(conn, code))


def _with_rows(conn: Connection[Any], pool: Pool, questions: Sequence[int]) -> Pool:
    """The pool with the rows of these questions as they are now, or without them."""
    new = pool_columns.read(conn, pool.exam, questions)
    stays = ~np.isin(pool.question_id, questions)

    def merged(name: str) -> Column:
        old = getattr(pool, name)
        kind = np.dtype(object) if name == "difficulty_label" else old.dtype
        return np.concatenate([np.array(old, kind)[stays], np.array(new[name], kind)])

    columns: dict[str, Any] = in_order({name: merged(name) for name in new}, "question_id")
    columns["difficulty_label"] = tuple(columns["difficulty_label"].tolist())
    return replace(pool, **columns)
