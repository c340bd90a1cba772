"""How kernels are compiled: without the GIL, and kept on disk under a hash of all sources.

Numba's own cache notices a change in a kernel's own file alone, while a kernel has compiled into it
whatever it calls, from any file. Here the cache folder is named by a hash over every source of this
package and numba's version: no edit anywhere can meet a kernel that was compiled before it.

What never lives here: formulas, and how kernels are spread over cores (``calibration.threads``).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import caching
from numba.misc import appdirs

Kernel = TypeVar("Kernel", bound=Callable[..., object])

FOLDERS_KEPT = 8  # one per state of the sources: branches and checkouts that share a cache folder
_PACKAGE = Path(__file__).parent
_PREFIX = f"{_PACKAGE.name}-"
_njit: Any = numba.njit  # its overloads do not know that options can come as a mapping
_caching: Any = caching
_appdirs: Any = appdirs
_KERNEL: Any = {"error_model": "numpy", "_nrt": False}


def _stamps() -> dict[Path, tuple[int, int]]:
    """Time and size of every source."""
    stats = {path: path.stat() for path in sorted(_PACKAGE.rglob("*.py"))}
    return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in stats.items()}


def _digest(paths: Iterator[Path]) -> str:
    found = hashlib.sha256(numba.__version__.encode())
    for path in paths:
        source = path.read_bytes()
        found.update(f"\0{path.relative_to(_PACKAGE)}\0{len(source)}\0".encode())
        found.update(source)
    return found.hexdigest()[:20]


def _parents() -> Iterator[Path]:
    """Where the cache may live, the preferred place first."""
    if numba.config.CACHE_DIR:  # type: ignore[attr-defined]  # numba makes them as it starts
        yield Path(numba.config.CACHE_DIR)  # type: ignore[attr-defined]  # numba makes them as it starts
    else:
        yield _PACKAGE / "__pycache__"
    yield Path(_appdirs.AppDirs(appname="numba", appauthor=False).user_cache_dir)


def _opened(digest: str) -> Path | None:
    """The cache folder of these sources in the first place that can be written to, or None."""
    for parent in _parents():
        folder = parent / f"{_PREFIX}{digest}"
        new = not folder.exists()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
            os.utime(folder)  # says that it is in use
        except OSError:
            continue
        if new:
            _prune(parent)
        return folder
    return None


def _prune(parent: Path) -> None:
    """Removes all but the folders used last.

    Another process may still use one of them, or remove the same: it compiles again what it misses,
    and leaves out what it cannot save.
    """
    used = []
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            used.append((folder.stat().st_mtime_ns, folder))
    for _, folder in sorted(used, reverse=True)[FOLDERS_KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)


_SOURCES = _stamps()
_DIGEST = _digest(iter(_SOURCES))
CACHE_FOLDER = _opened(_DIGEST) if _SOURCES else None


def _unchanged() -> bool:
    """Whether the sources are those of the digest: a module that is imported late may be newer."""
    try:
        return _stamps() == _SOURCES
    except OSError:
        return False


class _Locator(_caching._CacheLocator):  # type: ignore[misc]  # numba has no types
    """Puts the kernels of all modules in the one folder, apart by module, line and purpose."""

    def __init__(self, function: Any, purpose: str) -> None:
        self._name = f"{function.__module__}-{function.__code__.co_firstlineno}{purpose}"

    def get_cache_path(self) -> str:
        return str(CACHE_FOLDER)

    def get_source_stamp(self) -> str:
        return _DIGEST

    def get_disambiguator(self) -> str:
        return self._name


class _Files(_caching.CompileResultCacheImpl):  # type: ignore[misc]  # numba has no types
    """Names the files of one kernel."""

    def __init__(self, function: Any) -> None:
        self._lineno = function.__code__.co_firstlineno
        self._locator = _Locator(function, getattr(function, "purpose", ""))
        self._filename_base = self.get_filename_base(function.__qualname__, "")


class _Cache(_caching.FunctionCache):  # type: ignore[misc]  # numba has no types
    """The cache of one kernel; one that cannot be read or written is the same as none."""

    _impl_class = _Files

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        # what a kernel was made of is the folder's name: no hash of its code, and none of the
        # functions that a factory gave it, whose hashes differ from process to process
        return sig, codegen.magic_tuple()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        if not _unchanged():
            return None
        with contextlib.suppress(OSError):
            return super().load_overload(sig, target_context)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        if _unchanged():
            with contextlib.suppress(OSError):
                super().save_overload(sig, data)


def compiled(*, purpose: str = "", **options: Any) -> Callable[[Kernel], Kernel]:
    """Compiles a function without the GIL, kept on disk where a folder for that is writable.

    Args:
        purpose: what a kernel that a factory makes is for (a model's name): tells apart on disk
            what has one place in the sources.
        options: numba's own, beside `nogil` and `cache`.
    """

    def decorate(function: Kernel) -> Kernel:
        if purpose:
            function.purpose = f"-{purpose}"  # type: ignore[attr-defined]  # read by _Files
        dispatcher = _njit(nogil=True, **options)(function)
        if CACHE_FOLDER is not None and dispatcher is not function:  # NUMBA_DISABLE_JIT gives that
            dispatcher._cache = _Cache(function)
        return cast(Kernel, dispatcher)

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
