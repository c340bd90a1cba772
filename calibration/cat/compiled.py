"""How kernels are compiled, and how they are spread over cores.

Kernels release the GIL and run on ordinary Python threads, each on its own range of examinees: no
numba threading layer is involved, so two callers at once (an API's thread pool, two runs in one
process) can never abort it, and nothing depends on libgomp or breaks after a fork.

What never lives here: formulas.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., object])
Part = TypeVar("Part")

_njit: Any = numba.njit  # its overloads do not know that options can come as a mapping
_OPTIONS = {"nogil": True, "error_model": "numpy", "_nrt": False}


def kernel(function: Kernel) -> Kernel:
    """Compiles a function without the GIL, kept on disk where a folder for that is writable.

    No fast-math: sums keep the order in which they are written, so results do not depend on where a
    kernel was inlined, on the number of threads, or on the width of the machine's vectors. No numba
    runtime: kernels allocate nothing, and counting array references took a third of the time.
    """
    try:
        return cast(Kernel, _njit(cache=True, **_OPTIONS)(function))
    except RuntimeError:  # no writable cache folder: compile anew in each process
        return cast(Kernel, _njit(**_OPTIONS)(function))


def inlined(function: Kernel) -> Kernel:
    """Compiles a part of a kernel into its callers: passing the arrays costs more than its work."""
    return cast(Kernel, _njit(forceinline=True, **_OPTIONS)(function))


def core_count() -> int:
    """Returns the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
    if len(spans) == 1 or threads == 1:
        return [work(low, high) for low, high in spans]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda span: work(*span), spans))
