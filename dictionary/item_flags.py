"""What API and console say of the flags of items: a file beside the code that reads it.

What never lives here: which items bear them (item_health).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from dictionary.source import ROOT, flags

FILE = ROOT / "qbank" / "item_flags.json"


def files() -> Iterator[tuple[Path, str]]:
    """The file and what it should say: the flags, the most urgent first."""
    said = [asdict(flag) for flag in flags()]
    yield FILE, json.dumps(said, indent=1, ensure_ascii=False) + "\n"
