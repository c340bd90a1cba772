"""Reads tables of items, of any format that responses may have: a row is an item.

What never lives here: which items the bank can keep.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from string import digits
from typing import Any

from qbank.errors import ImportFileError
from qbank.importing.columns import ColumnError, ColumnMap, places_of, plain_name
from qbank.importing.questions.item import (
    LETTERS,
    Entry,
    Item,
    UnusableItemError,
    checked,
    topic_path,
    wrong_number,
)
from qbank.importing.reading import open_source
from qbank.importing.rejects import LINE, REASON
from qbank.importing.request import ImportRequest
from qbank.importing.text import names_text
from qbank.wording import listed

# meaning: names that columns have for it, without case, blanks and punctuation
_NAMES = {
    "options": ("options", "choices"),
    "key": ("key", "keys", "answer", "correct", "correct_answer", "correct_option"),
    "topic": ("topic", "topic_path", "category"),
    "difficulty_label": ("difficulty", "difficulty_label"),
    "bloom_level": ("bloom_level", "bloom"),
    "tags": ("tags",),
    "rationale_md": ("explanation", "rationale", "rationale_md"),
    "lead_in": ("lead_in",),
    "reference_list": ("references", "reference_list"),
    "assets": ("assets",),
}
_OPTION = re.compile(r"(?:option|choice)_?([a-z0-9])", re.IGNORECASE)
_TITLE_LINES = 20


@contextmanager
def opened(
    path: Path, encoding: str | None, reference: str, stem: str
) -> Iterator[tuple[list[str], Iterator[Entry], list[str]]]:
    """Header, rows and notes of a table.

    Raises:
        ImportFileError: a column is missing.
    """
    columns = ColumnMap(user="", item=reference, correct="")
    request = ImportRequest(path, "", columns=columns, encoding=encoding)
    try:
        with open_source(request) as source:
            places = _places(path, source.header, reference, stem)
            notes = [*source.notes, *_unread(source.header, places)]
            yield source.header, _rows(source, places), notes
    except ColumnError as error:
        raise ImportFileError(
            f"{path} has no column {reference!r} for the items' names: name it with --ref-col, or "
            "say how the file is written with --format"
        ) from error


def has_header(text: str, reference: str, stem: str) -> bool:
    """Whether one of the first lines has the names of both columns."""
    head = [plain_name(line) for line in text.split("\n", _TITLE_LINES)[:_TITLE_LINES]]
    wanted = (plain_name(reference), plain_name(stem))
    return any(all(f"_{name}_" in f"_{line}_" for name in wanted) for line in head)


def _places(path: Path, header: list[str], reference: str, stem: str) -> dict[str, int]:
    """Place of each column, by meaning; options are ``option A``."""
    wanted = {"reference": (plain_name(reference),), "stem_md": (plain_name(stem),), **_NAMES}

    def meaning_of(plain: str) -> str | None:
        if (known := next((m for m, names in wanted.items() if plain in names), None)) is not None:
            return known
        option = _OPTION.fullmatch(plain)
        return f"option {option[1].upper()}" if option else None

    places = places_of(path, header, meaning_of)
    if "stem_md" not in places:
        raise ImportFileError(
            f"{path} has no column {stem!r} for the stem: name it with --stem-col; the file has "
            f"{', '.join(header)}"
        )
    if "key" not in places:
        raise ImportFileError(f"{path} has no column 'key' with the label of the right option")
    if not any(meaning.startswith("option") for meaning in places):
        raise ImportFileError(
            f"{path} has no options: give columns option_a, option_b and so on, or one column "
            "options with | between them"
        )
    return places


def _unread(header: list[str], places: Mapping[str, int]) -> list[str]:
    read = {*places.values()}
    unread = [own for k, own in enumerate(header) if k not in read and own not in (LINE, REASON)]
    return [f"columns that are not read: {listed(unread, 10)}"] if unread else []


def _rows(source: Any, places: Mapping[str, int]) -> Iterator[Entry]:
    place = places["reference"]
    for batch in source:
        broken = [(line, reason, values) for line, reason, values in batch.broken]
        columns = [column.to_pylist() for column in batch.table.columns]
        columns[place] = _names(batch.table.column(place))
        rows = zip(batch.lines.tolist(), zip(*columns, strict=True), strict=True)
        found = [(line, None, list(row)) for line, row in rows]
        for line, fault, row in sorted([*broken, *found], key=lambda row: row[0]):
            values = [_shown(value) for value in row]
            make = partial(_item, row, places) if fault is None else partial(_fail, fault)
            yield Entry(
                source.line(line), values[place] if len(values) > place else "", make, values
            )


def _names(column: Any) -> list[Any]:
    """Names of items, read as imports of responses do; what is at fault stays, to be refused."""
    names = names_text(column)
    return [
        own if is_faulty else name
        for name, is_faulty, own in zip(
            names.text.to_pylist(), names.faulty.to_pylist(), column.to_pylist(), strict=True
        )
    ]


def _fail(reason: str) -> Item:
    raise UnusableItemError(reason)


def _item(row: list[Any], places: Mapping[str, int]) -> Item:
    cells = {meaning: _text(row[place]) for meaning, place in places.items()}
    if isinstance(row[places["reference"]], float):
        raise UnusableItemError(
            f"its name {cells['reference']} is a number that was rounded: keep it as text"
        )
    if not cells["reference"].strip():
        raise UnusableItemError("its name is blank: each row is an item with a name of its own")
    options = _options(cells)
    rest: dict[str, Any] = {
        name: cells[name]
        for name in ("difficulty_label", "bloom_level", "rationale_md", "lead_in")
        if name in cells
    }
    for name in ("tags", "reference_list", "assets"):
        if name in cells:
            rest[name] = _listed(cells[name], name)
    topic = topic_path(cells["topic"]) if "topic" in cells else None
    key = [part.strip().upper() for part in cells["key"].split("|") if part.strip()]
    # a column of numbers that has blanks comes as 1.0, 2.0
    key = [part.removesuffix(".0") for part in key]
    labels = [label for label, _ in options]
    unknown = [part for part in key if part not in labels]
    if unknown:
        raise UnusableItemError(
            f"its key is {cells['key']!r}, and its options are {', '.join(labels) or 'none'}"
        )
    places_of_key = [labels.index(part) for part in key]
    return checked(
        cells["reference"], cells["stem_md"], options, places_of_key, topic=topic, rest=rest
    )


def _options(cells: Mapping[str, str]) -> list[tuple[str, str]]:
    """(label, text) of the options that are there."""
    own = [
        (meaning.removeprefix("option "), text)
        for meaning, text in sorted(cells.items())
        if meaning.startswith("option ") and text.strip()
    ]
    if own or not cells.get("options", "").strip():
        return own
    text = cells["options"].strip()
    parts = _json_list(text) or text.split("\n" if "\n" in text else "|")
    letters = LETTERS + digits
    if len(parts) > len(letters):
        raise wrong_number(len(parts))
    return [(letters[k], str(part).strip()) for k, part in enumerate(parts)]


def _json_list(text: str) -> list[Any] | None:
    """The texts and numbers of a list of JSON, as JSON and Parquet have them; None of no such."""
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text, parse_int=str, parse_float=str)
    except ValueError:
        return None
    is_plain = isinstance(found, list) and all(isinstance(part, str) for part in found)
    return found if is_plain else None


def _listed(text: str, what: str) -> list[Any]:
    """Values between ``|``, or a list of JSON."""
    text = text.strip()
    if what == "assets" and text.startswith("{"):
        # a list of one comes as what is in it
        text = f"[{text}]"
    if not text.startswith("["):
        return [part.strip() for part in text.split("|") if part.strip()]
    try:
        return list(json.loads(text, parse_constant=_no_constant))
    except ValueError as error:
        raise UnusableItemError(f"{what} is no list: write a | b, or a list of JSON") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise UnusableItemError("it is not UTF-8: name the file's --encoding") from error
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return "" if value is None else str(value)


def _shown(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")
