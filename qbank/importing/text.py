"""Text of a column of any type, and what may not stand in an identifier.

Numbers keep their digits: nothing passes through a float that was not one.
What never lives here: the meaning of a column.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

# control characters, line and paragraph separators, and characters that nobody sees
_UNSEEN = r"[\p{Cc}\x{200B}\x{2028}\x{2029}\x{2060}\x{FEFF}\x{202A}-\x{202E}\x{2066}-\x{2069}]"
# a spreadsheet shows long numbers so; their last digits are gone
_ROUNDED = r"^[+-]?\d(?:[.,]\d+)?[eE]\+?\d+$"
_EXACT = 2.0**53


@dataclass(frozen=True)
class Column:
    """A column as text.

    Attributes:
        text: trimmed, in Unicode's composed form (NFC), null where it is blank, shape (n,).
        faulty: rows that have a fault, shape (n,).
        fault: what it is.
        changed: values by what was done to them.
    """

    text: Any
    faulty: Any
    fault: str
    changed: Counter[str]


def plain_text(column: Any) -> Column:
    """The text of a column of any Arrow type."""
    column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    faulty, fault = pc.and_(pc.is_null(column), False), "not UTF-8: name the file's --encoding"
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        column, faulty = _decoded(column)
    elif pa.types.is_floating(column.type):
        column, faulty = _whole(column)
        fault = "a number that was rounded: keep it as text or as an integer"
    elif pa.types.is_decimal(column.type):
        text = column.cast(pa.string())
        column = pc.replace_substring_regex(text, r"^([+-]?\d+)\.0*$", r"\1")
    elif pa.types.is_nested(column.type):
        column = pa.array([_of_nested(value) for value in column.to_pylist()], pa.string())
    elif not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    changed: Counter[str] = Counter()
    trimmed = _noted(column, pc.utf8_trim_whitespace(column), "blanks trimmed", changed)
    if not pc.all(pc.string_is_ascii(trimmed)).as_py():
        composed = pc.utf8_normalize(trimmed, "NFC")
        trimmed = _noted(trimmed, composed, "brought into Unicode's composed form", changed)
    text = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    return Column(text, faulty, fault, changed)


def _noted(before: Any, after: Any, what: str, changed: Counter[str]) -> Any:
    if rows := pc.sum(pc.not_equal(before, after)).as_py():
        changed[what] += rows
    return after


def _decoded(column: Any) -> tuple[Any, Any]:
    try:
        return column.cast(pa.string()), pc.and_(pc.is_null(column), False)
    except pa.ArrowInvalid:
        texts = [_text(value) for value in column.to_pylist()]
        bad = [
            text is None and value is not None
            for text, value in zip(texts, column.to_pylist(), strict=True)
        ]
        return pa.array(texts, pa.string()), pa.array(bad, pa.bool_())


def _text(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _whole(column: Any) -> tuple[Any, Any]:
    """Whole floats as integers; those that no longer know their last digits are at fault."""
    whole = pc.and_(pc.equal(column, pc.floor(column)), pc.less(pc.abs(column), _EXACT))
    number = pc.if_else(pc.fill_null(whole, fill_value=False), column, pa.scalar(None, column.type))
    integers = number.cast(pa.int64()).cast(pa.string())
    nothing = pc.or_kleene(pc.is_null(column), pc.is_nan(column))
    text = pc.if_else(
        nothing, pa.scalar(None, pa.string()), pc.coalesce(integers, column.cast(pa.string()))
    )
    rounded = pc.fill_null(pc.greater_equal(pc.abs(column), _EXACT), fill_value=False)
    return text, rounded


def _of_nested(value: Any) -> str | None:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if value is None or isinstance(value, str) else json.dumps(value, default=str)


def has_decimals(values: Any) -> bool:
    """Whether some names are decimal numbers like 1.1, so that 1.0 is a name of its own."""
    decimal = pc.match_substring_regex(values, r"^\d+\.\d*[1-9]$")
    return bool(pc.any(decimal).as_py())


def without_decimals(values: Any, changed: Counter[str]) -> Any:
    """101.0 as 101, as it was before it went through a column of floats."""
    whole = pc.replace_substring_regex(values, r"^(\d+)\.0$", r"\1")
    return _noted(values, whole, "read as whole numbers", changed)


def names_text(column: Any) -> Column:
    """The text of a whole column of names: 101.0 is 101, unless some are decimal numbers."""
    found = plain_text(column)
    if has_decimals(found.text):
        return found
    return replace(found, text=without_decimals(found.text, found.changed))


def identifier_faults(values: Any) -> Iterator[tuple[Any, str]]:
    """Pairs of (rows at fault, what it is) for identifiers."""
    yield pc.match_substring_regex(values, _UNSEEN), "has a line break or an invisible character"
    rounded = pc.match_substring_regex(values, _ROUNDED)
    yield rounded, "was rounded by a spreadsheet: export the column as text"
