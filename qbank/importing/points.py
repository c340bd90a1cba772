"""Points of answers, and the most of each item that gives part of its marks, or more than one.

What never lives here: what a column of scores says beside numbers (``codes``), and keys (``keys``).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Container, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from qbank.errors import ImportFileError

POINTS: Final = pa.decimal128(38, 18)
_NUMBER: Final = r"^\+?(?:\d{1,18}(?:[.,]\d{0,18})?|[.,]\d{1,18})$"


def no_points(rows: int) -> Any:
    """Of answers that are right or wrong, and no more than that, shape (n,)."""
    return pa.nulls(rows, POINTS)


def as_points(values: Any) -> Any:
    """Numbers of points, exactly, with point or comma; null where a value is none, shape (n,)."""
    known = pc.fill_null(pc.match_substring_regex(values, _NUMBER), fill_value=False)
    plain = pc.replace_substring_regex(pc.if_else(known, values, "0"), r"^\+", "")
    plain = pc.replace_substring(plain, ",", ".")
    plain = pc.replace_substring_regex(plain, r"^\.", "0.")
    plain = pc.replace_substring_regex(plain, r"\.0*$", "")
    return pc.if_else(known, plain.cast(POINTS), pa.scalar(None, POINTS))


def points_text(points: Any) -> Any:
    """The same as text without needless zeros, as Postgres takes it, shape (n,)."""
    if points.null_count == len(points):
        return pa.nulls(len(points), pa.string())
    # very small ones have an exponent, as none has
    text = pc.replace_substring_regex(points.cast(pa.string()), r"^0E.*$", "0")
    text = pc.replace_substring_regex(text, r"^([^E]*\.[^E]*?)0+$", r"\1")
    return pc.replace_substring_regex(text, r"\.$", "")


def number_of_points(text: str) -> Decimal | None:
    """One number of points that is more than none; None where a text is none."""
    if not re.match(_NUMBER, text.strip()):
        return None
    number = Decimal(text.strip().replace(",", "."))
    return number if number > 0 else None


def plain_number(points: Decimal) -> str:
    """The number without needless zeros."""
    return f"{points.normalize():f}"


class MaxScores:
    """The most points of each item whose scores are points; other scores are right or wrong."""

    def __init__(
        self,
        asked: Sequence[tuple[str | None, Decimal]],
        ruled: Mapping[str, Decimal],
        keyed: Container[str] = (),
    ) -> None:
        """What is known before the file is read.

        Args:
            asked: item, or pattern of items like ``q*``, and its most; None is all other items.
            ruled: by item, of rules that are in force or that the request brings.
            keyed: items whose options are scored by the request's key.
        """
        self._asked = asked
        self._ruled = ruled
        self._keyed = keyed
        self._matched: set[str] = set()
        self._cache: dict[str, Decimal | None] = {}
        self.found: dict[str, Decimal] = {}
        """By item of the file, as asked for or as its column tells."""

    def learn(self, items: Any, most: Any) -> None:
        """Takes the most that each row tells of its item, null where it tells none; both (n,).

        Raises:
            ImportFileError: an item has two.
        """
        told = pa.table({"item": items, "most": most}).filter(pc.is_valid(most))
        for pair in told.group_by(["item", "most"]).aggregate([]).to_pylist():
            item, number = pair["item"], pair["most"]
            if item is None or item in self._keyed:
                continue
            if self.found.setdefault(item, number) != number:
                raise ImportFileError(
                    f"item {item!r} has max_score {plain_number(self.found[item])} and "
                    f"{plain_number(number)}: an item has one"
                )

    def of(self, items: Any) -> Any:
        """The most of each item, null where its scores are right or wrong, shape (n,)."""
        if not (self._asked or self._ruled or self.found):
            return no_points(len(items))
        each = items.dictionary_encode()
        if isinstance(each, pa.ChunkedArray):
            each = each.combine_chunks()
        most = pa.array([self._most(item) for item in each.dictionary.to_pylist()], POINTS)
        return most.take(each.indices)

    def unmatched(self) -> list[str]:
        """Items and patterns that were asked for, and that no item of the file is."""
        named = [pattern for pattern, _ in self._asked if pattern is not None]
        return [pattern for pattern in named if pattern not in self._matched]

    def _most(self, item: str) -> Decimal | None:
        if item in self.found:
            return self.found[item]
        if item not in self._cache:
            asked = self._of_request(item)
            if asked is not None:
                self.found[item] = asked
            self._cache[item] = asked if asked is not None else self._ruled.get(item)
        return self._cache[item]

    def _of_request(self, item: str) -> Decimal | None:
        if item in self._keyed:
            return None
        others = None
        for pattern, most in self._asked:
            if pattern is None:
                others = most
            elif item == pattern or fnmatch.fnmatchcase(item, pattern):
                self._matched.add(pattern)
                return most
        return others
