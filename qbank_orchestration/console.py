"""How the commands show work in progress and its end.

What never lives here: running jobs, and decisions about them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich import box
from rich.console import Console as Terminal
from rich.table import Table

from qbank_orchestration.instance import instance
from qbank_orchestration.progress import RowProgress

if TYPE_CHECKING:
    from qbank_orchestration.running import Ended, Runner


class Console:
    """Opens the instance, shows each run while it works, and a table at the end.

    It writes to copies of the terminal's descriptors, for Dagster captures the originals while a
    step runs.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._out = Terminal(
            file=os.fdopen(os.dup(sys.stdout.fileno()), "w"), highlight=False, soft_wrap=True
        )
        self._err = Terminal(file=os.fdopen(os.dup(sys.stderr.fileno()), "w"), highlight=False)
        self._progress = RowProgress(self._err)

    def __enter__(self) -> Self:
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

    def runner(self) -> Runner:
        """A runner whose runs are shown."""
        self._progress.begin("loading the code location")
        from qbank_orchestration.running import Runner

        runner = Runner(self._instance, on_start=self._started, on_end=self._ended)
        self._progress.end()
        return runner

    def check_exams(self, exam_codes: Sequence[str]) -> None:
        """Refuses an unknown exam before anything starts.

        Raises:
            NotFoundError: names it and the known ones.
        """
        from qbank import postgres
        from qbank.stores import item_bank

        with postgres.connect("orchestration") as conn:
            for code in exam_codes:
                item_bank.exam(conn, code)

    def stage(self, text: str, done: int, total: int) -> None:
        """Progress of a stage that counts its own steps."""
        self._progress.begin(f"{text} {done} of {total}")
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
            document = {"runs": [asdict(run) for run in ended], "waiting": dict(waiting)}
            print(json.dumps(document, indent=2))
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column in ("job", "partition", "ended", "seconds", "checks", "why not"):
            table.add_column(column, overflow="fold")
        for run in ended:
            table.add_row(
                run.job,
                run.partition or "",
                "[green]done[/]" if run.success else "[red]failed[/]",
                f"{run.seconds:.1f}",
                f"{run.checks_passed} passed"
                + (f", failed: {', '.join(run.checks_failed)}" if run.checks_failed else ""),
                run.error or "",
            )
        out = self._err if to_stderr else self._out
        out.print(table)
        for exam_code, reason in waiting.items():
            out.print(f"{exam_code}: nothing to calibrate: {reason}")
        out.file.flush()

    def _started(self, job: str, partition: str | None, why: str) -> None:
        self._progress.begin(f"{job} {partition or ''}", why)

    def _ended(self, run: Ended) -> None:
        self._progress.end()
        mark = "[green]✓[/]" if run.success else "[red]✗[/]"
        self.say(
            f"{mark} {run.job} {run.partition or ''} {run.seconds:.1f} s,"
            f" {run.checks_passed} checks passed" + (f": {run.error}" if run.error else "")
        )
