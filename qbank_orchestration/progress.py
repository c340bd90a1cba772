"""A live line about what is at work, read from the rows that the work itself keeps.

What never lives here: the work.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import psycopg

from qbank import postgres
from qbank.errors import QbankError
from qbank.stores import runs

if TYPE_CHECKING:
    from rich.console import Console

_EVERY_S = 0.7


class RowProgress:
    """Shows the stage, its time and the iteration that the running row reports."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("")
        self._stage, self._began = "", time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._status.stop()

    def begin(self, stage: str, why: str = "") -> None:
        """A new stage."""
        self._stage, self._began = stage.strip() + (f" ({why})" if why else ""), time.monotonic()
        if self._console.is_terminal:
            self._status.update(self._stage)
            self._status.start()
        else:
            self._console.print(f"… {self._stage}")

    def end(self) -> None:
        """The stage is over."""
        self._status.stop()

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY_S):
            # a glance that fails is not worth a word: the work itself reports its faults
            with suppress(psycopg.Error, QbankError), postgres.connect("orchestration") as conn:
                working = runs.running(conn)
                detail = _last(runs.get(conn, working[-1].id)) if working else ""
                seconds = time.monotonic() - self._began
                self._status.update(f"{self._stage} {seconds:.0f} s {detail}")


def _last(run: runs.Run) -> str:
    if not run.history:
        return run.kind
    entry: dict[str, Any] = run.history[-1]
    parts = [f"{run.kind} iteration {entry.get('iter')}"]
    if "total_iters" in entry:
        parts.append(f"of at most {entry['total_iters']}")
    if "max_exp" in entry:
        parts.append(f"max exposure {entry['max_exp']:.3f}")
    return " ".join(parts)
