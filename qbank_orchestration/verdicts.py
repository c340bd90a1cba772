"""What a night did for each exam, in words that a person acts on: published, not, and why.

What never lives here: running jobs (``running``), how it is shown (``console``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg

from qbank import postgres
from qbank.errors import QbankError
from qbank.exams.needs import smallest_n
from qbank.exams.settings import controls_exposure
from qbank.stores import exam_states, item_bank, runs
from qbank_orchestration.ended import Ended


@dataclass
class Verdict:
    """One exam's outcome.

    Attributes:
        published: what came into force, or would have in a dry run.
        not_published: what did not although it was tried, why, and what to do.
        notes: what was looked at and had nothing to change.
        waiting: why nothing was tried; "" where something was.
        success: whether everything that was tried succeeded.
    """

    exam_code: str
    published: list[str] = field(default_factory=list)
    not_published: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    waiting: str = ""
    success: bool = True


def verdicts(ended: Iterable[Ended], waiting: Mapping[str, str]) -> tuple[Verdict, ...]:
    """The verdict on each exam that was worked on or waits, by code.

    Args:
        ended: the runs.
        waiting: why nothing was calibrated, by exam.
    """
    told: dict[str, Verdict] = {}
    runs_ended = [*ended]
    with suppress(psycopg.Error, QbankError):  # a database that is away is what the runs tell of
        _read(told, runs_ended)
    for run in runs_ended:
        if run.partition:
            code = run.partition.rpartition("|")[2]
            verdict = told.setdefault(code, Verdict(code))
            verdict.success &= run.success
            if not (run.success or verdict.not_published):
                verdict.not_published.append(f"{run.job}: {run.error}")
    for code, why in waiting.items():
        told.setdefault(code, Verdict(code)).waiting = why
    return tuple(told[code] for code in sorted(told))


def fell_short(ended: Iterable[Ended]) -> frozenset[str]:
    """Ids of the runs whose work came to nothing that is in force although nothing failed."""
    short = set()
    with (
        suppress(psycopg.Error, QbankError),
        postgres.connect("orchestration", autocommit=True) as conn,
    ):
        for run in ended:
            if any(map(_falls_short, runs.of_orchestrator(conn, run.run_id))):
                short.add(run.run_id)
    return frozenset(short)


def _falls_short(row: runs.Run) -> bool:
    # without anything to change nothing is wanting; without parameters all is
    return row.kind == "irt" if row.status == "empty" else row.status != "done"


def _read(told: dict[str, Verdict], ended: Sequence[Ended]) -> None:
    """Tells of each row of work that the runs have left."""
    with postgres.connect("orchestration", autocommit=True) as conn:
        exams = {exam.exam_code: exam for exam in item_bank.exams(conn)}
        for run in ended:
            for row in runs.of_orchestrator(conn, run.run_id):
                exam = exams[row.exam_code]
                verdict = told.setdefault(row.exam_code, Verdict(row.exam_code))
                _tell(verdict, row, exam)
                if row.kind != "irt":
                    continue
                if not controls_exposure(exam.policy):
                    verdict.notes.append("no exposure control: its settings ask for none")
                if part := exam_states.items_with_part_marks(conn, row.exam_code):
                    verdict.notes.append(
                        f"{part} items have answers with part of the marks: their a, b and c are of"
                        " full marks, and part of them counts as wrong"
                    )


def _tell(verdict: Verdict, row: runs.Run, exam: item_bank.Exam) -> None:
    """Adds what one row of work came to."""
    what = _WHAT[row.kind]
    if row.status == "done":
        dry = " (a dry run: nothing is in force)" if row.stopped_reason == "dry_run" else ""
        verdict.published.append(f"{what}{_figures(row)}{dry}")
        verdict.notes.extend(_left_over(row, exam))
    elif _falls_short(row):
        verdict.not_published.append(f"{what}: {row.error or row.stopped_reason or row.status}")
    else:
        verdict.notes.append(f"{what}: {row.stopped_reason}")


_WHAT: Mapping[runs.Kind, str] = {
    "irt": "item parameters",
    "sympson_hetter": "exposure control",
    "reestimation": "sh_p re-estimated",
    "rollback": "sh_p rolled back",
}


def _figures(row: runs.Run) -> str:
    result = row.result or {}
    summary: Mapping[str, Any] = result.get("summary") or {}
    if row.kind == "irt":
        return f" of {summary.get('items_calibrated')} of {summary.get('items')} answered items"
    if row.kind == "sympson_hetter":
        return f" of {summary.get('items')} items, τ {summary.get('tau'):g}"
    changed = (result.get("published") or {}).get("changed", 0)
    return f": {changed} items changed"


def _left_over(row: runs.Run, exam: item_bank.Exam) -> Sequence[str]:
    """Of a fit: the items that have no parameters by it."""
    if row.kind != "irt":
        return ()
    summary: Mapping[str, Any] = (row.result or {}).get("summary") or {}
    few = (summary.get("flags") or {}).get("below_min_n", 0)
    held = len(summary.get("held_back") or ())
    notes = []
    if few:
        notes.append(
            f"{few} items have fewer first attempts than the {smallest_n(exam)} that"
            f" {exam.irt_model} needs (min_responses): collect more"
        )
    if held:
        notes.append(f"{held} items are held back: `qbank runs show {row.id}` says why")
    return notes
