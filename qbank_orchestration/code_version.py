"""The version of the code that computes: it changes with a formula, not only with a release.

What never lives here: the code of assets that only read, write and report.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

_COMPUTING = ("calibration", "qbank_orchestration.engine")


@lru_cache(maxsize=1)
def code_version() -> str:
    """The release, and a hash over the sources of everything that computes a result."""
    digest = hashlib.sha256()
    for package in _COMPUTING:
        found = find_spec(package)
        assert found is not None and found.origin is not None  # noqa: S101, PT018
        folder = Path(found.origin).parent
        for source in sorted(folder.rglob("*.py")):
            digest.update(str(source.relative_to(folder)).encode() + b"\0" + source.read_bytes())
    return f"{version('qbank')}+{digest.hexdigest()[:12]}"
