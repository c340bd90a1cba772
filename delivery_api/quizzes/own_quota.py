"""A quiz's own quota: so many items of each of some topics, in place of the exam's blueprint.

What never lives here: keeping to a quota (``calibration.cat``, ``choice``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from qbank.stores.blueprint import UNLISTED
from qbank.stores.item_bank import nearest_topic

if TYPE_CHECKING:
    from delivery_api.quizzes.bank import Bank

OwnQuota = tuple[tuple[int, int], ...]
"""Topic ids, ascending, each with the number of items of a quiz; the rest is of other topics."""


def view(bank: Bank, quota: OwnQuota) -> Bank:
    """The bank for quizzes of a quota: the same items and ranking, which count for its topics."""
    named = dict(quota)
    parents = bank.tree.parents
    nearest = {t: nearest_topic(t, parents, named) for t in set(bank.pool.topic_id.tolist())}
    line = np.array([nearest[t] or UNLISTED for t in bank.pool.topic_id.tolist()], np.int64)
    # what is live no more is selected no more
    code = np.full(bank.live.size, UNLISTED, np.int64)
    is_live = bank.live >= 0
    code[is_live] = line[bank.live[is_live]]
    ranked = bank.calibrated.ranked
    mine = None if ranked is None else ranked.with_topic(code)
    return replace(
        bank,
        line=line,
        calibrated=replace(bank.calibrated, ranked=mine),
        own_quota=quota,
        _ranked={},
        _controls={},
        _views={},
        _whole=bank,
    )


def bounds(quota: OwnQuota, test_length: int) -> dict[int, tuple[int, int]]:
    """Least and most items of each topic, and of all others together, in a test."""
    rest = test_length - sum(items for _, items in quota)
    return {topic: (items, items) for topic, items in quota} | {UNLISTED: (rest, rest)}
