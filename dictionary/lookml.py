"""What LookML says of a column that it shows as it is, and of a measure that is a metric of dbt's.

What never lives here: the SQL of dimensions and measures; people write it, and tests hold measures
to their metrics, number by number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from dictionary.source import ROOT, Mart

_FIELD = re.compile(r"^  dimension(_group)?: \w+ {\n(.*?)^  }\n", re.M | re.S)
_MEASURE = re.compile(r"^  measure: (\w+) {\n(.*?)^  }\n", re.M | re.S)
_COLUMN = re.compile(r"^    sql: \$\{TABLE\}\.(\w+) ;;$", re.M)
_TYPES = {"text": "string", "boolean": "yesno"}


def files(marts: dict[str, Mart], measures: dict[str, str]) -> Iterator[tuple[Path, str]]:
    """Every view and what it should say; `measures` by `view.measure`."""
    for file in sorted((ROOT / "looker" / "views").glob("*.view.lkml")):
        mart = marts[file.name.removesuffix(".view.lkml")]
        text = _FIELD.sub(partial(_field, mart), file.read_text())
        said = {
            name.split(".")[1]: said
            for name, said in measures.items()
            if name.startswith(f"{mart.name}.")
        }
        yield file, _MEASURE.sub(partial(_measure, said), text)


def _measure(said: dict[str, str], field: re.Match[str]) -> str:
    body = _set(field[2], "description", _quoted(said[field[1]])) if field[1] in said else field[2]
    return field[0].replace(field[2], body)


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
