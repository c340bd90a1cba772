"""What an import of items is asked to do, and what it did.

What never lives here: doing it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qbank.importing.exam import NewExam
from qbank.importing.questions.forms import Form
from qbank.importing.request import ItemScope, OnConflict


@dataclass(frozen=True)
class ItemsRequest:
    """Which items to import, and into what.

    Attributes:
        paths: files, which come in together or not at all.
        exam_code: the exam whose items they are.
        form: how the files are written; None recognises each.
        reference_column, stem_column: of tables.
        encoding: of text; None finds it out.
        publish: items are live in the exam at once; otherwise they are drafts for review.
        item_scope: whose names the items have: the ``exam``'s own, or the ``tenant``'s.
        on_conflict: ``refuse`` writes nothing where the newest version was written in the bank;
            ``replace`` puts the file's version on top of it.
        max_rejects: with more refused items in a file than these nothing is written.
        dry_run: only tells what would be done.
        rejects: where refused items go; None is ``<file>.rejects.csv`` in the working directory.
        tenant: of the exam; None takes that of an existing exam, else ``default``.
        new_exam: how to make the exam where it does not exist; None refuses.
        actor: who imports; None is the system user.
        media: a folder for pictures, and the address that readers fetch them by; None keeps none.
    """

    paths: tuple[Path, ...]
    exam_code: str
    form: Form | None = None
    reference_column: str = "external_ref"
    stem_column: str = "stem"
    encoding: str | None = None
    publish: bool = False
    item_scope: ItemScope = "exam"
    on_conflict: OnConflict = "refuse"
    max_rejects: int = 0
    dry_run: bool = False
    rejects: Path | None = None
    tenant: str | None = None
    new_exam: NewExam | None = None
    actor: str | None = None
    media: tuple[Path, str] | None = None


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
    form: Form
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
