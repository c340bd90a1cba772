"""The conditions under which an exam is delivered, as a calibration simulates and certifies them.

What never lives here: delivery itself, and the counting of sittings outside the conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qbank.errors import RequestError
from qbank.requests import SympsonHetter
from qbank.stores import blueprint
from qbank.stores.item_bank import Pool, Topic
from qbank.vocabulary import Quota

Bounds = dict[int, tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Conditions:
    """How one test is put together.

    Attributes:
        test_length: items in it.
        quota: "blueprint" or "none".
        line: blueprint topic that each item counts for, shape (J,); None without a quota.
        bounds: topic → (fewest, most) items in it; None without a quota.
    """

    test_length: int
    quota: Quota
    line: npt.NDArray[np.int64] | None
    bounds: Bounds | None


def of_request(
    pool: Pool, usable: npt.NDArray[np.int64], topics: Sequence[Topic], request: SympsonHetter
) -> Conditions:
    """The conditions that a calibration is asked to certify.

    Args:
        pool: the live pool with the exam's blueprint.
        usable: places of the items that may be chosen, shape (J,).
        topics: the tenant's topic tree.
        request: what was asked for.

    Raises:
        RequestError: the exam has no blueprint, or the pool lacks a topic that it asks for.
    """
    if request.quota == "none":
        return Conditions(request.test_len, "none", None, None)
    if not pool.lines:
        raise RequestError(
            f"exam {pool.exam.exam_code!r} has no blueprint: give it one, or quota none"
        )
    parents = {topic.id: topic.parent_id for topic in topics}
    of_topic = {
        topic: blueprint.line_of(topic, parents, pool.lines)
        for topic in set(pool.topic_id[usable].tolist())
    }
    line = np.array([of_topic[topic] for topic in pool.topic_id[usable].tolist()], np.int64)
    present = set(line.tolist())
    bounds: Bounds = {}
    for topic, (least, most) in blueprint.quota(pool.lines, request.test_len).items():
        if topic in present:
            bounds[topic] = (least, most)
        elif least:
            raise RequestError(
                f"the blueprint of exam {pool.exam.exam_code!r} wants {least} items of topic"
                f" {topic} and no live item of it is calibrated: publish some, or quota none"
            )
    return Conditions(request.test_len, "blueprint", line, bounds)
