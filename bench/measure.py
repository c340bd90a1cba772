"""How the benchmarks measure: medians of wall-clock time, peak memory of a process of its own.

What never lives here: what is measured.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil
from rich.table import Table

from qbank.postgres.server_supervisor import find_postmaster
from qbank.settings import Settings

# VmHWM belongs to the program alone; ru_maxrss starts at the size of the process that spawned it
_REPORT = """
import pathlib, resource
status = pathlib.Path("/proc/self/status")
if status.exists():
    line = next(l for l in status.read_text().splitlines() if l.startswith("VmHWM"))
    print(int(line.split()[1]) * 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


T = TypeVar("T")


@dataclass(frozen=True)
class Cost:
    """Medians over the repeats of one piece of work.

    Attributes:
        seconds: wall clock.
        core_seconds: processor time of all threads together; what other programs take from the
            machine meanwhile does not count.
    """

    seconds: float
    core_seconds: float


def into(found: list[T], work: Callable[[], T]) -> Callable[[], None]:
    """`work` to be measured, which keeps what it last found as the only entry of `found`."""

    def keeping() -> None:
        found[:] = [work()]

    return keeping


def cost(work: Callable[[], object], repeats: int) -> Cost:
    """Runs `work` once without counting, then `repeats` times."""
    work()
    return _cost(work, repeats)


def cost_of_one(work: Callable[[], object]) -> Cost:
    """Runs `work` a single time, for baselines that take long."""
    return _cost(work, 1)


def median_seconds(work: Callable[[], object], repeats: int) -> float:
    """Median wall-clock seconds after one call that is not counted."""
    return cost(work, repeats).seconds


def _cost(work: Callable[[], object], repeats: int) -> Cost:
    wall, core = [], []
    for _ in range(repeats):
        began, spent = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - began)
        core.append(time.process_time() - spent)
    return Cost(statistics.median(wall), statistics.median(core))


def core_seconds_of(*pids: int) -> float:
    """Processor time so far of processes and all that they started, also of what has ended."""
    roots = [psutil.Process(pid) for pid in pids]
    # a set: one root may have started another, as a command starts the embedded server
    family = {*roots, *(child for root in roots for child in root.children(recursive=True))}
    total = 0.0
    for process in family:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def postmaster(settings: Settings) -> int:
    """Process id of the embedded server, which runs."""
    found = find_postmaster(settings.home / "postgres" / "data")
    assert found is not None
    return found.pid


def peak_bytes(code: str) -> int:
    """Peak resident memory of a fresh interpreter that runs `code`, in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", code + _REPORT],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    return int(done.stdout.split()[-1])


def table(title: str, *columns: str) -> Table:
    """A table whose first column is text and whose others are numbers."""
    made = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        made.add_column(column, justify="left" if index == 0 else "right")
    return made
