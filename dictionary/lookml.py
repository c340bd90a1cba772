"""Descriptions, labels and types of the LookML dimensions that show a column as it is.

What never lives here: dimensions and measures that compute something; people write these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from dictionary.source import ROOT, Mart

_FIELD = re.compile(r"^  dimension(_group)?: \w+ {\n(.*?)^  }\n", re.M | re.S)
_COLUMN = re.compile(r"^    sql: \$\{TABLE\}\.(\w+) ;;$", re.M)
_TYPES = {"text": "string", "boolean": "yesno"}


def files(marts: dict[str, Mart]) -> Iterator[tuple[Path, str]]:
    """Every view and what it should say."""
    for file in sorted((ROOT / "looker" / "views").glob("*.view.lkml")):
        mart = marts[file.name.removesuffix(".view.lkml")]
        yield file, _FIELD.sub(partial(_field, mart), file.read_text())


def _field(mart: Mart, field: re.Match[str]) -> str:
    body = field[2]
    found = _COLUMN.search(body)
    # a key is there for joins, and may be another type than its column
    if not found or "    primary_key: yes\n" in body:
        return field[0]
    column = mart.columns[found[1]]
    if not field[1]:
        body = _set(body, "type", _TYPES.get(column.data_type, "number"))
    if "    hidden: yes\n" not in body or "    description: " in body:
        body = _set(body, "description", _quoted(column.description))
    body = _set(body, "label", _quoted(column.label) if column.label else None)
    return field[0].replace(field[2], body)


def _set(body: str, name: str, value: str | None) -> str:
    """The body with a parameter, where it was, or in its usual place."""
    line = f"    {name}: {value}\n" if value else ""
    present = re.search(rf"^    {name}: .*\n", body, re.M)
    if present:
        return body.replace(present[0], line, 1)
    if name == "label" or "    type: " not in body:
        return line + body
    return re.sub(r"^    type: .*\n", lambda kind: kind[0] + line, body, count=1, flags=re.M)


def _quoted(text: str) -> str:
    return '"' + text.replace("`", "").replace('"', "'") + '"'
