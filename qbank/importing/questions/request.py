"""What an import of items is asked to do.

What never lives here: doing it, and what it did (``qbank.import_reports``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qbank.importing.exam import NewExam
from qbank.vocabulary import ItemForm, ItemScope, OnConflict


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
    form: ItemForm | None = None
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
