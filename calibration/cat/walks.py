"""How a rule finds the next item in a row of the ranking, compiled: THE selection rules.

The draw that holds an item back belongs to (examinee, item). Draws of a rule come from a stream of
the examinee's that nothing else uses, by position in the test and item: the same arguments give the
same item. What never lives here: which topics the quota admits, validation.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from calibration.cat.arrays import HELD_BACK, OPEN, Array
from calibration.cat.randomness import mixed, uniform
from calibration.cat.rules import MAXIMUM_INFORMATION, RANDOMESQUE, STRATIFIED
from calibration.compiled import inlined, kernel

_RULE_STREAM = np.uint64(0x5E1EC7ED)
_TRIES = 64  # blind draws from the pool before all of it is looked at
_BLIND = 2**31  # counters of blind draws: beyond those of items


@inlined
def next_item(
    ranking: Array,
    at: Any,
    status: Array,
    lane: Any,
    sh_p: Array,
    stratum: Any,
    topic: Array,
    open_topic: Array,
    key: Any,
    held: Array,
    held_count: Any,
) -> Any:
    """Selection by maximum information: walks one row of the ranking and decides.

    The draw that holds an item back belongs to (examinee, item): each item is drawn at most once
    per examinee, so the outcome does not depend on when it is drawn.

    Args:
        ranking: uint32 (G, J), best first.
        at: row of the ranking.
        status: uint8 (lanes, J), OPEN, HELD_BACK or UNAVAILABLE; newly held-back items are marked.
        lane: row of `status` and `held`.
        sh_p: float64 (S, J).
        stratum: row of sh_p.
        topic: int32 (J,).
        open_topic: bool (T,), topics that the quota admits now; T = 0: all.
        key: uint64, the examinee's stream.
        held: int32 (lanes, J), receives the items held back, in order, from held_count on.
        held_count: items in `held` so far.

    Returns:
        (item or −1 where nothing is left, held_count, whether the administration is forced).
    """
    quota = open_topic.shape[0] > 0
    chosen = np.int64(-1)
    forced = False
    for k in range(ranking.shape[1]):
        item = ranking[at, k]
        if status[lane, item] == OPEN and (not quota or open_topic[topic[item]]):
            chance = sh_p[stratum, item]
            if chance >= 1.0 or uniform(key, 2 * np.int64(item)) < chance:
                chosen = np.int64(item)
                break
            status[lane, item] = HELD_BACK
            held[lane, held_count] = item
            held_count += 1
    if chosen < 0:
        for k in range(ranking.shape[1]):
            item = ranking[at, k]
            if status[lane, item] == HELD_BACK and (not quota or open_topic[topic[item]]):
                chosen = np.int64(item)
                forced = True
                break
    return chosen, held_count, forced


@inlined
def admits(status: Array, lane: Any, item: Any, state: Any, topic: Array, open_topic: Array) -> Any:
    """Whether an item is in that state, and its topic open; no topics: all are."""
    return status[lane, item] == state and (open_topic.shape[0] == 0 or open_topic[topic[item]])


@inlined
def first_of(
    ranking: Array,
    at: Any,
    start: Any,
    wanted: Any,
    status: Array,
    lane: Any,
    state: Any,
    topic: Array,
    open_topic: Array,
) -> Any:
    """Item `wanted` (from 0) of those admitted, from place `start` on and round: (item, found)."""
    size = ranking.shape[1]
    found = np.int64(0)
    for k in range(size):
        place = start + k
        item = np.int64(ranking[at, place if place < size else place - size])
        if admits(status, lane, item, state, topic, open_topic):
            if found == wanted:
                return item, found
            found += 1
    return np.int64(-1), found


@inlined
def progress_of(order: Any, position: Any, left: Any, sd: Any) -> Any:
    """Weight of information, 0 at the first item of a test and 1 at its last."""
    length = position + left
    share = position / (length - 1) if length > 1 else 1.0
    if order.precision > 0:
        gained = (1.0 / (sd * sd) - order.prior_precision) / order.precision
        share = max(share, gained)
    share = min(share, 1.0)
    return share if order.power == 1.0 else math.pow(share, order.power)


@inlined
def blind(
    ranking: Array,
    at: Any,
    status: Array,
    lane: Any,
    topic: Array,
    open_topic: Array,
    key: Any,
    counter: Any,
) -> Any:
    """Any open item, each as likely, or −1 where some draws found none."""
    for k in range(_TRIES):
        place = np.int64(uniform(key, counter + k) * ranking.shape[1])
        item = np.int64(ranking[at, place])
        if admits(status, lane, item, OPEN, topic, open_topic):
            return item
    return np.int64(-1)


@inlined
def heaviest(
    ranking: Array,
    information: Array,
    at: Any,
    weight: Any,
    status: Array,
    lane: Any,
    topic: Array,
    open_topic: Array,
    key: Any,
    counter: Any,
) -> Any:
    """Open item of the largest (1 − w)·R + w·I, or −1.

    Information falls along the row, so what is still to come is bounded: the walk ends once the
    best so far is beyond it.
    """
    best, value, most = np.int64(-1), -1.0, -1.0
    for k in range(ranking.shape[1]):
        level = np.float64(information[at, k])
        if value >= (1.0 - weight) * most + weight * level and best >= 0:
            break
        item = np.int64(ranking[at, k])
        if admits(status, lane, item, OPEN, topic, open_topic):
            if most < 0:
                most = level
            mine = (1.0 - weight) * most * uniform(key, counter + item) + weight * level
            if mine > value:
                best, value = item, mine
    return best


@inlined
def candidate(
    order: Any,
    ranking: Array,
    at: Any,
    weight: Any,
    start: Any,
    status: Array,
    lane: Any,
    topic: Array,
    open_topic: Array,
    key: Any,
    position: Any,
    held_count: Any,
) -> Any:
    """Open item that the rule wants next, or −1."""
    counter = np.int64(position) << 32
    if order.code == STRATIFIED:
        item, _ = first_of(ranking, at, start, 0, status, lane, OPEN, topic, open_topic)
        return item
    if order.code == RANDOMESQUE:
        draw = uniform(key, counter + held_count)
        wanted = np.int64(draw * order.best)
        item, found = first_of(ranking, at, 0, wanted, status, lane, OPEN, topic, open_topic)
        if item < 0 and found > 0:  # fewer are left than the rule chooses among
            wanted = np.int64(draw * found)
            item, _ = first_of(ranking, at, 0, wanted, status, lane, OPEN, topic, open_topic)
        return item
    item = np.int64(-1)
    if weight <= 0.0:
        base = counter + _BLIND + _TRIES * held_count
        item = blind(ranking, at, status, lane, topic, open_topic, key, base)
    if item < 0:
        item = heaviest(
            ranking, order.information, at, weight, status, lane, topic, open_topic, key, counter
        )
    return item


@kernel
def next_by_rule(
    order: Any,
    ranking: Array,
    at: Any,
    status: Array,
    lane: Any,
    sh_p: Array,
    stratum: Any,
    topic: Array,
    open_topic: Array,
    key: Any,
    held: Array,
    held_count: Any,
    held_before: Any,
    position: Any,
    left: Any,
    sd: Any,
) -> Any:
    """As ``next_item``, by any other rule: draws by sh_p until an item is administered.

    `order` is the rule's, and `ranking` in its order. `held_before` counts items held back in the
    test that are not in `held`; `position` the items administered; `left` those still to come, this
    one included; `sd` is the posterior standard deviation of θ. All else is as there.
    """
    stream = mixed(key ^ _RULE_STREAM)
    strata = order.block.shape[0]
    stage = min(position * strata // (position + left), strata - 1)
    start = order.block[stage]
    weight = progress_of(order, position, left, sd)
    while True:
        item = candidate(
            order,
            ranking,
            at,
            weight,
            start,
            status,
            lane,
            topic,
            open_topic,
            stream,
            position,
            held_before + held_count,
        )
        if item < 0:
            break
        chance = sh_p[stratum, item]
        if chance >= 1.0 or uniform(key, 2 * item) < chance:
            return item, held_count, False
        status[lane, item] = HELD_BACK
        held[lane, held_count] = item
        held_count += 1
    item, _ = first_of(ranking, at, start, 0, status, lane, HELD_BACK, topic, open_topic)
    return item, held_count, item >= 0


@inlined
def next_selected(
    order: Any,
    ranking: Array,
    at: Any,
    status: Array,
    lane: Any,
    sh_p: Array,
    stratum: Any,
    topic: Array,
    open_topic: Array,
    key: Any,
    held: Array,
    held_count: Any,
    held_before: Any,
    position: Any,
    left: Any,
    sd: Any,
) -> Any:
    """``next_item`` for maximum information, else ``next_by_rule``, whose arguments these are."""
    if order.code == MAXIMUM_INFORMATION:
        item, count, forced = next_item(
            ranking, at, status, lane, sh_p, stratum, topic, open_topic, key, held, held_count
        )
    else:
        item, count, forced = next_by_rule(
            order, ranking, at, status, lane, sh_p, stratum, topic, open_topic, key, held,
            held_count, held_before, position, left, sd,
        )  # fmt: skip
    return item, count, forced
