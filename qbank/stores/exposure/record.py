"""What exposure control says: the rows in force, their history and the origin of a change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from qbank.vocabulary import Source


@dataclass(frozen=True)
class Control:
    """sh_p of one item in one exam; None removes the control (publish) or says there was none."""

    question_id: int
    version: int
    sh_p: float | None


@dataclass(frozen=True)
class ControlInForce:
    """The row that delivery reads for one item."""

    question_id: int
    version: int
    sh_p: float
    pinned: bool
    updated_at: datetime
    updated_by: str
    run_id: UUID | None


@dataclass(frozen=True)
class HistoryEntry:
    """One change of one item's sh_p."""

    id: int
    exam_code: str
    question_id: int
    version: int
    before: float | None
    after: float | None
    source: Source
    run_id: UUID | None
    actor: str
    note: str | None
    at: datetime


@dataclass(frozen=True)
class Origin:
    """Who changes sh_p and why; kept with every history row."""

    source: Source
    actor: str
    run_id: UUID | None = None
    note: str | None = None


@dataclass(frozen=True)
class Published:
    """What a publication did: rows changed, rows that were equal already, pinned rows left."""

    changed: int
    unchanged: int
    pinned: int
