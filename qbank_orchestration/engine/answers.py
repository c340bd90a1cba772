"""First answers to items whose parameters are in force, as the science takes them.

What never lives here: what is computed from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from qbank.stores.item_parameters import ItemParameters
from qbank.stores.responses import FirstAttempts

if TYPE_CHECKING:
    from calibration import ItemBank


@dataclass(frozen=True, eq=False)
class Answers:
    """First answers to items with parameters; M answers of N persons.

    Attributes:
        bank: J items.
        question_id: of each item, shape (J,).
        version: of each item, shape (J,).
        person: codes 0 … N − 1, shape (M,).
        item: positions in the bank, shape (M,).
        correct: 0 or 1, shape (M,).
        people: attributes of each person, N of them; empty where nobody asked for them.
        attempted_at: microseconds since 1970, shape (M,); None where nobody asked for clocks.
        time_ms: taken for the answer, NaN where unknown, shape (M,); None likewise.
    """

    bank: ItemBank
    question_id: npt.NDArray[np.int64]
    version: npt.NDArray[np.int64]
    person: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    correct: npt.NDArray[np.int8]
    people: Sequence[Mapping[str, str]] = ()
    attempted_at: npt.NDArray[np.int64] | None = None
    time_ms: npt.NDArray[np.float64] | None = None


def answers_to_known(
    attempts: FirstAttempts,
    published: Sequence[ItemParameters],
    people: Sequence[Mapping[str, str]] = (),
) -> Answers | None:
    """The answers to items with parameters in force; None where there are none.

    Args:
        attempts: first attempts in long form.
        published: parameters in force.
        people: attributes of each person of the attempts, where they are wanted.
    """
    import calibration as cal  # kept out of the code location's import

    known = {(row.question_id, row.version): row for row in published}
    keys = zip(attempts.question_id.tolist(), attempts.version.tolist(), strict=True)
    rows = [known.get(key) for key in keys]
    usable = np.array([row is not None for row in rows], bool)
    chosen = usable[attempts.item] if usable.any() else np.zeros(len(attempts), bool)
    if not chosen.any():
        return None
    bank = [row for row in rows if row is not None]
    persons, person = np.unique(attempts.person[chosen], return_inverse=True)
    return Answers(
        bank=cal.ItemBank(
            [row.a for row in bank],
            [row.b for row in bank],
            [row.c for row in bank],
            D=[row.scaling_constant for row in bank],
        ),
        question_id=attempts.question_id[usable],
        version=attempts.version[usable],
        person=person,
        item=(np.cumsum(usable) - 1)[attempts.item[chosen]],
        correct=attempts.correct[chosen],
        people=[people[at] for at in persons.tolist()] if people else (),
        attempted_at=None if attempts.attempted_at is None else attempts.attempted_at[chosen],
        time_ms=None if attempts.time_ms is None else attempts.time_ms[chosen],
    )
