"""An exam's blueprint, replaced as a whole: which share of a test each topic makes up.

What never lives here: the quota that follows for a test (``stores.blueprint``).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from psycopg import Connection
from pydantic import BaseModel, ConfigDict, Field

from qbank.errors import RequestError
from qbank.requests import SympsonHetter
from qbank.requests.exposure import Probability, Topic
from qbank.stores import blueprint, item_bank
from qbank.stores.audit import Audit
from qbank.stores.blueprint import BlueprintLine
from qbank.stores.topic_names import find

COLUMNS = ("topic", "target_weight", "min_items")


class BlueprintEntry(BaseModel):
    """One topic with all below it, as people name it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    topic: Topic = Field(description="id, blueprint code or name of the topic")
    target_weight: Probability = Field(description="share of a test, 0 to 1")
    min_items: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=0, description="least items of the topic in a test"
    )


def entries(conn: Connection[Any], exam_code: str, *, tenant_id: str | None = None) -> Any:
    """The exam's blueprint, each topic by its name where that is unique, else by its id.

    Raises:
        NotFoundError: no such exam of the tenant.
    """
    exam = item_bank.exam(conn, exam_code, tenant_id=tenant_id)
    topics = item_bank.topics(conn, exam.tenant_id)
    names = [topic.name for topic in topics]
    shown = {t.id: t.name if names.count(t.name) == 1 else str(t.id) for t in topics}
    return [
        BlueprintEntry(
            topic=shown[line.topic_id],
            target_weight=line.target_weight,
            min_items=line.min_items,
        )
        for line in blueprint.load(conn, exam.exam_code)
    ]


def replace(
    conn: Connection[Any],
    exam_code: str,
    new: Sequence[BlueprintEntry],
    *,
    audit: Audit,
    tenant_id: str | None = None,
) -> None:
    """Puts a blueprint in the place of the exam's; the same again changes nothing.

    Raises:
        NotFoundError: no such exam of the tenant.
        RequestError: a topic is unknown or named twice, or the weights or items are too many.
    """
    exam = item_bank.held(conn, exam_code, tenant_id=tenant_id)
    exam_code = exam.exam_code
    topics = item_bank.topics(conn, exam.tenant_id)
    lines: dict[int, BlueprintLine] = {}
    for entry in new:
        topic_id = find(topics, entry.topic)
        if topic_id in lines:
            raise RequestError(f"topic {entry.topic!r} is named twice: give it one line")
        lines[topic_id] = BlueprintLine(topic_id, entry.target_weight, entry.min_items)
    total = math.fsum(line.target_weight for line in lines.values())
    if total > 1 + 1e-9:  # ten tenths
        raise RequestError(f"the weights add up to {total:g}: give shares that add up to 1 at most")
    least = sum(line.min_items for line in lines.values())
    if least > exam.test_length:
        raise RequestError(
            f"min_items add up to {least}, and a test has {exam.test_length} items: ask for fewer"
        )
    if not lines and SympsonHetter.resolve(exam, {}).quota == "blueprint":
        raise RequestError(
            f"exam {exam.code!r} keeps its tests to its blueprint: give it lines, or set its quota"
            " to none first"
        )
    before = blueprint.load(conn, exam_code)
    if sorted(lines.values(), key=lambda line: line.topic_id) == list(before):
        return
    blueprint.replace(conn, exam_code, lines.values())
    audit(
        "exam.blueprint",
        f"exam={exam.code}",
        before=[[line.topic_id, line.target_weight, line.min_items] for line in before],
        after=[[line.topic_id, line.target_weight, line.min_items] for line in lines.values()],
    )


def read_csv(path: Path) -> list[BlueprintEntry]:
    """A file with the columns topic, target_weight and, if need be, min_items.

    Raises:
        RequestError: names the line and what is wrong with it.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"{path} cannot be read as UTF-8 CSV: {error}") from error
    if not rows:
        raise RequestError(f"{path} names no topic: give a line per topic, {', '.join(COLUMNS)}")
    return [_entry(path, number, row) for number, row in enumerate(rows, 2)]


def _entry(path: Path, number: int, row: dict[str | None, Any]) -> BlueprintEntry:
    unknown = [name for name in row if name not in COLUMNS]
    if unknown or not {"topic", "target_weight"} <= row.keys():
        raise RequestError(f"{path} has the columns {list(row)}: use {', '.join(COLUMNS)}")
    try:
        return BlueprintEntry(
            topic=(row["topic"] or "").strip(),
            target_weight=float(row["target_weight"] or "nan"),
            min_items=int(row.get("min_items") or 0),
        )
    except ValueError:  # pydantic's is one, too
        raise RequestError(
            f"{path}, line {number}: {', '.join(f'{k} {v!r}' for k, v in row.items())}: give a"
            " topic, a share from 0 to 1 and a whole number of items"
        ) from None
