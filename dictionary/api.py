"""What the delivery API says of the columns that it passes on: a file of its own package.

What never lives here: which columns it passes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from dictionary.source import ROOT, Mart

FILE = ROOT / "delivery_api" / "mart_columns.json"


def files(marts: Mapping[str, Mart]) -> Iterator[tuple[Path, str]]:
    """The file and what it should say: mart, column, description."""
    said = {
        mart.name: {column.name: column.description for column in mart.columns.values()}
        for mart in marts.values()
    }
    yield FILE, json.dumps(said, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
