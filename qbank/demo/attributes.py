"""What is known of the planted people, and an item that is harder for some of equal ability.

The answers are those of the sessions: who missed the item is more often of the other language, and
that is DIF by Bayes' rule. Given ability, answers to the other items say nothing of the language,
so that they have none. What never lives here: answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.random import Generator

from qbank.demo.content import DAYS, Units
from qbank.demo.delivery import Played
from qbank.demo.loading import copy_in
from qbank.demo.people import People, Sittings
from qbank.postgres import Connection

ATTRIBUTE, OTHER = "first_language", "other"
# shares of the other language among those who missed the item, and those who did not
MISSED, RIGHT, ELSE = 0.7, 0.3, 0.5
LOG_ODDS = float(np.log(RIGHT / (1 - RIGHT)) - np.log(MISSED / (1 - MISSED)))
"""How much harder the item is for the other language, in log odds of a right answer."""


def unfair_question(units: Units) -> int:
    """The item: of the first exam alone, live in one version, of middling difficulty."""
    once = np.bincount(units.question)[units.question] == 1
    chosen = once & units.in_exam[:, 0] & ~units.in_exam[:, 1] & (units.last_day > DAYS)
    distance = np.where(chosen, np.abs(units.b), np.inf)
    return int(units.question[np.argmin(distance)])


def write_people(
    rng: Generator,
    connection: Connection,
    units: Units,
    people: People,
    sittings: Sittings,
    played: Sequence[Played],
    tenant: str,
) -> None:
    """Writes a first language and a sex of each person."""
    share = np.full(people.theta.size, ELSE)
    for user, correct in _first_answers(units, sittings, played):
        share[user] = RIGHT if correct else MISSED
    other = rng.random(share.size) < share
    female = rng.random(share.size) < 0.5
    attributes = [
        json.dumps({ATTRIBUTE: OTHER if o else "English", "sex": "female" if f else "male"})
        for o, f in zip(other, female, strict=True)
    ]
    names = [people.name(user) for user in range(share.size)]
    table = pa.table(
        {"tenant_id": [tenant] * share.size, "user_id": names, "attributes": attributes}
    )
    copy_in(connection, "people", table)


def _first_answers(
    units: Units, sittings: Sittings, played: Sequence[Played]
) -> Iterator[tuple[int, bool]]:
    """Each person's first answer to the item."""
    question = unfair_question(units)
    seen: set[int] = set()
    for user, one in zip(sittings.user.tolist(), played, strict=True):
        answered = np.flatnonzero((units.question[one.unit] == question) & (one.correct >= 0))
        if answered.size and user not in seen:
            seen.add(user)
            yield user, bool(one.correct[answered[0]])
