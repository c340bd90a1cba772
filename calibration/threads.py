"""Work spread over the cores: compiled kernels without the GIL, called from a pool of threads.

Numba's own `prange` needs a threading layer, and each has a trap: `workqueue` aborts the process
when two threads enter at once, libgomp dies after a fork, tbb is not everywhere. Kernels compiled
with `nogil=True` and called from ordinary threads have none of these.

What never lives here: what the threads compute.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

import numpy as np

from calibration.arrays import IntArray
from calibration.errors import InvalidParameterError

Result = TypeVar("Result")
Task = TypeVar("Task")
Part = TypeVar("Part")


def core_count() -> int:
    """Cores that this process may use (a container's limit is often lower than the machine's)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """A pool of threads that lives as long as one fit; with one thread, calls run in place."""

    def __init__(self, threads: int | None = None) -> None:
        """Opens the pool.

        Raises:
            InvalidParameterError: `threads` is below 1.
        """
        if threads is not None and threads < 1:
            raise InvalidParameterError(f"threads is {threads}: give None or a number ≥ 1")
        count = core_count() if threads is None else threads
        self._pool = ThreadPoolExecutor(count) if count > 1 else None

    def run(self, call: Callable[[Task], Result], tasks: Iterable[Task]) -> list[Result]:
        """Calls `call` on each task and returns the results in the order of the tasks."""
        if self._pool is None:
            return [call(task) for task in tasks]
        return list(self._pool.map(call, tasks))

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True)


def chunk_edges(indptr: IntArray, per_chunk: int, at_most: int) -> IntArray:
    """Splits the rows of a CSR layout into chunks of about equal work.

    The split depends on the data alone, never on the number of threads: sums are then added in
    the same order everywhere, and a fit gives the same bits on any machine of one kind.

    Args:
        indptr: CSR row starts, shape (N + 1,).
        per_chunk: entries that make a chunk worth its overhead.
        at_most: largest number of chunks.

    Returns:
        Row numbers where chunks begin and end, shape (chunks + 1,).
    """
    rows = indptr.size - 1
    chunks = int(min(at_most, max(1, indptr[-1] // per_chunk), max(rows, 1)))
    marks = np.linspace(0, indptr[-1], chunks + 1)
    edges = np.searchsorted(indptr, marks, side="left").astype(np.int64)
    edges[0], edges[-1] = 0, rows
    return np.unique(edges)


def ranges(start: int, stop: int, parts: int) -> Iterator[tuple[int, int]]:
    """Yields `parts` or fewer consecutive, non-empty ranges that cover [start, stop)."""
    parts = max(1, min(parts, stop - start))
    size = stop - start
    for part in range(parts):
        low, high = start + size * part // parts, start + size * (part + 1) // parts
        if high > low:
            yield low, high


def over_cores(work: Callable[[int, int], Part], start: int, stop: int, threads: int) -> list[Part]:
    """Runs `work(low, high)` over ranges of [start, stop) and returns the parts in order.

    Twice as many ranges as threads: a core that is taken away for a while delays only its half.
    """
    spans = list(ranges(start, stop, 1 if threads == 1 else 2 * threads))
    with Workers(min(threads, len(spans))) as workers:
        return workers.run(lambda span: work(*span), spans)
