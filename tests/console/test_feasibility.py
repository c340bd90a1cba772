"""The verdict that is shown before a calibration is the one that the calibration would give."""

from __future__ import annotations

import numpy as np
import pytest

from calibration import InfeasibleExposureError, ItemBank, sympson_hetter
from qbank_console.api.topics import TopicTree
from qbank_console.feasibility import judge

TREE = TopicTree(paths={1: "A", 2: "A / B", 3: "C"}, parents={1: None, 2: 1, 3: None})
POOL = (1,) * 10 + (2,) * 20 + (3,) * 30


def test_caps_that_can_be_met() -> None:
    verdict = judge(POOL, TREE, 0.5, 25, {}, {})
    assert verdict.feasible
    assert (verdict.items, verdict.supply) == (60, 30.0)


def test_caps_that_cannot_be_met_name_the_smallest_tau() -> None:
    verdict = judge(POOL, TREE, 0.4, 25, {}, {})
    assert not verdict.feasible
    assert "none below 0.416667 can be met" in verdict.reason


def test_a_topic_is_capped_with_all_below_it() -> None:
    # topics 1 and 2 together have 30 items: 30·0.1 + 30·0.5
    verdict = judge(POOL, TREE, 0.5, 15, {1: 0.1}, {})
    assert verdict.supply == pytest.approx(18.0)
    # the nearer cap wins: 10·0.1 + 20·1 + 30·0.5
    assert judge(POOL, TREE, 0.5, 15, {1: 0.1, 2: 1.0}, {}).supply == pytest.approx(36.0)


def test_weights_share_tau() -> None:
    # 30·(0.6·1/3) + 30·(0.6·2/3)
    assert judge(POOL, TREE, 0.6, 10, {}, {1: 1.0, 3: 2.0}).supply == pytest.approx(18.0)


def test_the_calibration_refuses_what_the_verdict_refuses() -> None:
    codes = np.array([1 if topic in (1, 2) else 0 for topic in POOL])
    bank = ItemBank(np.ones(60), np.zeros(60), topic=codes)
    assert not judge(POOL, TREE, 0.3, 15, {1: 0.1}, {}).feasible
    with pytest.raises(InfeasibleExposureError):
        sympson_hetter(bank, tau=0.3, n=10, test_length=15, topic_tau={1: 0.1}, seed=1)


@pytest.mark.parametrize(
    ("pool", "length", "reason"),
    [((), 5, "no live item has parameters yet"), ((1, 1), 5, "2 items cannot fill a test of 5")],
)
def test_a_pool_that_is_too_small(pool: tuple[int, ...], length: int, reason: str) -> None:
    verdict = judge(pool, TREE, 1.0, length, {}, {})
    assert (verdict.feasible, verdict.reason) == (False, reason)


def test_a_cap_of_a_topic_without_items_is_refused() -> None:
    verdict = judge((1,) * 60, TREE, 0.5, 10, {3: 0.2}, {})
    assert not verdict.feasible
    assert "topic 3" in verdict.reason or "[1" in verdict.reason
