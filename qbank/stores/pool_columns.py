"""The rows of an exam's live pool, read as columns: of all questions, or of some.

What never lives here: the pool (``item_bank``), and which of its rows have changed
(``pool_changes``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from psycopg import Connection

from qbank.postgres.columns import in_order, read_columns
from qbank.vocabulary import Difficulty, words

if TYPE_CHECKING:
    from qbank.stores.item_bank import Exam

# columns of the pool that are numbers; a label is its place among the labels, 0 where there is none
_NUMBERS: dict[str, type[np.generic]] = {
    "question_id": np.int64,
    "version": np.int64,
    "topic_id": np.int64,
    "label": np.int64,
    "a": np.float64,
    "b": np.float64,
    "c": np.float64,
    "scaling_constant": np.float64,
    "se_a": np.float64,
    "se_b": np.float64,
    "se_c": np.float64,
    "n_respondents": np.int64,
    "sh_p": np.float64,
    "controlled": np.bool_,
    "pinned": np.bool_,
}
_LABELS = (None, *words(Difficulty))
_ROWS = """SELECT p.question_id, p.live_version AS version, v.topic_id,
        coalesce(array_position(%(labels)s::text[], v.difficulty_label), 0) AS label,
        k.a, k.b, k.c, k.se_a, k.se_b, k.se_c, k.scaling_constant,
        coalesce(k.n_respondents, 0) AS n_respondents, coalesce(e.sh_p, 1) AS sh_p,
        e.sh_p IS NOT NULL AS controlled, coalesce(e.pinned, false) AS pinned
    FROM question_publications AS p
    JOIN questions AS q ON q.id = p.question_id AND NOT q.is_deleted
    JOIN question_versions AS v
        ON (v.question_id, v.version) = (p.question_id, p.live_version)
        AND v.state = 'published'
    LEFT JOIN item_calibration AS k
        ON (k.exam_code, k.question_id, k.version, k.model)
        = (p.exam_code, p.question_id, p.live_version, %(model)s)
    LEFT JOIN item_exposure_control AS e
        ON (e.exam_code, e.question_id, e.version)
        = (p.exam_code, p.question_id, p.live_version)
    WHERE p.exam_code = %(exam)s AND p.tenant_id = %(tenant)s"""


def read(
    conn: Connection[Any], found: Exam, questions: Sequence[int] | None = None
) -> dict[str, Any]:
    """Columns of the exam's pool by question id, named as in ``item_bank.Pool``.

    Args:
        conn: a connection.
        found: the exam.
        questions: only these; None: all.
    """
    values = {
        "exam": found.exam_code,
        "model": found.irt_model,
        "tenant": found.tenant_id,
        "labels": list(_LABELS[1:]),
        "questions": None if questions is None else list(questions),
    }
    rows = _ROWS if questions is None else f"{_ROWS} AND p.question_id = ANY(%(questions)s)"
    columns: dict[str, Any] = in_order(read_columns(conn, rows, values, _NUMBERS), "question_id")
    columns["difficulty_label"] = tuple(_LABELS[place] for place in columns.pop("label").tolist())
    return columns
