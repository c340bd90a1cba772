"""What an import or erasure did or found, and what was taken back: the command's answer, the API's.

What never lives here: doing it (``qbank.importing``, ``qbank.people``), for which Arrow is loaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from qbank.vocabulary import BatchKind, ItemForm

MOST_LISTED: Final = 500
MOST_CHARACTERS: Final = 2_000
OTHERS: Final = "(others)"


@dataclass(frozen=True)
class ImportReport:
    """What an import did or found; ``rows_read`` is the sum of the other row counts.

    Attributes:
        rows_inserted: new rows.
        rows_known: rows that the database had already.
        rows_conflicting: rows that it has with another score or option; replaced where written.
        rows_missing: rows that are no answer: the item was not administered or not reached.
        rows_rejected: rows in the rejects file.
        new_items: questions that were made.
        unkeyed_items: of these, those with options whose correct one is not certain, or with more
            of them than letters and digits.
        refused_by_reason, refused_by_item, refused_by_score: rejected rows, counted.
        codes: rows by special meaning of their score.
        disagreeing: rows by item whose score in the file is not that of their key.
        blanked: unusable values that were left out, by column and value.
        rejects: the rejects file; None where nothing was refused.
        refused: why nothing was written; None where it was.
        attributes: attributes of people by what they are beside those that are there: ``new``,
            ``known``, ``conflicting`` (they stay) or ``replaced``, and ``ambiguous``: the file says
            two things, and the first is taken.
        columns: which column was taken for what.
        preview: the first rows as they were understood.
        notes: what was skipped in the file, or taken for what.
        batch: the import's number; None where nothing was written.
    """

    rows_read: int
    rows_inserted: int
    rows_known: int
    rows_conflicting: int
    rows_missing: int
    rows_rejected: int
    new_items: int
    unkeyed_items: int
    refused_by_reason: dict[str, int]
    refused_by_item: dict[str, int]
    refused_by_score: dict[str, int]
    codes: dict[str, int]
    blanked: dict[str, dict[str, int]]
    disagreeing: dict[str, int] = field(default_factory=dict)
    attributes: dict[str, int] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    preview: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rejects: Path | None = None
    refused: str | None = None
    batch: int | None = None


@dataclass(frozen=True)
class ItemsReport:
    """What became of one file; ``items_read`` is the sum of the next five counts.

    Attributes:
        form: how the file is written.
        items_new: questions that were made.
        items_changed: items that got a new version.
        items_known: items whose newest version is as the file has it.
        items_conflicting: items whose newest version somebody wrote in the bank, and otherwise;
            replaced where written.
        items_rejected: items that are refused.
        published: items that became live in the exam, or in another version.
        changes: by item, what of it is another.
        refused_by_reason: refused items, counted.
        remarks: what of the items the bank does not keep, counted.
        media: files that items name.
        preview: the first items as they were understood.
        notes: what was skipped in the file, or taken for what.
        rejects: the rejects file; None where nothing was refused.
        refused: why nothing was written; None where it was.
        batch: the import's number; None where nothing was written.
    """

    source: str
    form: ItemForm
    items_read: int
    items_new: int
    items_changed: int
    items_known: int
    items_conflicting: int
    items_rejected: int
    published: int = 0
    changes: dict[str, str] = field(default_factory=dict)
    refused_by_reason: dict[str, int] = field(default_factory=dict)
    remarks: dict[str, int] = field(default_factory=dict)
    media: list[str] = field(default_factory=list)
    preview: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rejects: Path | None = None
    refused: str | None = None
    batch: int | None = None


@dataclass(frozen=True)
class Undone:
    """What went.

    Attributes:
        responses: answers that were removed.
        restored: answers that are again what they were.
        sittings: quizzes that were removed.
        items: items that are no longer live in the exam.
        versions: versions of items that were removed, or retired where they had been published.
        kind: what it was.
    """

    batch: int
    responses: int
    restored: int
    sittings: int
    items: int
    kind: BatchKind = "import"
    versions: int = 0


@dataclass(frozen=True)
class Erased:
    """What went, or would go, in rows by table.

    Attributes:
        tenant: whose the person was.
        removed: rows that went.
        name_removed: rows that stay without the person's name.
        kept: rows that tell what the person did as staff.
    """

    tenant: str
    removed: dict[str, int] = field(default_factory=dict)
    name_removed: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows change."""
        return sum(self.removed.values()) + sum(self.name_removed.values())


def bounded(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report as it is kept: however bad the file, of a size.

    Of counts by name, which come with the most first, the first 500 stay, and the rest are one
    count, so that sums are what they were; of other lists the first 500. Notes say of what.
    Texts are cut at 2,000 characters.
    """
    cut: list[str] = []
    told = {name: _bounded(value, name, cut) for name, value in report.items()}
    return told | {"notes": [*told["notes"], *cut]} if cut else told


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """A text that is not longer than a report keeps it."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _bounded(value: Any, name: str, cut: list[str]) -> Any:
    if isinstance(value, str):
        return shortened(value)
    if not isinstance(value, list | dict):
        return value
    if (more := len(value) - MOST_LISTED) > 0:
        cut.append(f"{name}: the first {MOST_LISTED} are listed, {more} more are not")
    if isinstance(value, list):
        return [_bounded(one, name, cut) for one in value[:MOST_LISTED]]
    first = [(shortened(key, 200), one) for key, one in islice(value.items(), MOST_LISTED)]
    if not all(isinstance(one, int) for one in value.values()):
        return {key: _bounded(one, f"{name} of {key}", cut) for key, one in first}
    counts: Counter[str] = Counter()
    for key, count in first:
        counts[key] += count
    if more > 0:
        counts[OTHERS] += sum(islice(value.values(), MOST_LISTED, None))
    return dict(counts)
