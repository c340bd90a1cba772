"""What an exam should be made of: its blueprint, and the quota that follows for a test's length.

What never lives here: selection under a quota (``calibration.cat``).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from qbank.stores.item_bank import nearest_topic

UNLISTED = -1  # stands for the items that no line covers


@dataclass(frozen=True)
class BlueprintLine:
    """How much of an exam one topic, with all below it, should make up.

    Attributes:
        target_weight: share of the test, 0 to 1.
        min_items: least items of the topic in a test.
    """

    topic_id: int
    target_weight: float
    min_items: int


def load(conn: Connection[Any], exam_code: str) -> tuple[BlueprintLine, ...]:
    """The exam's blueprint by topic id; empty where it has none."""
    sql = """SELECT topic_id, target_weight, min_items FROM exam_blueprints
        WHERE exam_code = %s ORDER BY topic_id"""
    with conn.cursor(row_factory=class_row(BlueprintLine)) as cursor:
        return tuple(cursor.execute(sql, (exam_code,)).fetchall())


def replace(conn: Connection[Any], exam_code: str, lines: Collection[BlueprintLine]) -> None:
    """Puts these lines in the place of the exam's blueprint."""
    conn.execute("DELETE FROM exam_blueprints WHERE exam_code = %s", (exam_code,))
    conn.execute(
        """INSERT INTO exam_blueprints (exam_code, topic_id, target_weight, min_items)
        SELECT %s, l.* FROM unnest(%s::bigint[], %s::float8[], %s::integer[]) AS l""",
        (
            exam_code,
            [line.topic_id for line in lines],
            [line.target_weight for line in lines],
            [line.min_items for line in lines],
        ),
    )


def quota(lines: Collection[BlueprintLine], test_length: int) -> dict[int, tuple[int, int]]:
    """Least and most items of each blueprint topic, and of UNLISTED ones, in a test.

    The share of a topic is its weight times the length, rounded down for the least and up for the
    most, so that a test can always be filled when the weights add up to one; ``min_items`` lifts
    both where it is more. Unlisted items get what the weights leave over.
    """
    bounds = {}
    for line in lines:
        share = _share(line.target_weight, test_length)
        least = max(math.floor(share), line.min_items)
        bounds[line.topic_id] = (least, max(math.ceil(share), least))
    rest = _share(max(0.0, 1 - sum(line.target_weight for line in lines)), test_length)
    return bounds | {UNLISTED: (0, math.ceil(rest))}


def line_of(
    topic_id: int, parents: Mapping[int, int | None], lines: Collection[BlueprintLine]
) -> int:
    """The blueprint topic that a topic counts for: itself, its nearest ancestor, else UNLISTED."""
    nearest = nearest_topic(topic_id, parents, {line.topic_id for line in lines})
    return UNLISTED if nearest is None else nearest


def _share(weight: float, test_length: int) -> float:
    return round(weight * test_length, 9)  # 0.1 · 30 is 3, not a little more
