"""How a process starts that imports Dagster and dbt: a run is one, and its start is most of it.

What never lives here: what is imported.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from mashumaro.config import BaseConfig


@contextmanager
def imports() -> Iterator[None]:
    """Around imports: what they make stays, so that nobody need look for garbage in it.

    Python's collector took a third of a start, and looks through all of it again in every run.
    Hundreds of dbt's classes get their converters when they are used first, not when defined.
    """
    BaseConfig.lazy_compilation = True
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
