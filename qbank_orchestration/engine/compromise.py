"""Items that are easier, and answered faster, from some moment on: what a leak looks like.

What never lives here: the statistic (``calibration.itemfit.compromise``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from qbank.stores.item_examinations import Fit
from qbank_orchestration.engine.answers import Answers
from qbank_orchestration.engine.finding import Finding, first_of, item_named

COMPROMISED_Q: Final = 0.01
"""False discoveries among the items that are named: a person is to take them out of service."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: Final[Mapping[str, Any]] = {
    "change_q": None,
    "is_compromised": False,
    "compromised_since": None,
    "n_since": None,
    "shift_since": None,
    "slowness_since": None,
}


def compromised(answers: Answers) -> list[Mapping[str, Any]]:
    """What a row of item fit says of it, for each item of the bank.

    Args:
        answers: with the moments of all of them; without, nothing is known of any item.
    """
    import calibration as cal  # kept out of the code location's import
    from calibration.significance import false_discovery_q

    if answers.attempted_at is None:
        return [_NOTHING] * len(answers.bank)
    given = (answers.bank, answers.person, answers.item, answers.correct, answers.attempted_at)
    found = cal.compromise(*given, time=answers.time_ms)
    q = np.ones(found.n.size)
    q[found.testable] = false_discovery_q(found.p_value[found.testable])
    rows: list[Mapping[str, Any]] = []
    for item in range(found.n.size):
        row = {**_NOTHING, "change_q": float(q[item]) if found.testable[item] else None}
        if q[item] < COMPROMISED_Q:
            slowness = float(found.slowness[item])
            row |= {
                "is_compromised": True,
                "compromised_since": _EPOCH + timedelta(microseconds=int(found.since[item])),
                "n_since": int(found.n_since[item]),
                "shift_since": float(found.shift[item]),
                "slowness_since": None if np.isnan(slowness) else slowness,
            }
        rows.append(row)
    return rows


def none_compromised(rows: Sequence[Fit], names: Mapping[int, str]) -> Finding:
    """Whether no item is taken for leaked.

    Args:
        rows: fit of each item.
        names: of questions where they came from, by id.
    """
    leaked = sorted((row for row in rows if row.is_compromised), key=lambda row: row.change_q or 0)
    told = [f"{item_named(row, names)} since {row.compromised_since:%F %H:%M}" for row in leaked]
    tested = sum(row.change_q is not None for row in rows)
    return Finding(
        "no_item_compromised",
        f"easier and faster than before: {first_of(told)}"
        if told
        else f"none of {tested} items that could be judged is easier and faster since some moment",
        {"compromised": len(told), "judged": tested},
        passed=not told,
        blocking=False,
    )
