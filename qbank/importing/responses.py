"""Import of one file of responses: read, judge, stage, match, load, all or nothing.

What never lives here: SQL (``matching``, ``loading``) and what a right row is (``validation``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from qbank.errors import ImportFileError
from qbank.import_reports import ImportReport
from qbank.importing import batches, scoring
from qbank.importing.exam import exam_of, refuse_swapped
from qbank.importing.key_files import given_rules, keyed, without_key_row
from qbank.importing.keys import Key, ScoringRule, max_scores, rules_of_points
from qbank.importing.loading import write
from qbank.importing.matching import COPY, STAGE, Matched, Staged, conflict_of
from qbank.importing.outlook import outlook
from qbank.importing.people import People
from qbank.importing.reading import fingerprint, open_source, recognised
from qbank.importing.refusals import Refusals, bias
from qbank.importing.rejects import Refused, RejectsFile, picked_rows, refused_rows
from qbank.importing.request import ImportRequest
from qbank.importing.rules import rules_of
from qbank.importing.sittings import Sittings
from qbank.importing.source import Source
from qbank.importing.validation import decimals_in, sitting_of_day, validate
from qbank.postgres import Connection, connect
from qbank.settings import Settings
from qbank.system_user import importer

Progress = Callable[[str, int, int, int], None]
Written = Callable[[Connection, ImportReport], None]
_TOUCHED = "quiz_sessions, quiz_items, user_responses, questions, question_versions"
_NAMED = 3
_PREVIEWED = 5


class ImportRefusedError(ImportFileError):
    """The file was read, and nothing of it was written.

    Attributes:
        report: what was found.
    """

    def __init__(self, report: ImportReport) -> None:
        super().__init__(report.refused)
        self.report = report


def import_responses(
    request: ImportRequest,
    *,
    settings: Settings | None = None,
    on_progress: Progress = lambda stage, done, total, rows: None,
    on_written: Written = lambda connection, report: None,
) -> ImportReport:
    """Imports a file in one transaction: a failed import leaves nothing, and so does a dry run.

    The same file again adds nothing: sittings have ids made from what identifies them.

    Args:
        request: what to import.
        settings: those of the process where None.
        on_progress: hears (stage, bytes read, bytes in all, rows read); these stand still while
            loading.
        on_written: hears the report of what was written, in the transaction that writes it.

    Raises:
        ImportFileError: the file, a column or the exam is not usable.
        ImportRefusedError: too many rows are refused, they are no random part of the file, or
            answers are there with another score.
        DatabaseUnavailableError: Postgres does not answer.
    """
    request = keyed(recognised(request))
    rules_of(request)
    given = given_rules(request)
    sha256 = fingerprint(request.path) if request.path.is_file() else ""
    with open_source(request) as source:
        request = replace(request, columns=source.columns)
        people = People(request, settings)
        rejects = RejectsFile(request.path, request.rejects, source.header)
        try:
            with connect("owner", settings=settings) as connection:
                work = _Import(request, source, rejects, given, people, on_progress)
                report = work.run(connection, sha256)
                if not request.dry_run:
                    on_written(connection, report)
        except BaseException as error:
            if not isinstance(error, ImportRefusedError):
                rejects.discard()
            raise
    if request.dry_run:
        return report
    with connect("owner", settings=settings, autocommit=True) as connection:
        connection.execute(f"ANALYZE {_TOUCHED}")
    return report


class _Import:
    """One import under way."""

    def __init__(
        self,
        request: ImportRequest,
        source: Source,
        rejects: RejectsFile,
        rules: Mapping[str, ScoringRule],
        people: People,
        on_progress: Progress,
    ) -> None:
        self.request = request
        self.source = source
        self.rejects = rejects
        self.rules = rules
        self.people = people
        self.on_progress = on_progress
        self.refusals = Refusals(by_key=bool(rules))
        self.first: list[str] = []
        self.preview: list[dict[str, Any]] = []
        self.read = 0

    def run(self, connection: Connection, sha256: str) -> ImportReport:
        """Reads, judges, matches and writes in the connection's transaction."""
        asked = self.request
        exam = exam_of(connection, asked.exam_code, asked.tenant, asked.new_exam, actor=asked.actor)
        request = self.request = replace(asked, exam_code=exam.exam_code)
        batches.lock(connection, request.exam_code)
        # room to sort
        connection.execute("SET LOCAL work_mem = '256MB'")
        connection.execute("SET LOCAL temp_buffers = '256MB'")
        actor = request.actor or importer()
        self.people.begin(connection, exam.tenant_id)
        batches.refuse_another_mapping(connection, request, sha256)
        batches.refuse_other_names(connection, request)
        known = scoring.in_force(connection, request.exam_code)
        self.rules = {item: rule.settled(known.get(item)) for item, rule in self.rules.items()}
        connection.execute(STAGE)
        self._stage(connection, {item: rule for item, rule in known.items() if rule})
        scoring.refuse_another_key(request.exam_code, self.rules, known)
        if not request.option_codes:
            scoring.refuse_several_in_one(connection, request.path, self.rules)
        staged = Staged(
            connection,
            exam.tenant_id,
            request.exam_code,
            actor,
            self._step,
            Sittings(self._day(), request.attempts_by_order, request.gap, request.pseudonymise),
            request.item_scope == "tenant",
            tuple(item for item, rule in self.rules.items() if rule.rule != "points"),
        )
        matched = staged.match(counted=self.rejects.count > 0)
        refuse_swapped(connection, staged.names)
        scoring.stage(connection, self.rules)
        names = staged.names | {"batch": None}
        scoring.refuse_another_scoring(connection, self.rules, names)
        self._reject_later(matched)
        self.people.attributes.match(connection, exam.tenant_id)
        report = self._report(matched)
        if request.dry_run:
            told = outlook(connection, exam, names)
            report = replace(report, notes=[*report.notes, *told])
        if reason := self._reason(matched):
            refused = replace(report, refused=reason, rejects=self._finished())
            where = f"; {refused.rejects} has each with its reason" if refused.rejects else ""
            raise ImportRefusedError(replace(refused, refused=f"{reason}{where}"))
        if request.dry_run:
            connection.rollback()
            self._finished()
            return report
        batch = batches.new_batch(connection, request, sha256, actor)
        rules = self.rules if matched.new or matched.conflicts else {}
        published = write(staged, batch, rules)
        attributes = self.people.attributes.write(connection, exam.tenant_id, batch)
        batches.note(connection, batch, report, published, attributes=attributes)
        return replace(report, rejects=self.rejects.finish(), batch=batch)

    def _finished(self) -> Path | None:
        if not self.request.dry_run:
            return self.rejects.finish()
        self.rejects.discard()
        return None

    def _step(self, stage: str) -> None:
        self.on_progress(stage, self.source.size, self.source.size, self.read)

    def _day(self) -> str | None:
        if self.request.columns.timestamp is not None or self.request.sitting is not None:
            return None
        return sitting_of_day(self.request.timestamp)

    def _stage(self, connection: Connection, known: Mapping[str, ScoringRule]) -> None:
        """Copies right rows to the staging table, refused ones to the file."""
        most = max_scores(self.request.max_scores, self.rules, known)
        rules = replace(rules_of(self.request), most=most)
        if self.rules:
            codes = self.request.option_codes
            rules = replace(rules, key=Key({**known, **self.rules}, takes_codes=codes))
        elif known:
            rules = replace(rules, in_force=Key(known))
        no_header = pa_csv.WriteOptions(include_header=False)
        with connection.cursor().copy(COPY) as copy:
            for found in self.source:
                batch = without_key_row(found, self.request)
                if not self.read:
                    decimals = decimals_in(batch.table, rules.columns)
                    rules = replace(rules, decimals=decimals)
                self.read += len(batch.broken) + batch.table.num_rows
                judged = validate(batch.lines, batch.table, rules)
                self.refusals.add(judged)
                right = judged.rows.filter(judged.right)
                right = self.people.written(batch.table, judged.right, right)
                if len(self.preview) < _PREVIEWED:
                    first = right.slice(0, _PREVIEWED - len(self.preview)).to_pylist()
                    self.preview += [row | {"line": self.source.line(row["line"])} for row in first]
                for _, reason, _ in batch.broken:
                    self.refusals.kinds[reason.partition(":")[0]] += 1
                refused = refused_rows(batch.lines, batch.table, judged.reasons, batch.broken)
                self._remember(refused)
                self.rejects.add(self._by_line(refused))
                sink = pa.BufferOutputStream()
                pa_csv.write_csv(right, sink, no_header)
                copy.write(sink.getvalue().to_pybytes())
                self.on_progress("reading", batch.bytes_read, self.source.size, self.read)
        self.rules = {**self.rules, **rules_of_points(most, known)}

    def _remember(self, refused: list[Refused]) -> None:
        wanted = _NAMED - len(self.first)
        refused = list(self._by_line(refused[:wanted]))
        self.first += [f"line {line}: {reason}" for line, reason, _ in refused]

    def _by_line(self, refused: Iterable[Refused]) -> Iterator[Refused]:
        return ((self.source.line(number), *rest) for number, *rest in refused)  # type: ignore[misc]  # of three parts, as Refused

    def _reject_later(self, matched: Matched) -> None:
        """Adds rows that are wrong beside other rows, or beside what the database has."""
        reasons = {
            line: (
                f"user '{user}' answers item '{item}' already in line {self.source.line(first)} "
                "of the same sitting: where people answer twice, map --session-col or "
                "--attempt-col, or let row order tell with --attempt auto"
            )
            for line, first, user, item, _ in matched.duplicates
        }
        if reasons:
            again = [(item, score) for _, _, _, item, score in matched.duplicates]
            self.refusals.add_rows("an item is answered twice in one sitting", again)
        if self.request.on_conflict == "refuse":
            reasons |= {row[0]: conflict_of(row) for row in matched.conflicts}
        if reasons:
            lines = sorted(reasons)
            self._remember([(line, reasons[line], []) for line in lines[:_NAMED]])
            self.rejects.merge(self._by_line(self._picked(reasons)))

    def _picked(self, reasons: dict[int, str]) -> Iterator[Refused]:
        with open_source(self.request) as again:
            for batch in again:
                yield from picked_rows(batch.lines, batch.table, reasons)

    def _reason(self, matched: Matched) -> str | None:
        """Why nothing is to be written; None where all is well."""
        file, conflicts = self.request.path, matched.conflicts
        refused = self.refusals.kinds.total()
        if self.read == refused + self.refusals.skipped:
            if not self.read:
                return f"none of the 0 rows of {file} is right: the file has a header only"
            return f"none of the {self.read} rows of {file} is right: {'; '.join(self.first)}"
        if unfair := bias(self.refusals, matched.accepted):
            return f"{file}: nothing was written, for what is left would be bent: {unfair}"
        if refused > self.request.max_rejects:
            return (
                f"{file}: nothing was written, for {refused} of {self.read} rows are refused and "
                f"--max-rejects is {self.request.max_rejects} ({'; '.join(self.first)}): "
                f"mend them in the file itself, or import the others with --max-rejects {refused}"
            )
        if conflicts and self.request.on_conflict == "refuse":
            named = "; ".join(
                f"line {self.source.line(row[0])}: {conflict_of(row)}" for row in conflicts[:_NAMED]
            )
            return (
                f"{file}: nothing was written, for {len(conflicts)} of its answers are there "
                f"otherwise ({named}): --on-conflict replace takes those of the file and keeps "
                "what was there as history"
            )
        return None

    def _report(self, matched: Matched) -> ImportReport:
        refusals = self.refusals
        return ImportReport(
            rows_read=self.read,
            rows_inserted=matched.new,
            rows_known=matched.known,
            rows_conflicting=len(matched.conflicts),
            rows_missing=refusals.skipped,
            rows_rejected=refusals.kinds.total(),
            new_items=matched.made.new,
            unkeyed_items=matched.made.unkeyed,
            refused_by_reason=dict(refusals.kinds.most_common()),
            refused_by_item=refusals.by_item(),
            refused_by_score=refusals.by_score(),
            codes=dict(refusals.codes),
            disagreeing=dict(refusals.disagreeing.most_common()),
            attributes=self.people.attributes.counts,
            columns=self.request.columns.mapped(),
            preview=self.preview,
            notes=[
                *self.source.notes,
                *self.people.notes(),
                *refusals.notes(_NAMED),
                *matched.made.notes,
            ],
            blanked={name: dict(values.most_common()) for name, values in refusals.blanked.items()},
        )
