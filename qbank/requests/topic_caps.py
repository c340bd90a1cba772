"""Which topic's cap holds for an item: the nearest one above it that the request names.

What never lives here: what a cap is worth (that is ``calibration.exposure``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import Connection

from qbank.errors import RequestError
from qbank.requests.exposure import SympsonHetter
from qbank.stores import item_bank, topic_names
from qbank.stores.item_bank import Exam, Topic, nearest_topic

OTHER = 0
"""Code of items under no named topic; topic ids start at 1."""


@dataclass(frozen=True, eq=False)
class TopicCaps:
    """Caps by topic code, and the code of each item, shape (J,)."""

    item_code: npt.NDArray[np.int64]
    topic_tau: dict[int, float] | None
    topic_weights: dict[int, float] | None


def check(conn: Connection[Any], exam: Exam, request: SympsonHetter) -> None:
    """Judges the topics that a request names against the live pool, before it is queued.

    Raises:
        RequestError: as of :func:`resolve`.
    """
    if not request.topic_tau and not request.topic_weights:
        return
    pool = item_bank.load(conn, exam.exam_code)
    topics = item_bank.topics(conn, exam.tenant_id)
    resolve(topics, pool.topic_id[pool.calibrated], request.topic_tau, request.topic_weights)


def resolve(
    topics: Sequence[Topic],
    item_topic: npt.NDArray[np.int64],
    topic_tau: Mapping[str, float] | None,
    topic_weights: Mapping[str, float] | None,
    *,
    each_has_items: bool = True,
) -> TopicCaps:
    """Finds the named topics and, for each item, the nearest of them at or above its own topic.

    Args:
        topics: the tenant's topic tree.
        item_topic: topic id of each item, shape (J,).
        topic_tau: cap by topic id, blueprint code or name.
        topic_weights: weight by topic id, blueprint code or name.
        each_has_items: refuse a topic that has no item in the pool.

    Raises:
        RequestError: a topic is unknown, is ambiguous, or has no item in the pool.
    """
    ids = topic_names.find_all(topics, [*(topic_tau or {}), *(topic_weights or {})])
    caps = None if not topic_tau else {ids[k]: v for k, v in topic_tau.items()}
    weights = None if not topic_weights else {ids[k]: v for k, v in topic_weights.items()}
    named = set(caps or {}) | set(weights or {})
    parent = {topic.id: topic.parent_id for topic in topics}
    nearest = {t: nearest_topic(t, parent, named) for t in set(item_topic.tolist())}
    above = (nearest[topic] for topic in item_topic.tolist())
    codes = np.array([OTHER if topic is None else topic for topic in above], dtype=np.int64)
    empty = sorted(named - set(codes.tolist()))
    if empty and each_has_items:
        name = next(topic.name for topic in topics if topic.id == empty[0])
        raise RequestError(
            f"topic {name!r} (id {empty[0]}) has a cap but no item of its own in the live pool:"
            " drop the cap or publish items"
        )
    return TopicCaps(codes, caps, weights)
