"""Compiled templates of dbt, kept beside its parsed project for the next command.

dbt compiles some six hundred Jinja templates anew in each command, its macros before all; of the
processor time of a night in which nothing is new that is an eighth. Jinja's own cache serves
templates of loaders only, and dbt makes each from a string. What never lives here: what a template
says.
"""

from __future__ import annotations

import marshal
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType
from typing import Any

NAME = "templates.marshal"
"""Of the file in dbt's target folder."""
MOST = 5_000
"""Templates in the file; above it only those stay that the last command used."""
_Code = dict[tuple[str, str], CodeType]


@contextmanager
def kept() -> Iterator[None]:
    """Lets dbt take its templates from the file and keeps there what it compiled besides."""
    from jinja2 import Environment

    compiles = Environment.compile
    found: _Code = {}
    used: _Code = {}
    target: Path | None = None

    def compile_once(
        self: Environment, source: Any, name: Any = None, filename: Any = None, **how: Any
    ) -> Any:
        nonlocal target
        if not isinstance(source, str) or name or filename or how:
            return compiles(self, source, name, filename, **how)
        if target is None and (target := _target()):
            found.update(_read(target))
        # of two kinds, texts and native values: the class says which
        key = (type(self).__qualname__, source)
        if key not in used:
            used[key] = found.get(key) or compiles(self, source)
        return used[key]

    Environment.compile = compile_once  # type: ignore[assignment,method-assign]  # one of its forms
    try:
        yield
    finally:
        Environment.compile = compiles  # type: ignore[method-assign]  # as it was
        if target and not used.keys() <= found.keys():
            _write(target, used if len(found | used) > MOST else found | used)


def _target() -> Path | None:
    """The target folder of the command that runs; None before dbt knows it."""
    from dbt.flags import get_flags

    named = getattr(get_flags(), "TARGET_PATH", None)  # type: ignore[no-untyped-call]  # dbt's own
    return Path(named) if named else None


def _made_by() -> str:
    """What code objects depend on beside their source."""
    names = ("jinja2", "dbt-core", "dbt-common")
    return " ".join((MAGIC_NUMBER.hex(), *(f"{name} {version(name)}" for name in names)))


def _read(target: Path) -> _Code:
    with suppress(OSError, ValueError, EOFError, TypeError):
        made_by, code = marshal.loads((target / NAME).read_bytes())  # noqa: S302  (as Python's own)
        if made_by == _made_by():
            return code  # type: ignore[no-any-return]  # as it was written below
    return {}


def _write(target: Path, code: _Code) -> None:
    # whole or not at all; without a place for it the next command compiles again
    with suppress(OSError):
        handle, path = tempfile.mkstemp(dir=target, prefix=NAME)
        with os.fdopen(handle, "wb") as file:
            file.write(marshal.dumps((_made_by(), code)))
        Path(path).replace(target / NAME)
