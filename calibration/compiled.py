"""How kernels are compiled: without the GIL, and kept on disk.

What never lives here: formulas, and how kernels are spread over cores (``calibration.threads``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., object])

_njit: Any = numba.njit  # its overloads do not know that options can come as a mapping
_KERNEL = {"error_model": "numpy", "_nrt": False}


def compiled(**options: Any) -> Callable[[Kernel], Kernel]:
    """Compiles a function without the GIL, kept on disk where a folder for that is writable.

    Args:
        options: numba's own, beside `nogil` and `cache`.
    """

    def decorate(function: Kernel) -> Kernel:
        try:
            return cast(Kernel, _njit(nogil=True, cache=True, **options)(function))
        except RuntimeError:  # no writable cache folder: compile anew in each process
            return cast(Kernel, _njit(nogil=True, **options)(function))

    return decorate


def kernel(function: Kernel) -> Kernel:
    """Compiles a kernel of the simulator.

    No fast-math: sums keep the order in which they are written, so results do not depend on where a
    kernel was inlined, on the number of threads, or on the width of the machine's vectors. No numba
    runtime: kernels allocate nothing, and counting array references took a third of the time.
    """
    return compiled(**_KERNEL)(function)


def inlined(function: Kernel) -> Kernel:
    """Compiles a part of a kernel into its callers: passing the arrays costs more than its work."""
    return cast(Kernel, _njit(nogil=True, forceinline=True, **_KERNEL)(function))
