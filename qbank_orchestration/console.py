"""How the commands show work in progress and its end.

What never lives here: running jobs, and decisions about them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich import box
from rich.console import Console as Terminal
from rich.markup import escape
from rich.table import Table

from qbank.settings import get_settings
from qbank_orchestration import recovery
from qbank_orchestration.instance import instance
from qbank_orchestration.progress import RowProgress
from qbank_orchestration.verdicts import Verdict, fell_short, verdicts

if TYPE_CHECKING:
    from qbank_orchestration.ended import Ended
    from qbank_orchestration.queueing import Queue
    from qbank_orchestration.running import Runner

JUST_DIED_S = 25.0
"""How long a command waits for the end of what may have died a moment ago."""


class Console:
    """Opens the instance, shows each run while it works, and a table at the end.

    Dagster and dbt talk a lot on the process's own output: while a console is open that goes to a
    log file in the home folder, and only what the console says reaches the terminal.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._out = Terminal(
            file=os.fdopen(os.dup(sys.stdout.fileno()), "w"), highlight=False, soft_wrap=True
        )
        self._err = Terminal(file=os.fdopen(os.dup(sys.stderr.fileno()), "w"), highlight=False)
        self._progress = RowProgress(self._err)

    def __enter__(self) -> Self:
        self._stack.enter_context(_into(get_settings().home / "logs" / "commands.log"))
        self._instance = self._stack.enter_context(instance())
        self._stack.enter_context(self._progress)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def say(self, text: str) -> None:
        """One line of progress."""
        self._err.print(text)

    def runner(self) -> Runner | Queue:
        """Who does the work, and shows its runs: the daemon where one lives, else this process.

        What dead processes left at work is ended first, for without a daemon nobody else does so.
        """
        from qbank_orchestration import queueing

        alive = queueing.silent_for(self._instance) < queueing.ALIVE_S
        self._end_dead(patience_s=0.0 if alive else JUST_DIED_S)
        if alive:
            self.say("a daemon is at work on this instance: it does the work, this command follows")
            return queueing.Queue(
                self._instance,
                on_start=self._started,
                on_end=self._ended,
                on_interrupt=self._interrupted,
            )
        self._progress.begin("loading the code location")
        from qbank_orchestration.running import Runner

        runner = Runner(self._instance, on_start=self._started, on_end=self._ended)
        self._progress.end()
        self.say("no daemon is at work on this instance: this process does the work")
        return runner

    def _end_dead(self, *, patience_s: float) -> None:
        for row in recovery.recover_rows(patience_s=patience_s):
            exam = escape(row.exam_code)
            self.say(f"{row.kind} of {exam} is ended, run {row.id}: {recovery.REASON}")
        for run in recovery.recover_dagster_runs(self._instance, patience_s=patience_s):
            self.say(f"{run.job_name} is ended, Dagster run {run.run_id}: {recovery.REASON}")

    def _interrupted(self, what: str) -> bool:
        self._progress.end()
        if not (self._err.is_terminal and sys.stdin.isatty()):
            self.say(what)
            return False
        # without markup, which would take [y/N] for a style
        answer = self._err.input(f"{what}; cancel it? [y/N] ", markup=False)
        return answer.strip().lower() in ("y", "yes")

    def exam_keys(self, exam_codes: Sequence[str]) -> dict[str, str]:
        """The key of each exam that is named; refuses an unknown one before anything starts.

        Raises:
            NotFoundError: names it and the known ones.
            ConflictError: several exams have this code, and none this key.
        """
        from qbank import postgres
        from qbank.stores import item_bank

        with postgres.connect("orchestration") as conn:
            return {code: item_bank.exam(conn, code).exam_code for code in exam_codes}

    def stage(self, text: str, done: int, total: int) -> None:
        """Progress of a stage that counts its own steps; a log is told of its beginning."""
        if self._err.is_terminal:
            self._progress.begin(f"{text} {done} of {total}")
        elif done == 0:
            self._progress.begin(text)
        if done >= total:
            self._progress.end()

    def print(self, what: object) -> None:
        """Text or a table for people, on standard output."""
        self._out.print(what)
        self._out.file.flush()

    def show(
        self,
        ended: Sequence[Ended],
        waiting: Mapping[str, str],
        *,
        as_json: bool,
        to_stderr: bool = False,
    ) -> None:
        """What ran, as a table or as JSON; the table may go beside another answer."""
        if as_json:
            document = {
                "runs": [asdict(run) for run in ended],
                "waiting": dict(waiting),
                "exams": [asdict(verdict) for verdict in verdicts(ended, waiting)],
            }
            self.print(json.dumps(document, indent=2))
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column in ("job", "partition", "ended", "seconds", "checks"):
            table.add_column(column, overflow="fold", no_wrap=column == "partition")
        short = fell_short(run for run in ended if run.partition)
        for run in ended:
            table.add_row(
                run.job,
                run.partition or "",
                _outcome(run, short)[1],
                f"{run.seconds:.1f}",
                _checks(run),
            )
        out = self._err if to_stderr else self._out
        out.print(table)
        lines = [line for verdict in verdicts(ended, waiting) for line in _lines(verdict)]
        for line in (*_errors(ended, "\n".join(lines)), *lines):
            out.print(line)
        out.file.flush()

    def _started(self, job: str, partition: str | None, why: str) -> None:
        self._progress.begin(f"{job} {partition or ''}", why)

    def _ended(self, run: Ended) -> None:
        self._progress.end()
        short = fell_short([run]) if run.partition else frozenset()
        self.say(
            f"{_outcome(run, short)[0]} {run.job} {run.partition or ''} {run.seconds:.1f} s,"
            f" {run.checks_passed} checks passed" + (f": {run.error}" if run.error else "")
        )


def _outcome(run: Ended, short: Set[str]) -> tuple[str, str]:
    """A run's mark and word: work that published nothing is not shown as done."""
    if not run.success:
        return "[red]✗[/]", "[red]failed[/]"
    if run.run_id in short:
        return "[yellow]–[/]", "[yellow]nothing published[/]"
    return "[green]✓[/]", "[green]done[/]"


def _lines(verdict: Verdict) -> Iterator[str]:
    """An exam's verdict; red is what makes the command fail."""
    colour = "yellow" if verdict.success else "red"
    told = [
        *(f"[green]published[/]: {escape(text)}" for text in verdict.published),
        *(f"[{colour}]not published[/]: {escape(text)}" for text in verdict.not_published),
        *(escape(text) for text in verdict.notes),
    ]
    if verdict.waiting:
        told += [f"nothing to calibrate: {escape(verdict.waiting)}"]
    return (f"{escape(verdict.exam_code)}: {text}" for text in told)


def _errors(ended: Sequence[Ended], told: str) -> Iterator[str]:
    """Why runs failed, on lines that a command can be copied from, but for what is told anyway."""
    for run in ended:
        why = escape(run.error or "")
        if why and why.removeprefix("not published: ") not in told:
            yield f"[red]{' '.join((run.job, run.partition or '')).strip()}[/]: {why}"


def _checks(run: Ended) -> str:
    lines = [f"{run.checks_passed} passed"]
    for kind, names in (("failed", run.checks_failed), ("warning", run.warnings)):
        lines += [f"{kind}: {name.rpartition('.')[2]}" for name in names]
    return "\n".join(lines)


@contextmanager
def _into(log: Path) -> Iterator[None]:
    """Sends this process's output, and that of what it starts, to a file until the end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    kept = {stream: os.dup(stream.fileno()) for stream in (sys.stdout, sys.stderr)}
    try:
        with log.open("ab") as file:
            for stream in kept:
                stream.flush()
                os.dup2(file.fileno(), stream.fileno())
        yield
    finally:
        for stream, original in kept.items():
            stream.flush()
            os.dup2(original, stream.fileno())
            os.close(original)
