"""How the benchmarks measure: medians of wall-clock time, peak memory of a process of its own.

What never lives here: what is measured.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.table import Table

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


def median_seconds(work: Callable[[], object], repeats: int) -> float:
    """Median wall-clock seconds of `repeats` calls, after one call that is not counted."""
    work()
    return statistics.median(_seconds(work) for _ in range(repeats))


def median_core_seconds(work: Callable[[], object], repeats: int) -> float:
    """Median processor seconds of `repeats` calls, all threads together, after one not counted.

    What other programs take from the machine meanwhile does not count.
    """
    work()
    spent = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return statistics.median(spent)


def once(work: Callable[[], object]) -> float:
    """Wall-clock seconds of a single call, for baselines that take long."""
    return _seconds(work)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


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
