"""Exposure caps per item, and whether any exposure parameters can meet them.

What never lives here: simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, IntArray, check_numbers, unmasked
from calibration.cat.control import ExposureControl, Quota, check_length
from calibration.cat.ranking import RankedBank
from calibration.errors import InfeasibleExposureError, InvalidParameterError

_SLACK = 1e-9


@dataclass(frozen=True)
class CapPolicy:
    """How strictly each topic is capped.

    Attributes:
        topic: code by which each item is capped, shape (J,).
        tau: the cap of all topics not named, in (0, 1].
        topic_tau: topic code → its cap; wins over the weights.
        topic_weights: topic code → weight w ≥ 0; the topic's cap is τ·w/Σw.
    """

    topic: IntArray
    tau: float
    topic_tau: Mapping[int, float]
    topic_weights: Mapping[int, float]

    @classmethod
    def of(
        cls,
        ranked: RankedBank,
        tau: float,
        topic_tau: Mapping[int, float] | None = None,
        topic_weights: Mapping[int, float] | None = None,
        cap_topic: npt.ArrayLike | None = None,
    ) -> CapPolicy:
        """Checks a policy against the topics of a bank.

        Args:
            ranked: the bank.
            tau: see the attributes.
            topic_tau: see the attributes.
            topic_weights: see the attributes.
            cap_topic: codes by which items are capped, shape (J,); None: the bank's topics.

        Raises:
            InvalidParameterError: τ outside (0, 1], a topic that the bank has not, a bad weight.
        """
        _check_tau("tau", tau)
        topic = _topic(ranked, cap_topic)
        has_topics = cap_topic is not None or ranked.topics.size > 0
        known = set(np.unique(topic).tolist()) if has_topics else set()
        for name, given in (("topic_tau", topic_tau), ("topic_weights", topic_weights)):
            unknown = sorted(set(given or {}) - known)
            if unknown:
                raise InvalidParameterError(
                    f"{name} names topic {unknown[0]}, of which the bank has no item: "
                    f"its topics are {sorted(known)}"
                )
        for code, cap in (topic_tau or {}).items():
            _check_tau(f"topic_tau of topic {code}", cap)
        weights = dict(topic_weights or {})
        for code, weight in weights.items():
            check_numbers(**{f"topic_weights of topic {code}": weight})
            if not (np.isfinite(weight) and weight > 0):
                raise InvalidParameterError(
                    f"topic_weights of topic {code} is {weight}: give a value > 0"
                )
        return cls(topic, float(tau), dict(topic_tau or {}), weights)

    def by_item(self, tau: float | None = None) -> FloatArray:
        """Cap r_i of each item, shape (J,), under τ or another value for it."""
        base = self.tau if tau is None else tau
        return caps_of(self.topic, base, self.topic_tau, self.topic_weights)


def _topic(ranked: RankedBank, cap_topic: npt.ArrayLike | None) -> IntArray:
    if cap_topic is None:
        own = ranked.pool.topic
        return np.asarray(ranked.topics[own] if ranked.topics.size else own, np.int64)
    topic = unmasked("cap_topic", cap_topic)
    if topic.shape != (len(ranked),) or not np.issubdtype(topic.dtype, np.integer):
        raise InvalidParameterError(
            f"cap_topic has shape {topic.shape} and dtype {topic.dtype}: give one integer code for"
            f" each of {len(ranked)} items"
        )
    return topic.astype(np.int64)


def caps_of(
    topic: npt.ArrayLike,
    tau: float,
    topic_tau: Mapping[int, float] | None = None,
    topic_weights: Mapping[int, float] | None = None,
) -> FloatArray:
    """Cap of each item (or topic) by its topic's code, of the shape of `topic`.

    A topic's own cap wins over its weight w, which gives τ·w/Σw; τ holds for all others.
    """
    own, weights = topic_tau or {}, topic_weights or {}
    codes, place = np.unique(unmasked("topic", topic), return_inverse=True)
    total = sum(weights.values())
    shares = {code: tau * weight / total for code, weight in weights.items()} | dict(own)
    caps = np.array([shares.get(int(code), tau) for code in codes.tolist()], dtype=np.float64)
    return caps[place]


def _check_tau(name: str, tau: float) -> None:
    check_numbers(**{name: tau})
    if not (np.isfinite(tau) and 0 < tau <= 1):
        raise InvalidParameterError(f"{name} is {tau}: give an exposure rate in (0, 1]")


def feasible_caps(
    ranked: RankedBank,
    test_length: int,
    quota: Quota | None,
    tau: float,
    topic_tau: Mapping[int, float] | None,
    topic_weights: Mapping[int, float] | None,
    cap_topic: npt.ArrayLike | None,
) -> tuple[ExposureControl, FloatArray]:
    """The quota alone as a control, and the cap of each item, (J,), that a search is to keep.

    Raises:
        InvalidParameterError: the bank cannot give such a test, or see `CapPolicy.of`.
        InfeasibleExposureError: no exposure parameters can meet the caps.
    """
    plain = ExposureControl.of(ranked, quota=quota)
    check_length(ranked, plain, test_length, np.ones(len(ranked), bool))
    policy = CapPolicy.of(ranked, tau, topic_tau, topic_weights, cap_topic)
    check_feasible(ranked, policy, plain, test_length)
    return plain, policy.by_item()


def check_feasible(
    ranked: RankedBank, policy: CapPolicy, control: ExposureControl, test_length: int
) -> None:
    """Refuses caps that no exposure parameters can meet, for want of items.

    Every examinee gets `test_length` items, so ΣP(A) = L: the caps must add up to L, within each
    topic to the quota's minimum, and to L when no topic gives more than its maximum.

    Raises:
        InfeasibleExposureError: with the shortfall and the τ below which none can be met.
    """
    sizes = np.bincount(ranked.pool.topic, minlength=max(ranked.topics.size, 1))

    def short(tau: float) -> tuple[float, str]:
        caps = np.minimum(policy.by_item(tau), 1.0)
        supply = np.bincount(ranked.pool.topic, caps, minlength=sizes.size).astype(np.float64)
        return _shortfall(ranked, supply, control, test_length)

    shortfall, where = short(policy.tau)
    if shortfall <= _SLACK:
        return
    smallest = _smallest(lambda tau: short(tau)[0] <= _SLACK)
    remedy = f"and none below {smallest:.6g} can be met"
    if smallest > 1:
        common = _common(sizes, control.quota_min, control.quota_max, test_length)
        smallest, remedy = (
            common,
            (
                "no tau is large enough beside the topics' own caps; "
                f"one common cap would need {common:.6g}"
            ),
        )
    raise InfeasibleExposureError(
        f"the exposure caps are infeasible: {where}, {shortfall:.6g} short per examinee; "
        f"tau is {policy.tau:g}, {remedy}",
        shortfall=shortfall,
        least_tau=smallest,
    )


def _shortfall(
    ranked: RankedBank, supply: FloatArray, control: ExposureControl, test_length: int
) -> tuple[float, str]:
    """Largest number of administrations per examinee that topic supplies (T,) leave unfilled."""
    least, most = control.quota_min, control.quota_max
    total = float(np.minimum(supply, most).sum()) if most.size else float(supply.sum())
    worst = test_length - total
    where = f"the caps add up to {total:.6g} of the {test_length} items of a test"
    if least.size:
        lacking = least - supply
        topic = int(lacking.argmax())
        if lacking[topic] > worst:
            worst = float(lacking[topic])
            where = (
                f"topic {ranked.topics[topic]} must give {least[topic]} items and its caps add up "
                f"to {supply[topic]:.6g}"
            )
    return float(worst), where


def _smallest(feasible: Callable[[float], bool]) -> float:
    """Smallest τ in (0, 1] that is feasible, to 1e-9 and on the feasible side; infinite if none."""
    if not feasible(1.0):
        return float("inf")
    low, high = 0.0, 1.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (low, middle) if feasible(middle) else (middle, high)
    rounded = float(np.ceil(high * 1e6 - 1e-2) / 1e6)
    return rounded if feasible(rounded) else high


def _common(sizes: IntArray, least: IntArray, most: IntArray, test_length: int) -> float:
    """Smallest cap common to all items under which a quota can be filled."""

    def feasible(tau: float) -> bool:
        supply = tau * sizes
        total = np.minimum(supply, most).sum() if most.size else supply.sum()
        return bool(total >= test_length - _SLACK and (not least.size or (supply >= least).all()))

    return _smallest(feasible)
