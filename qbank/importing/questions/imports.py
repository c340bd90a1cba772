"""Import of files of items: read, compared with the bank, written, all or nothing.

What never lives here: what a file's items mean (the forms), and SQL (``comparing``, ``writing``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from qbank import four_eyes
from qbank.errors import ImportFileError
from qbank.import_reports import ItemsReport
from qbank.importing import batches, items
from qbank.importing.exam import exam_of
from qbank.importing.questions import writing
from qbank.importing.questions.comparing import Compared, Kept, compared, newest
from qbank.importing.questions.forms import Content, opened
from qbank.importing.questions.item import Entry, Item, UnusableItemError, path_of
from qbank.importing.questions.media import MediaFolder, folder_of
from qbank.importing.questions.request import ItemsRequest
from qbank.importing.reading import fingerprint
from qbank.importing.rejects import RejectsFile
from qbank.postgres import Connection, connect
from qbank.settings import Settings
from qbank.stores import audit
from qbank.stores.item_bank import Exam
from qbank.system_user import importer
from qbank.wording import listed

Written = Callable[[Connection, list[ItemsReport]], None]
MAX_ITEMS: Final = 200_000
_NAMED = 3
_PREVIEWED = 5
_TOUCHED = "questions, question_versions, question_options, question_publications, topics"


class ItemsRefusedError(ImportFileError):
    """A file was read, and nothing was written, of other files of the import neither.

    Attributes:
        report: what was found.
    """

    def __init__(self, report: ItemsReport) -> None:
        super().__init__(report.refused)
        self.report = report


def import_items(
    request: ItemsRequest,
    *,
    settings: Settings | None = None,
    on_written: Written = lambda connection, reports: None,
) -> list[ItemsReport]:
    """Imports files of items in one transaction; a report each.

    An item is known by its reference: one that the bank does not have is made, one whose newest
    version says something else gets a new version, and what the file does not tell stays.

    Args:
        request: what to import.
        settings: those of the process where None.
        on_written: hears the reports of what was written, in the transaction that writes it.

    Raises:
        ImportFileError: a file, a column or the exam is not usable.
        ItemsRefusedError: too many items are refused, or the bank has them otherwise.
        DatabaseUnavailableError: Postgres does not answer.
    """
    if request.rejects is not None and len(request.paths) > 1:
        raise ImportFileError("--rejects names one file, and there are several: leave it out")
    with (
        folder_of(request.media, dry_run=request.dry_run) as media,
        connect("owner", settings=settings) as connection,
    ):
        exam = exam_of(
            connection,
            request.exam_code,
            request.tenant,
            request.new_exam,
            actor=request.actor,
        )
        request = replace(request, exam_code=exam.exam_code)
        batches.lock(connection, exam.exam_code)
        _refuse_two_eyes(exam, request)
        seen: dict[str, tuple[Path, str]] = {}
        reports = [
            _File(request, path, connection, exam.tenant_id, seen, media).run()
            for path in request.paths
        ]
        if request.dry_run:
            connection.rollback()
            return [replace(report, batch=None) for report in reports]
        on_written(connection, reports)
    with connect("owner", settings=settings, autocommit=True) as connection:
        connection.execute(f"ANALYZE {_TOUCHED}")
    return reports


def _refuse_two_eyes(exam: Exam, request: ItemsRequest) -> None:
    if request.publish and four_eyes.wanted(exam.exam_code, exam.policy):
        raise ImportFileError(
            f"exam {exam.exam_code!r} wants four eyes, and --publish is by one person: leave it"
            " out, have the drafts approved, and publish them"
        )


class _File:
    """One file under way."""

    def __init__(
        self,
        request: ItemsRequest,
        path: Path,
        connection: Connection,
        tenant: str,
        seen: dict[str, tuple[Path, str]],
        media: MediaFolder | None,
    ) -> None:
        self.request = request
        # where each item of the import stands first, in this file or another
        self.seen = seen
        self.path = path
        self.media = media
        self.connection = connection
        self.names: dict[str, Any] = {
            "tenant": tenant,
            "exam": request.exam_code,
            "actor": request.actor or importer(),
            "shared": request.item_scope == "tenant",
            "state": "published" if request.publish else "draft",
        }
        self.read = 0
        self.items: dict[str, Item] = {}
        self.entries: dict[str, Entry] = {}
        self.refused: list[tuple[Entry, str]] = []
        self.counted = "line"

    def run(self) -> ItemsReport:
        """Reads, compares and writes in the connection's transaction."""
        request, path = self.request, self.path
        with opened(
            path,
            request.form,
            request.encoding,
            request.reference_column,
            request.stem_column,
            self.media,
        ) as content:
            self.counted = "item" if content.form in ("moodle", "qti") else "line"
            for entry in content.entries:
                self._take(entry)
        if not self.read:
            raise ImportFileError(f"{path} has no items")
        topics = writing.topics(self.connection, self.names["tenant"])
        paths = {number: topic for topic, number in topics.items()}
        self._match()
        kept = newest(self.connection, self.names, paths)
        self._refuse_deleted(kept)
        found = [compared(item, kept.get(name)) for name, item in self.items.items()]
        report = self._report(content, found)
        rejects = self._rejects(content)
        if reason := self._reason(found):
            where = f"; {rejects} has each with its reason" if rejects else ""
            refused = replace(report, refused=f"{path}: {reason}{where}", rejects=rejects)
            raise ItemsRefusedError(refused)
        return replace(self._write(report, found, topics), rejects=rejects)

    def _take(self, entry: Entry) -> None:
        self.read += 1
        if self.read > MAX_ITEMS:
            raise ImportFileError(f"{self.path} has more than {MAX_ITEMS:,} items: split it")
        try:
            item = entry.make()
            here = (self.path, self._at(entry.line))
            path, line = self.seen.setdefault(item.reference, here)
            if (path, line) != here:
                first = line if path == self.path else f"{path}, {line}"
                raise UnusableItemError(
                    f"{item.reference!r} stands in {first} already:"
                    " give each item a name of its own"
                )
        except UnusableItemError as error:
            self.refused.append((entry, str(error)))
        except RecursionError:
            self.refused.append((entry, "its elements stand too deep in each other"))
        else:
            self.items[item.reference] = item
            self.entries[item.reference] = entry

    def _at(self, line: int) -> str:
        return f"{self.counted} {line}"

    def _match(self) -> None:
        self.connection.execute(
            "CREATE TEMP TABLE IF NOT EXISTS import_rows (item text) ON COMMIT DROP"
        )
        self.connection.execute("TRUNCATE import_rows")
        self.connection.execute("DROP TABLE IF EXISTS import_candidates, import_names")
        self.connection.execute(
            "INSERT INTO import_rows SELECT unnest(%s::text[])", [[*self.items]]
        )
        items.find(self.connection, self.names)

    def _refuse_deleted(self, kept: Mapping[str, Kept]) -> None:
        for name in [name for name, version in kept.items() if version.is_deleted]:
            why = "it was deleted in the bank: give it another name"
            self.refused.append((self.entries[name], why))
            del self.items[name]

    def _reason(self, found: list[Compared]) -> str | None:
        """Why nothing is to be written; None where all is well."""
        refused, most = len(self.refused), self.request.max_rejects
        first = "; ".join(
            f"{self._at(entry.line)}{f' ({entry.name})' if entry.name else ''}: {why}"
            for entry, why in self.refused[:_NAMED]
        )
        if refused == self.read:
            return f"none of its {self.read} items can be kept ({first})"
        if refused > most:
            return (
                f"nothing was written, for {refused} of {self.read} items are refused and"
                f" --max-rejects is {most} ({first})"
            )
        conflicts = [each for each in found if each.what == "conflict"]
        if conflicts and self.request.on_conflict == "refuse":
            named = listed([each.conflict for each in conflicts], _NAMED, "; ")
            return (
                f"nothing was written, for {len(conflicts)} of its items are otherwise in the bank"
                f" ({named}): --on-conflict replace puts the file's version on top"
            )
        return None

    def _rejects(self, content: Content) -> Path | None:
        if self.request.dry_run or not self.refused:
            return None
        file = RejectsFile(self.path, self.request.rejects, content.header)
        rows = sorted(self.refused, key=lambda row: row[0].line)
        file.add((entry.line, why, list(entry.values) or [entry.name]) for entry, why in rows)
        return file.finish()

    def _report(self, content: Content, found: list[Compared]) -> ItemsReport:
        counts = Counter(each.what for each in found)
        own = list(self.items.values())
        return ItemsReport(
            source=self.path.name,
            form=content.form,
            items_read=self.read,
            items_new=counts["new"],
            items_changed=counts["changed"],
            items_known=counts["known"],
            items_conflicting=counts["conflict"],
            items_rejected=len(self.refused),
            changes={
                each.item.reference: ", ".join(each.changes) for each in found if each.changes
            },
            refused_by_reason=dict(Counter(why for _, why in self.refused).most_common()),
            remarks=dict(
                Counter(
                    remark for item in own for remark in dict.fromkeys(item.remarks)
                ).most_common()
            ),
            media=list(dict.fromkeys(name for item in own for name in item.media)),
            preview=[_shown(item) for item in own[:_PREVIEWED]],
            notes=[*content.notes, *(self.media.notes() if self.media else ())],
        )

    def _write(
        self, report: ItemsReport, found: list[Compared], topics: dict[tuple[str, ...], int]
    ) -> ItemsReport:
        wanted = [each for each in found if each.what != "known"]
        dormant = [each for each in found if self.request.publish and each.is_dormant]
        if not (wanted or dormant):
            return report
        self.names |= {
            "name": self.path.name,
            "sha256": fingerprint(self.path),
            "mapping": {"form": report.form},
        }
        batch = writing.new_batch(
            self.connection,
            self.names,
            {
                "read": report.items_read,
                "new": report.items_new,
                "known": report.items_known,
                "changed": report.items_changed + report.items_conflicting,
                "rejected": report.items_rejected,
            },
        )
        self.names["batch"] = batch
        written = writing.write(self.connection, self.names, wanted, topics)
        published = 0
        if self.request.publish:
            known = [(e.kept.question_id, e.kept.version) for e in dormant if e.kept is not None]
            was = {e.kept.question_id: e.kept.live_version for e in found if e.kept is not None}
            places = [*written.values(), *known]
            published = writing.publish(self.connection, self.names, places, was)
        audit.record(
            self.connection,
            tenant_id=self.names["tenant"],
            actor=self.names["actor"],
            action="items.import",
            target=f"exam={self.request.exam_code} import={batch}",
            details={
                "new": report.items_new,
                "changed": report.items_changed + report.items_conflicting,
                "published": published,
            },
        )
        return replace(report, batch=batch, published=published)


def _shown(item: Item) -> dict[str, Any]:
    short = item.stem_md if len(item.stem_md) <= 60 else f"{item.stem_md[:57]}…"
    return {
        "external_ref": item.reference,
        "stem": " ".join(short.split()),
        "options": len(item.options),
        "key": item.key,
        "topic": path_of(item.topic) if item.topic else "",
    }
