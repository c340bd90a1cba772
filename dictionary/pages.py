"""The tables of columns and of flags in docs/analytics/marts.md, between their marks.

What never lives here: what a mart is for and what holds for all of it; people write that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dictionary.source import ROOT, Flag, Mart, flags

PAGE = ROOT / "docs" / "analytics" / "marts.md"
_BLOCK = re.compile(r"(<!-- columns of (\w+), by make generate -->\n).*?(<!-- end -->)", re.S)
_FLAGS = re.compile(r"(<!-- flags of items, by make generate -->\n).*?(<!-- end -->)", re.S)
_WORD = re.compile(r"\b[a-z]\w*_\w+\b")
_PLUMBING = {"tenant_id", "loaded_at"}  # said once for all marts, at the head of the page


def files(marts: Mapping[str, Mart], variables: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """The page and what it should say."""
    text = PAGE.read_text()
    text = _BLOCK.sub(lambda at: at[1] + _table(marts[at[2]], variables) + at[3], text)
    yield PAGE, _FLAGS.sub(lambda at: at[1] + _flags(flags()) + at[2], text)


def _flags(found: Sequence[Flag]) -> str:
    lines = ["", "| severity | flag | column | what to do |", "|---|---|---|---|"]
    lines += [f"| {f.severity} | {f.label} | `{f.column}` | {f.what_to_do} |" for f in found]
    return "\n".join([*lines, "", ""])


def _table(mart: Mart, variables: Mapping[str, Any]) -> str:
    lines = ["", "| column | type | what it is |", "|---|---|---|"]
    for column in mart.columns.values():
        if column.name not in _PLUMBING:
            kind = column.data_type.replace("timestamp with time zone", "timestamptz")
            if column.nullable:
                kind += ", may be null"
            said = _marked(column.description, mart, variables)
            lines.append(f"| `{column.name}` | {kind} | {said} |")
    return "\n".join([*lines, "", ""])


def _marked(text: str, mart: Mart, variables: Mapping[str, Any]) -> str:
    """Columns as code, variables with their defaults."""

    def mark(word: re.Match[str]) -> str:
        if word[0] in variables:
            return f"`{word[0]}` ({variables[word[0]]})"
        return f"`{word[0]}`" if word[0] in mart.columns else word[0]

    return _WORD.sub(mark, text.replace("`", "")).replace("|", "\\|")
