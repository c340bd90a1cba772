"""Whether exposure caps can be met at all by an exam's pool, before a calibration is started.

What never lives here: the judgement itself (``calibration.exposure.caps``).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from qbank_console.api.client import Api
from qbank_console.api.topics import TopicTree

OTHER = 0  # items under no topic that the request names


@dataclass(frozen=True)
class Verdict:
    """Whether the caps can be met.

    Attributes:
        feasible: whether they can.
        items: calibrated live items.
        supply: what the caps add up to: items that one examinee can be given.
        reason: what is wrong, and the τ below which none can be met; empty where feasible.
    """

    feasible: bool = field(kw_only=True)
    items: int
    supply: float
    reason: str = ""


@st.cache_data(ttl=60, max_entries=50, show_spinner="Reading the pool …")
def pool_topics(_api: Api, tenant: str, exam: str) -> tuple[int, ...]:
    """Topic id of each live item that has parameters.

    Args:
        _api: as a person of the tenant.
        tenant: whose items are remembered.
        exam: the exam.
    """
    items = _api.rows("/results/items", exam_code=exam, sort="question_id")
    return tuple(row["topic_id"] for row in items if row["is_live"] and row["a"] is not None)


def judge(
    topics: tuple[int, ...],
    tree: TopicTree,
    tau: float,
    test_length: int,
    topic_tau: Mapping[int, float],
    topic_weights: Mapping[int, float],
) -> Verdict:
    """Judges caps against a pool.

    Args:
        topics: topic id of each item, as :func:`pool_topics` gives them.
        tree: the tenant's topics.
        tau: cap of items under no named topic.
        test_length: items per test.
        topic_tau: cap by topic id.
        topic_weights: weight by topic id.
    """
    # loading the compiled rule takes a moment, which only this page should pay
    from calibration import CalibrationError, ExposureControl, ItemBank, RankedBank
    from calibration.exposure.caps import CapPolicy, check_feasible

    if not topics:
        return Verdict(0, 0.0, "no live item has parameters yet", feasible=False)
    if len(topics) < test_length:
        return Verdict(
            len(topics),
            0.0,
            f"{len(topics)} items cannot fill a test of {test_length}",
            feasible=False,
        )
    named = set(topic_tau) | set(topic_weights)
    codes = np.array([tree.nearest(topic, named) or OTHER for topic in topics])
    # feasibility asks how many items there are, not how good they are
    bank = RankedBank.of(ItemBank(np.ones(codes.size), np.zeros(codes.size), topic=codes))
    try:
        policy = CapPolicy.of(bank, tau, topic_tau, topic_weights)
        supply = float(np.minimum(policy.by_item(), 1).sum())
        check_feasible(bank, policy, ExposureControl.of(bank), test_length)
    except CalibrationError as error:
        return Verdict(len(topics), 0.0, str(error), feasible=False)
    return Verdict(len(topics), supply, feasible=True)


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Loads the compiled rule in the background, once a process, before anybody waits for it."""
    tree = TopicTree({}, {})
    threading.Thread(target=judge, args=((OTHER,), tree, 1.0, 1, {}, {}), daemon=True).start()
