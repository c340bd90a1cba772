"""Long responses as a matrix: one row per sitting, one column per item.

What never lives here: reading and writing them.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

OMITTED = 9
"""An item that was served and not answered; 99, 999 and so on where a score is as high. A cell is
empty where it was not served."""


def matrix(long: pa.Table) -> pa.Table:
    """The same responses in columns ``user_id``, ``quiz_id``, ``created_at`` and one an item.

    An item's scores are whole numbers where all of them are.

    Args:
        long: the export ``responses``, in order of ``quiz_id``.
    """
    quiz = long.column("quiz_id").combine_chunks().dictionary_encode()
    item = long.column("question").combine_chunks().dictionary_encode()
    names = item.dictionary.to_pylist()
    scores = long.column("score").to_numpy()
    omitted = OMITTED
    while np.any(scores >= omitted):
        omitted = 10 * omitted + OMITTED
    scores = np.where(np.isnan(scores), omitted, scores)
    # one that fits what most exams have: right, wrong and omitted
    whole = bool(np.all(scores == np.rint(scores))) and omitted == OMITTED
    empty = -1
    cells = np.full((len(names), len(quiz.dictionary)), empty, np.int8 if whole else np.float64)
    cells[item.indices.to_numpy(), quiz.indices.to_numpy()] = scores
    of_quiz = long.group_by("quiz_id").aggregate([("user_id", "min"), ("created_at", "max")])
    # groups come in an order of their own
    order = pc.index_in(of_quiz.column("quiz_id"), quiz.dictionary).to_numpy()
    cells = cells[:, order]
    columns = {
        "user_id": of_quiz.column("user_id_min"),
        "quiz_id": of_quiz.column("quiz_id"),
        "created_at": of_quiz.column("created_at_max"),
    }
    for name, k in sorted((name, k) for k, name in enumerate(names)):
        # an item may have the name of one of these three
        own = f"{name} (item)" if name in columns else name
        its = cells[k]
        if not whole and np.all(its == np.rint(its)):
            its = its.astype(np.int64)
        columns[own] = pa.array(its, mask=its == empty)
    return pa.table(columns)
