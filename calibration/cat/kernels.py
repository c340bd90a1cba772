"""The ability update, one step of a test and the examinee loop, compiled.

What never lives here: how a rule finds an item (``walks``), validation, result objects, anything
that allocates.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from calibration.cat.arrays import HELD_BACK, OPEN, UNAVAILABLE, Array
from calibration.cat.randomness import stream_key, uniform
from calibration.cat.vectors import multiply_and_mean
from calibration.cat.walks import next_selected
from calibration.compiled import inlined, kernel
from calibration.models import probability_of

ABREAST = 8  # examinees simulated abreast: one's arithmetic runs while another's memory is awaited
FIXED_POINT = 2.0**30  # errors are summed as integers, so that shards add up exactly


@inlined
def grid_row(theta: Any, theta_min: Any, rows_per_unit: Any, rows: Any) -> Any:
    """Row of the grid point nearest to θ; the ends of the grid stand for all beyond them."""
    row = np.int64(math.floor((theta - theta_min) * rows_per_unit + 0.5))
    return min(max(row, 0), rows - 1)


@inlined
def open_topics(
    counts: Array, lane: Any, quota_min: Array, quota_max: Array, left: Any, out: Array
) -> None:
    """Topics that may give the next of `left` items: below their most, no minimum put at risk."""
    owed = 0
    for t in range(quota_min.shape[0]):
        owed += max(quota_min[t] - counts[lane, t], 0)
    for t in range(quota_min.shape[0]):
        out[t] = counts[lane, t] < (quota_min[t] if owed >= left else quota_max[t])


@inlined
def updated_mean(
    posterior: Array, lane: Any, node_theta: Array, likelihood: Array, item: Any, correct: Any
) -> Any:
    """Multiplies row `lane` of posterior (lanes, Q) by an answer's likelihood; returns the EAP."""
    row = 2 * np.int64(item) + np.int64(correct)
    return np.float64(multiply_and_mean(posterior, node_theta, likelihood, lane, row))


@inlined
def mean_of(weight: Array, theta: Array) -> Any:
    """Σ weight·θ in double precision."""
    mean = 0.0
    for q in range(weight.shape[0]):
        mean += np.float64(weight[q]) * np.float64(theta[q])
    return mean


@inlined
def posterior_sd(posterior: Array, lane: Any, node_theta: Array, mean: Any) -> Any:
    """Standard deviation of row `lane` of posterior (lanes, Q) around its mean."""
    variance = 0.0
    for q in range(posterior.shape[1]):
        distance = node_theta[q] - mean
        variance += posterior[lane, q] * distance * distance
    return math.sqrt(variance)


@inlined
def begin(scratch: Any, lane: Any, key: Any, start: Any, prior: Array) -> None:
    """Seats an examinee in a lane."""
    scratch.keys[lane] = key
    scratch.estimate[lane] = start
    scratch.held_count[lane] = 0
    for t in range(scratch.counts.shape[1]):
        scratch.counts[lane, t] = 0
    for q in range(prior.shape[0]):
        scratch.posterior[lane, q] = prior[q]


@inlined
def choose(
    pool: Any,
    control: Any,
    scratch: Any,
    tally: Any,
    lane: Any,
    row: Any,
    stride: Any,
    here: Any,
    left: Any,
) -> Any:
    """Selects and administers the next item at θ `here`, counts it, and returns it."""
    at = grid_row(here, pool.theta_min, pool.rows_per_unit, pool.ranking.shape[0])
    if control.quota_min.shape[0] > 0:
        open_topics(
            scratch.counts, lane, control.quota_min, control.quota_max, left, scratch.is_open
        )
    level = control.row_stratum[at]
    sd = 0.0
    if pool.order.precision > 0:
        sd = posterior_sd(scratch.posterior, lane, pool.node_theta, scratch.estimate[lane])
    item, scratch.held_count[lane], forced = next_selected(
        pool.order,
        pool.ranking,
        at,
        scratch.status,
        lane,
        control.sh_p,
        level,
        pool.topic,
        scratch.is_open,
        scratch.keys[lane],
        scratch.held,
        scratch.held_count[lane],
        0,
        scratch.taken.shape[1] - left,
        left,
        sd,
    )
    scratch.status[lane, item] = UNAVAILABLE
    tally.administered[row + stride * level, item] += 1
    if forced:
        tally.forced[row, item] += 1
    if control.quota_min.shape[0] > 0:
        scratch.counts[lane, pool.topic[item]] += 1
    return item


@inlined
def finish(
    pool: Any, scratch: Any, tally: Any, record: Any, lane: Any, row: Any, n: Any, theta: Any
) -> None:
    """Counts what was held back, frees the lane's items, and writes the examinee's result."""
    for k in range(scratch.held_count[lane]):
        tally.held_back[row, scratch.held[lane, k]] += 1
        scratch.status[lane, scratch.held[lane, k]] = OPEN
    for k in range(scratch.taken.shape[1]):
        scratch.status[lane, scratch.taken[lane, k]] = OPEN
    estimate = scratch.estimate[lane]
    sd = posterior_sd(scratch.posterior, lane, pool.node_theta, estimate)
    error = estimate - theta
    record.theta[n] = estimate
    record.sd[n] = sd
    tally.sums[row, 0] += 1
    tally.sums[row, 1] += np.int64(np.rint(error * FIXED_POINT))
    tally.sums[row, 2] += np.int64(np.rint(error * error * FIXED_POINT))
    tally.sums[row, 3] += np.int64(np.rint(sd * FIXED_POINT))


@inlined
def answer(pool: Any, scratch: Any, record: Any, position: Any, group: Any, theta: Array) -> None:
    """Answers the items just administered to a group, and updates θ̂.

    In passes over the lanes: the exponentials of all, then the posteriors of all, overlap.
    """
    size = min(ABREAST, theta.shape[0] - group)
    for lane in range(size):
        item = scratch.taken[lane, position]
        chance = probability_of(pool.curve, pool.item, item, theta[group + lane])
        scratch.correct[lane] = uniform(scratch.keys[lane], 2 * np.int64(item) + 1) < chance
    for lane in range(size):
        scratch.estimate[lane] = updated_mean(
            scratch.posterior,
            lane,
            pool.node_theta,
            pool.likelihood,
            scratch.taken[lane, position],
            scratch.correct[lane],
        )
    if record.items.shape[0] > 0:
        for lane in range(size):
            record.items[group + lane, position] = scratch.taken[lane, position]
            record.correct[group + lane, position] = scratch.correct[lane]


@kernel
def simulate_examinees(
    theta: Array,
    stratum: Array,
    stride: Any,
    first: Any,
    seed: Any,
    known: Any,
    pool: Any,
    control: Any,
    scratch: Any,
    tally: Any,
    record: Any,
) -> None:
    """Administers a test to each examinee and counts.

    Args:
        theta: float64 (N,), true abilities.
        stratum: int64 (N,), row of the tally.
        stride: 0, or the number of strata, where administrations are counted by the stratum of θ̂
            at the time as well, in row stratum + stride·(stratum of θ̂).
        first: number of the first examinee; examinee n draws from stream first + n of `seed`.
        seed: uint64.
        known: whether θ itself, not θ̂, selects.
        pool: Pool.
        control: Control.
        scratch: Scratch for ABREAST lanes, whose status says what is open to all, and whose `taken`
            says how long a test is; status is left as it was found.
        tally: Tally, added to.
        record: Record, written.
    """
    start = mean_of(pool.prior, pool.node_theta)
    length = scratch.taken.shape[1]
    for group in range(0, theta.shape[0], ABREAST):
        size = min(ABREAST, theta.shape[0] - group)
        for lane in range(size):
            begin(scratch, lane, stream_key(seed, first + group + lane), start, pool.prior)
        for position in range(length):
            for lane in range(size):
                n = group + lane
                here = theta[n] if known else scratch.estimate[lane]
                left = length - position
                scratch.taken[lane, position] = choose(
                    pool, control, scratch, tally, lane, stratum[n], stride, here, left
                )
            answer(pool, scratch, record, position, group, theta)
        for lane in range(size):
            n = group + lane
            finish(pool, scratch, tally, record, lane, stratum[n], n, theta[n])


@kernel
def select_one(
    theta: Any,
    sd: Any,
    position: Any,
    left: Any,
    seed: Any,
    examinee: Any,
    administered: Array,
    held_back: Array,
    pool: Any,
    control: Any,
    scratch: Any,
) -> Any:
    """One step of the rule for a quiz whose past is given: (item or −1, held_count, forced).

    The items held back now are in the first row of the scratch's `held`.
    """
    status, counts, is_open = scratch.status, scratch.counts, scratch.is_open
    for k in range(held_back.shape[0]):
        if status[0, held_back[k]] == OPEN:
            status[0, held_back[k]] = HELD_BACK
    for k in range(administered.shape[0]):
        status[0, administered[k]] = UNAVAILABLE
        if is_open.shape[0] > 0:
            counts[0, pool.topic[administered[k]]] += 1
    open_topics(counts, 0, control.quota_min, control.quota_max, left, is_open)
    at = grid_row(theta, pool.theta_min, pool.rows_per_unit, pool.ranking.shape[0])
    key = stream_key(seed, examinee)
    return next_selected(
        pool.order,
        pool.ranking,
        at,
        status,
        0,
        control.sh_p,
        control.row_stratum[at],
        pool.topic,
        is_open,
        key,
        scratch.held,
        0,
        held_back.shape[0],
        position,
        left,
        sd,
    )


@kernel
def ability_after(pool: Any, posterior: Array, items: Array, correct: Array) -> Any:
    """Updates a posterior (1, Q) by answers, items int64 (n,), correct bool (n,): EAP, SD."""
    mean = mean_of(posterior[0], pool.node_theta)
    for k in range(items.shape[0]):
        mean = updated_mean(posterior, 0, pool.node_theta, pool.likelihood, items[k], correct[k])
    return mean, posterior_sd(posterior, 0, pool.node_theta, mean)
