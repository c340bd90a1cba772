"""Writes the dictionary into all that show it, or says where it is not yet: ``--check``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dictionary import api, item_flags, lookml, pages
from dictionary.source import ROOT, looker_measures, marts, variables


def outdated() -> dict[Path, str]:
    """Files that do not say what dbt's yml says, with what they should say."""
    known = marts()
    found = [
        *lookml.files(known, looker_measures()),
        *pages.files(known, variables()),
        *api.files(known),
        *item_flags.files(),
    ]
    return {file: text for file, text in found if not file.exists() or file.read_text() != text}


def main() -> None:
    """Writes, or checks and ends with 1 where something is to be written."""
    parser = argparse.ArgumentParser(prog="python -m dictionary", description=__doc__)
    parser.add_argument("--check", action="store_true", help="writes nothing")
    check = parser.parse_args().check
    found = outdated()
    for file, text in found.items():
        print(f"{'not as dbt says' if check else 'written'}: {file.relative_to(ROOT)}")
        if not check:
            file.write_text(text)
    if check and found:
        sys.exit("run: make generate")


if __name__ == "__main__":
    main()
