"""Items that became easier, and are answered faster, from some moment on: as a leaked item does.

What never lives here: what is done about them; drift of parameters between two fits (`linking`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import ByteArray, CodeArray, FloatArray, IntArray, unmasked
from calibration.bank import ItemBank
from calibration.compiled import compiled
from calibration.errors import InvalidResponsesError
from calibration.itemfit.group_posterior import GroupPosterior, weighted
from calibration.scoring.eap import scored_responses
from calibration.significance import longest_bridge_p

SMALLEST_SIDE = 30
"""Answers before and after a change, without which none is looked for."""
LEAST_INFORMATION = 10.0
"""ΣP(1 − P) on either side: with less, few surprises of a hard item are not normal."""
GENERATION, MOST_GENERATIONS = 300, 20
"""Persons whose ability distribution is told by themselves, and groups of them at most."""
SWEEPS = 20
FARTHEST = 3.0  # SDs of a log time: who went for a coffee would decide
SMALLEST_Z = 1.5  # below it the tail of the largest of many is not the formula's


@dataclass(frozen=True, eq=False)
class Compromise:
    """The likeliest moment from which on each item was easier and faster than before.

    Attributes:
        z: statistic of that change, shape (J,): of answers alone standard normal for a moment
            fixed beforehand, with times the length of two such, each at least 0; 0 where not
            testable.
        p_value: that the largest of all moments would be as large by chance, shape (J,); 1 where
            not testable, and where it is above about a third.
        since: `when` of the first answer after the change, shape (J,); 0 where not testable.
        n: answers, shape (J,).
        n_since: of these since the change, shape (J,).
        shift: log odds of a right answer after less before, one step, shape (J,).
        slowness: mean log time after less before, beside the persons' own speeds, in SDs of the
            item, shape (J,); NaN where too few times are known.
        testable: answers enough on both sides of some moment, shape (J,).
    """

    z: FloatArray
    p_value: FloatArray
    since: IntArray
    n: IntArray
    n_since: IntArray
    shift: FloatArray
    slowness: FloatArray
    testable: npt.NDArray[np.bool_]


def compromise(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    when: npt.ArrayLike,
    *,
    time: npt.ArrayLike | None = None,
    min_n: int = SMALLEST_SIDE,
) -> Compromise:
    """Score test of a change at an unknown moment, in answers and in their times, for each item.

    The score of a shift in the log odds of a right answer, summed in the order of time, is held
    against a constant shift, so that an item whose parameters are off by the same all along is no
    finding (Andrews 1993; Merkle & Zeileis 2013). Ability is integrated out, under a normal
    distribution of persons who came at about the same time, and adaptive routing
    by earlier answers is ignorable. Times are lognormal with an item's time intensity and a
    person's speed (van der Linden 2006); the squares of what both say of an easier and faster item
    are added where times are known. The largest statistic over all moments is judged as the largest
    length of standardised Brownian bridges is (Csörgő & Horváth 1997, corollary 1.3.1), of one side
    of each: mixed as χ² is of two means that are at least 0.

    Args:
        bank: item parameters, J items of two categories; others are not testable.
        person: person codes 0 … N − 1, shape (M,).
        item: positions in the bank, shape (M,).
        correct: 0 or 1, shape (M,).
        when: whole numbers that order the answers, such as microseconds, shape (M,); a change
            lies between two different ones.
        time: taken for the answer in any unit, > 0, NaN where unknown, shape (M,).
        min_n: answers that either side of a change needs.

    Raises:
        InvalidResponsesError: malformed responses, moments or times, or an item that the bank does
            not have.
    """
    responses = scored_responses(bank, person, item, correct, None)
    order = np.argsort(unmasked("person", person), kind="stable")  # as the responses are
    moment = _moments(when, order.size)[order]
    group = _generations(moment, responses.indptr)
    posterior = GroupPosterior.of(bank, responses, group, int(group.max(initial=0)) + 1)
    score, weight = _scores(
        responses.indptr,
        responses.item,
        responses.correct,
        posterior.likelihood,
        posterior.density,
        group,
        posterior.expected,
    )
    slowness = _slowness(_times(time, order.size)[order], responses.person(), responses.item)
    in_time = np.lexsort((moment, responses.item))
    n = responses.answered()
    ends = np.concatenate([[0], np.cumsum(n)])
    found = _largest(
        ends,
        moment[in_time],
        score[in_time],
        weight[in_time],
        slowness[in_time],
        min_n,
        LEAST_INFORMATION,
    )
    z, at, length, shift, slower = found
    testable = (at > 0) & (bank.categories == 2)
    first = np.where(testable, ends[:-1] + at, 0)
    since = moment[in_time][np.minimum(first, max(order.size - 1, 0))]
    return Compromise(
        z=np.where(testable, z, 0.0),
        p_value=np.where(testable, _tail(z, length, np.isfinite(slower)), 1.0),
        since=np.where(testable, since, 0),
        n=n,
        n_since=np.where(testable, n - at, 0),
        shift=np.where(testable, shift, 0.0),
        slowness=np.where(testable, slower, np.nan),
        testable=testable,
    )


def _moments(when: npt.ArrayLike, size: int) -> IntArray:
    array = unmasked("when", when)
    if array.shape != (size,) or not np.issubdtype(array.dtype, np.integer):
        raise InvalidResponsesError(
            f"when has shape {array.shape} and dtype {array.dtype}: give ({size},) whole numbers"
        )
    return array.astype(np.int64, copy=False)


def _generations(moment: IntArray, indptr: IntArray) -> IntArray:
    """Persons who came at about the same time, whose abilities have a distribution of their own.

    One distribution for all would pull abler late comers down, and every item would look leaked.
    """
    persons = indptr.size - 1
    came = np.full(persons, np.iinfo(np.int64).max)
    np.minimum.at(came, np.repeat(np.arange(persons), np.diff(indptr)), moment)
    rank = np.empty(persons, np.int64)
    rank[np.argsort(came, kind="stable")] = np.arange(persons)
    groups = min(max(persons // GENERATION, 1), MOST_GENERATIONS)
    return rank * groups // max(persons, 1)


def _times(time: npt.ArrayLike | None, size: int) -> FloatArray:
    """Log times, NaN where unknown."""
    if time is None:
        return np.full(size, np.nan)
    array = unmasked("time", time, np.float64)
    bad = np.flatnonzero((array <= 0) | np.isinf(array))
    if array.shape != (size,) or bad.size:
        value = f"time[{bad[0]}] is {array[bad[0]]}" if bad.size else f"time is {array.shape}"
        raise InvalidResponsesError(f"{value}: give ({size},) times > 0, NaN where unknown")
    return np.log(array)


def _slowness(log_time: FloatArray, person: CodeArray, item: CodeArray) -> FloatArray:
    """Log times less the item's intensity and the person's speed, in SDs of the item, (M,).

    Alternating means: least squares of the two-way table, whose cells are mostly empty.
    """
    known = np.isfinite(log_time)
    out = np.full(log_time.size, np.nan)
    if not known.any():
        return out
    left, own, whose = log_time[known], item[known], person[known]
    left = left - left.mean()
    per_item, per_person = (np.maximum(np.bincount(codes), 1) for codes in (own, whose))
    for _ in range(SWEEPS):
        left = left - (np.bincount(own, left) / per_item)[own]
        moved = np.bincount(whose, left) / per_person
        left = left - moved[whose]
        if np.abs(moved).max() < 1e-3:
            break
    spread = np.sqrt(np.bincount(own, left * left) / per_item)[own]
    varies = spread > 1e-9
    scaled = np.clip(left / np.where(varies, spread, 1.0), -FARTHEST, FARTHEST)
    out[known] = np.where(varies, scaled, np.nan)
    return out


@compiled(error_model="numpy")
def _scores(
    indptr: IntArray,
    item: CodeArray,
    correct: ByteArray,
    likelihood: FloatArray,
    density: FloatArray,
    group: IntArray,
    expected: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Posterior means of x − P and of P(1 − P) of each answer; each (M,)."""
    score, weight = np.empty(item.size), np.empty(item.size)
    width = expected.shape[1]
    post = np.empty(width)
    for i in range(indptr.size - 1):
        mass = weighted(likelihood[i], density[group[i]], post)
        for k in range(indptr[i], indptr[i + 1]):
            j = item[k]
            mean, spread = 0.0, 0.0
            for q in range(width):
                p = expected[j, q]
                mean += post[q] * p
                spread += post[q] * p * (1.0 - p)
            score[k] = correct[k] - mean / mass
            weight[k] = spread / mass
    return score, weight


@compiled(error_model="numpy")
def _largest(
    ends: IntArray,
    when: IntArray,
    score: FloatArray,
    weight: FloatArray,
    slowness: FloatArray,
    min_n: int,
    least: float,
) -> tuple[FloatArray, IntArray, FloatArray, FloatArray, FloatArray]:
    """The largest statistic of each item, its split, the log length of the range of splits, shifts.

    The variance of a sum of scores is that of all of the item's, shared out by their information:
    squares of few scores would be small exactly where all of them are right.
    """
    items = ends.size - 1
    z, at = np.full(items, -np.inf), np.zeros(items, np.int64)
    length, shift, slower = np.zeros(items), np.zeros(items), np.full(items, np.nan)
    for j in range(items):
        low, high = ends[j], ends[j + 1]
        square = 0.0
        for k in range(low, high):
            square += score[k] * score[k]
        whole = _sums(score[low:high], weight[low:high], slowness[low:high])
        before, first, last = whole * 0.0, 0.0, 0.0
        for k in range(low, high - 1):
            before += _sums(score[k : k + 1], weight[k : k + 1], slowness[k : k + 1])
            after = whole - before
            fewest, informed = min(k + 1 - low, high - k - 1), min(before[1], after[1])
            if when[k + 1] == when[k] or fewest < min_n or informed < least:
                continue
            last = before[1] / whole[1]
            first = last if first == 0.0 else first
            statistic, step, change = _change(before, after, square, min_n)
            if statistic > z[j]:
                z[j], at[j], shift[j], slower[j] = statistic, k + 1 - low, step, change
        if last > first:
            length[j] = np.log(last * (1.0 - first) / (first * (1.0 - last)))
    return z, at, length, shift, slower


@compiled(error_model="numpy")
def _sums(score: FloatArray, weight: FloatArray, slowness: FloatArray) -> FloatArray:
    """Of scores, of information, of answers with a time, of slowness; (4,)."""
    out = np.zeros(4)
    for k in range(score.size):
        out[0] += score[k]
        out[1] += weight[k]
        if not np.isnan(slowness[k]):
            out[2] += 1.0
            out[3] += slowness[k]
    return out


@compiled(error_model="numpy")
def _change(
    before: FloatArray, after: FloatArray, square: float, min_n: int
) -> tuple[float, float, float]:
    """Statistic of a change between two parts, its step in log odds, and slowness after it."""
    part = before[1] / (before[1] + after[1])
    change = after[0] - (1.0 - part) * (before[0] + after[0])
    information = square * part * (1.0 - part)
    statistic, slower = change / np.sqrt(information), np.nan
    if min(before[2], after[2]) >= min_n:
        slower = after[3] / after[2] - before[3] / before[2]
        faster = -slower / np.sqrt(1.0 / before[2] + 1.0 / after[2])
        statistic = np.sqrt(max(statistic, 0.0) ** 2 + max(faster, 0.0) ** 2)
    return statistic, change / information, slower


def _tail(z: FloatArray, length: FloatArray, timed: npt.NDArray[np.bool_]) -> FloatArray:
    """Probability that the largest statistic exceeds z, shape (J,)."""
    x = np.maximum(z, SMALLEST_Z)
    one, two = longest_bridge_p(x, length, 1), longest_bridge_p(x, length, 2)
    p = np.where(timed, one / 2 + two / 4, one / 2)
    return np.where(z < SMALLEST_Z, 1.0, np.minimum(p, 1.0))
