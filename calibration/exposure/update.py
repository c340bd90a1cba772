"""The Sympson–Hetter update of exposure parameters, and the rule that keeps tests completable.

What never lives here: simulation, stopping.
"""

from __future__ import annotations

import numpy as np

from calibration.arrays import FloatArray, IntArray
from calibration.cat.control import ExposureControl
from calibration.cat.ranking import RankedBank


def updated(
    sh_p: FloatArray,
    rate: FloatArray,
    cap: FloatArray,
    gain: float,
    floor: float,
    ceil: float,
) -> FloatArray:
    """K ← clip(K·(r/rate)^α, floor, ceil); an item with rate 0 gets `ceil`.

    With rate = K·P(S) and α = 1 this is Sympson & Hetter (1985), K = min(1, r/P(S)); α < 1 damps
    the step.

    Args:
        sh_p: K, shape (…, J).
        rate: what K leads to, same shape: K·P(S).
        cap: r, shape (J,).
        gain: α in (0, 1].
        floor: least K.
        ceil: largest K.
    """
    reached = rate > 0
    ratio = np.divide(cap, rate, out=np.ones_like(rate), where=reached)
    stepped = np.clip(sh_p * ratio**gain, floor, ceil)
    return np.asarray(np.where(reached, stepped, ceil))


def completable(
    sh_p: FloatArray, ranked: RankedBank, control: ExposureControl, test_length: int
) -> FloatArray:
    """Sets the largest K to 1 so that every examinee can complete the test (Sympson & Hetter 1985).

    The quota's minimum of each topic first, then the largest K anywhere within the topics' maxima
    until `test_length` items have K = 1.

    Args:
        sh_p: K, shape (J,).
        ranked: the bank.
        control: with the quota.
        test_length: items per test.

    Returns:
        K with at least `test_length` ones, shape (J,).
    """
    order = np.argsort(-sh_p, kind="stable")
    chosen = _within_quota(order, ranked.pool.topic, control, test_length)
    out = sh_p.copy()
    out[chosen] = 1.0
    return out


def _within_quota(
    order: IntArray, topic: IntArray, control: ExposureControl, test_length: int
) -> IntArray:
    if control.quota_min.size == 0:
        return order[:test_length]
    place = np.empty(order.size, np.int64)  # place of each item within its topic, by falling K
    for code in range(control.quota_min.size):
        mine = order[topic[order] == code]
        place[mine] = np.arange(mine.size)
    owed = place < control.quota_min[topic]
    allowed = place < control.quota_max[topic]
    first = order[owed[order]]
    rest = order[(allowed & ~owed)[order]]
    return np.concatenate([first, rest])[:test_length]
