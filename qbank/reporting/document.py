"""What a report is made of: sections of numbers, tables and charts, before any layout.

What never lives here: how a report looks, and where its numbers come from.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

Value = str | int | float | bool | date | datetime | UUID | None


@dataclass(frozen=True)
class Number:
    """One fact.

    Attributes:
        name: by which programs find it.
        label: what people read.
        value: None where it is not known.
        why: what it means, or why it is not known.
    """

    name: str
    label: str
    value: Value
    why: str = ""


@dataclass(frozen=True)
class Table:
    """Facts of the same kind.

    Attributes:
        name: by which programs find it.
        title: what people read.
        columns: name of each, as the marts and runs have it.
        rows: values in the order of the columns.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True)
class Line:
    """One line, or cloud of points, of a chart."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    points: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines over one axis; whoever cannot see it reads the section's tables."""

    name: str
    title: str
    x: str
    y: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Section:
    """One subject.

    Attributes:
        name: by which programs and the map of standards find it.
        text: what was done, and what its bounds are bounds of.
        missing: why the section has no evidence, and what brings it; empty where it has.
    """

    name: str
    title: str
    text: str
    numbers: tuple[Number, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    missing: str = ""

    def value(self, name: str) -> Value:
        """The fact of that name."""
        return next(number.value for number in self.numbers if number.name == name)


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes:
        exam_code: key of the exam.
        title: of the exam.
        as_of: the newest moment that its data know of; it is nobody's clock.
        run_id: the calibration that it is about; None where there is none.
        sections: in the order in which they are read.
    """

    exam_code: str
    title: str
    as_of: datetime | None
    run_id: UUID | None
    sections: tuple[Section, ...]

    def section(self, name: str) -> Section:
        """The section of that name."""
        return next(section for section in self.sections if section.name == name)

    def json(self) -> str:
        """Every number of it, in full."""
        whole = _finite(asdict(self))
        return (
            json.dumps(whole, default=_plain, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
        )


def _finite(value: Any) -> Any:
    """The same with null for numbers that JSON cannot say."""
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value)


def table(name: str, title: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]) -> Table:
    """A table of rows as a cursor gives them."""
    return Table(name, title, tuple(columns), tuple(tuple(row) for row in rows))
