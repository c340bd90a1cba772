"""The selection rule, the ability update and the examinee loop, compiled.

One file on purpose: numba's disk cache notices a change in a kernel's own file alone, and a
delivery service that ran yesterday's rule would break the seam this package exists for.

What never lives here: validation, result objects, anything that allocates per examinee.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from calibration.cat.compiled import kernel
from calibration.cat.vectors import multiply_and_mean

Array = Any  # numba infers the types; shapes and dtypes stand in the docstrings

OPEN, HELD_BACK, UNAVAILABLE = 0, 1, 2
FIXED_POINT = 2.0**30  # errors are summed as integers, so that shards add up exactly

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Pool(NamedTuple):
    """A ranked bank as the kernels see it: G grid rows, J items, Q nodes (padded).

    Attributes:
        ranking: int32 (G, J), item indices by falling information at each grid θ.
        theta_min: θ of the first grid row.
        rows_per_unit: grid rows per unit of θ.
        item: float64 (J, 3), D·a, b, c.
        likelihood: float32 (J, 2, Q), of a wrong and of a right answer at the nodes.
        node_theta: float32 (Q,).
        prior: float32 (Q,), sums to one, zero in the padding.
        topic: int32 (J,), index of the item's topic among the quota's topics.
    """

    ranking: Array
    theta_min: float
    rows_per_unit: float
    item: Array
    likelihood: Array
    node_theta: Array
    prior: Array
    topic: Array


class Control(NamedTuple):
    """What restrains the selection.

    Attributes:
        sh_p: float64 (S, J), one row per stratum of θ̂.
        row_stratum: int32 (G,), the stratum of each grid row.
        quota_min: int32 (T,), fewest items of each topic; T = 0 without a quota.
        quota_max: int32 (T,), most items of each topic.
    """

    sh_p: Array
    row_stratum: Array
    quota_min: Array
    quota_max: Array


class Tally(NamedTuple):
    """Counts that the examinee loop adds to: int64 (B, J) by stratum of true θ, and (B, 4) sums.

    `sums` holds examinees, Σ(θ̂ − θ), Σ(θ̂ − θ)² and Σ posterior SD, the last three × FIXED_POINT.
    """

    administered: Array
    held_back: Array
    forced: Array
    sums: Array


class Record(NamedTuple):
    """Per-examinee output: θ̂ and SD float64 (N,); items int32 and answers int8 (N, L) or (0, 0)."""

    theta: Array
    sd: Array
    items: Array
    correct: Array


@kernel
def mixed(z: Any) -> Any:
    """Finaliser of splitmix64 (Steele, Lea & Flood 2014): a bijection on 64 bits."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def stream_key(seed: Any, number: Any) -> Any:
    """Key of stream `number` (an examinee, an iteration) under `seed`, all uint64."""
    return mixed(mixed(seed + _GOLDEN) ^ mixed(_GOLDEN * (np.uint64(number) + np.uint64(1))))


@kernel
def uniform(key: Any, counter: Any) -> Any:
    """Draw `counter` of stream `key`: uniform on [0, 1) with 53 bits, the same in any order."""
    z = mixed(key + _GOLDEN * (np.uint64(counter) + np.uint64(1)))
    return np.float64(np.int64(z >> np.uint64(11))) * 2.0**-53


@kernel
def first_uniforms(seed: Any, start: Any, out: Array) -> None:
    """Fills `out` with the first draw of the streams start, start + 1 and so on."""
    for n in range(out.shape[0]):
        out[n] = uniform(stream_key(seed, start + n), 0)


@kernel
def grid_row(pool: Any, theta: Any) -> Any:
    """Row of the grid point nearest to θ; the ends of the grid stand for all beyond them."""
    row = np.int64(math.floor((theta - pool.theta_min) * pool.rows_per_unit + 0.5))
    return min(max(row, 0), pool.ranking.shape[0] - 1)


@kernel
def next_item(
    ranking: Array,
    status: Array,
    sh_p: Array,
    topic: Array,
    open_topic: Array,
    key: Any,
    held: Array,
    held_count: Any,
) -> Any:
    """THE selection rule: walks one row of the ranking and decides.

    The draw that holds an item back belongs to (examinee, item): each item is drawn at most once
    per examinee, so the outcome does not depend on when it is drawn.

    Args:
        ranking: int32 (J,), best first.
        status: uint8 (J,), OPEN, HELD_BACK or UNAVAILABLE; newly held-back items are marked.
        sh_p: float64 (J,).
        topic: int32 (J,).
        open_topic: bool (T,), topics that the quota admits now; T = 0: all.
        key: uint64, the examinee's stream.
        held: int32, receives the items held back, in order, from index held_count on.
        held_count: items in `held` so far.

    Returns:
        (item or −1 where nothing is left, held_count, whether the administration is forced).
    """
    quota = open_topic.shape[0] > 0
    for k in range(ranking.shape[0]):
        item = ranking[k]
        if status[item] != OPEN or (quota and not open_topic[topic[item]]):
            continue
        if sh_p[item] >= 1.0 or uniform(key, 2 * item) < sh_p[item]:
            return item, held_count, False
        status[item] = HELD_BACK
        held[held_count] = item
        held_count += 1
    for k in range(ranking.shape[0]):
        item = ranking[k]
        if status[item] == HELD_BACK and not (quota and not open_topic[topic[item]]):
            return item, held_count, True
    return np.int32(-1), held_count, False


@kernel
def open_topics(counts: Array, quota_min: Array, quota_max: Array, left: Any, out: Array) -> None:
    """Topics that may give the next of `left` items: below their most, no minimum put at risk."""
    owed = 0
    for t in range(quota_min.shape[0]):
        owed += max(quota_min[t] - counts[t], 0)
    for t in range(quota_min.shape[0]):
        out[t] = counts[t] < (quota_min[t] if owed >= left else quota_max[t])


@kernel
def updated_mean(pool: Any, posterior: Array, item: Any, correct: Any) -> Any:
    """Multiplies a posterior float32 (Q,) by one answer's likelihood in place; returns the EAP."""
    likelihood = pool.likelihood[item, np.int64(correct)]
    return np.float64(multiply_and_mean(posterior, pool.node_theta, likelihood))


@kernel
def posterior_sd(pool: Any, posterior: Array, mean: Any) -> Any:
    """Standard deviation of a posterior around its mean."""
    variance = 0.0
    for q in range(posterior.shape[0]):
        variance += posterior[q] * (pool.node_theta[q] - mean) ** 2
    return math.sqrt(variance)


@kernel
def probability(item: Array, theta: Any) -> Any:
    """P(θ) of the three-parameter logistic; `item` is (D·a, b, c)."""
    return item[2] + (1.0 - item[2]) / (1.0 + math.exp(-item[0] * (theta - item[1])))


@kernel
def simulate_examinees(
    theta: Array,
    stratum: Array,
    first: Any,
    seed: Any,
    length: Any,
    known: Any,
    base_status: Array,
    pool: Any,
    control: Any,
    tally: Any,
    record: Any,
) -> None:
    """Administers a test of `length` items to each examinee and counts.

    Args:
        theta: float64 (N,), true abilities.
        stratum: int64 (N,), row of the tally.
        first: number of the first examinee; examinee n draws from stream first + n of `seed`.
        seed: uint64.
        length: items per test.
        known: whether θ itself, not θ̂, selects.
        base_status: uint8 (J,), OPEN or UNAVAILABLE for all.
        pool: Pool.
        control: Control.
        tally: Tally, added to.
        record: Record, written.
    """
    items = base_status.shape[0]
    topics = control.quota_min.shape[0]
    status = base_status.copy()
    held = np.empty(items, np.int32)
    taken = np.empty(length, np.int32)
    counts = np.zeros(topics, np.int32)
    is_open = np.ones(topics, np.bool_)
    posterior = np.empty_like(pool.prior)
    start = 0.0
    for q in range(pool.prior.shape[0]):
        start += np.float64(pool.prior[q]) * pool.node_theta[q]
    for n in range(theta.shape[0]):
        key = stream_key(seed, first + n)
        row = stratum[n]
        estimate = start
        held_count = 0
        counts[:] = 0
        posterior[:] = pool.prior
        for position in range(length):
            at = grid_row(pool, theta[n] if known else estimate)
            if topics > 0:
                open_topics(
                    counts, control.quota_min, control.quota_max, length - position, is_open
                )
            item, held_count, forced = next_item(
                pool.ranking[at],
                status,
                control.sh_p[control.row_stratum[at]],
                pool.topic,
                is_open,
                key,
                held,
                held_count,
            )
            status[item] = UNAVAILABLE
            taken[position] = item
            tally.administered[row, item] += 1
            if forced:
                tally.forced[row, item] += 1
            if topics > 0:
                counts[pool.topic[item]] += 1
            correct = uniform(key, 2 * item + 1) < probability(pool.item[item], theta[n])
            estimate = updated_mean(pool, posterior, item, correct)
            if record.items.shape[0] > 0:
                record.items[n, position] = item
                record.correct[n, position] = correct
        for k in range(held_count):
            tally.held_back[row, held[k]] += 1
            status[held[k]] = OPEN
        for k in range(length):
            status[taken[k]] = OPEN
        sd = posterior_sd(pool, posterior, estimate)
        error = estimate - theta[n]
        record.theta[n] = estimate
        record.sd[n] = sd
        tally.sums[row, 0] += 1
        tally.sums[row, 1] += np.int64(np.rint(error * FIXED_POINT))
        tally.sums[row, 2] += np.int64(np.rint(error * error * FIXED_POINT))
        tally.sums[row, 3] += np.int64(np.rint(sd * FIXED_POINT))


@kernel
def select_one(
    theta: Any,
    left: Any,
    seed: Any,
    examinee: Any,
    administered: Array,
    held_back: Array,
    excluded: Array,
    pool: Any,
    control: Any,
    held: Array,
) -> Any:
    """One step of the rule for a quiz whose past is given; see `next_item` for what it returns."""
    status = np.zeros(excluded.shape[0], np.uint8)
    for k in range(held_back.shape[0]):
        status[held_back[k]] = HELD_BACK
    for i in range(excluded.shape[0]):
        if excluded[i]:
            status[i] = UNAVAILABLE
    topics = control.quota_min.shape[0]
    counts = np.zeros(topics, np.int32)
    is_open = np.ones(topics, np.bool_)
    for k in range(administered.shape[0]):
        status[administered[k]] = UNAVAILABLE
        if topics > 0:
            counts[pool.topic[administered[k]]] += 1
    open_topics(counts, control.quota_min, control.quota_max, left, is_open)
    at = grid_row(pool, theta)
    sh_p = control.sh_p[control.row_stratum[at]]
    key = stream_key(seed, examinee)
    return next_item(pool.ranking[at], status, sh_p, pool.topic, is_open, key, held, 0)


@kernel
def ability_after(pool: Any, posterior: Array, items: Array, correct: Array) -> Any:
    """Updates a posterior in place by answers, items int64 (n,), correct bool (n,): EAP, SD."""
    mean = 0.0
    for q in range(posterior.shape[0]):
        mean += np.float64(posterior[q]) * pool.node_theta[q]
    for k in range(items.shape[0]):
        mean = updated_mean(pool, posterior, items[k], correct[k])
    return mean, posterior_sd(pool, posterior, mean)
