"""Reads scoring rules: from a file ``item,key``, or from the row of a matrix that is the key.

What never lives here: what they do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from qbank.errors import ImportFileError
from qbank.importing.columns import ColumnMap, plain_name
from qbank.importing.keys import ScoringRule
from qbank.importing.points import number_of_points, plain_number
from qbank.importing.reading import open_source
from qbank.importing.request import ImportRequest
from qbank.importing.source import Batch
from qbank.importing.text import names_text, plain_text
from qbank.option_labels import option_label


@dataclass(frozen=True)
class ItemRule:
    """A line of a file of keys.

    Attributes:
        line: of the file.
        version: of the item; None where the file does not say.
    """

    item: str
    rule: ScoringRule
    line: int
    version: int | None = None


def read_key_file(path: Path) -> dict[tuple[str, int | None], ItemRule]:
    """The rules of a file with columns ``item`` and ``key``, perhaps ``version`` and ``max_score``.

    Args:
        path: of any format that responses may have.

    Raises:
        ImportFileError: a key is none, or an item has two.
    """
    columns = ColumnMap(user="", item="item", correct="key")
    rules: dict[tuple[str, int | None], ItemRule] = {}
    for found in _rows(ImportRequest(path, "", columns=columns), ("version", "max_score")):
        version = _version(path, found)
        entry = ItemRule(found.item, _rule(path, found), found.line, version)
        before = rules.setdefault((entry.item, version), entry)
        if before.rule != entry.rule:
            raise ImportFileError(
                f"{path}: item {entry.item!r} has key {before.rule} in line {before.line} and "
                f"{entry.rule} in line {entry.line}: keep one (A|C where both are right)"
            )
    if not rules:
        raise ImportFileError(f"{path} has no keys: each line is an item and its key")
    return rules


def read_key_row(request: ImportRequest, name: str) -> dict[str, ScoringRule]:
    """The rules that stand in the rows of one user of a file of responses, like ``KEY``.

    Raises:
        ImportFileError: there is no such row, a key is none, or an item has two.
    """
    rules: dict[str, ScoringRule] = {}
    for found in _rows(request, (), user=name):
        if not found.key:
            continue  # a planned missing: the form does not have the item
        rule = _rule(request.path, found)
        if rules.setdefault(found.item, rule) != rule:
            raise ImportFileError(
                f"{request.path}: item {found.item!r} has keys {rules[found.item]} and {rule} in "
                f"the rows of {name!r}: keep one"
            )
    if not rules:
        raise ImportFileError(
            f"{request.path} has no row of {name!r} in column {request.columns.user!r}: --key-row "
            "names the user of the row that is the key"
        )
    return rules


@dataclass(frozen=True)
class _Row:
    line: int
    item: str
    key: str
    version: str = ""
    most: str = ""


def _rows(request: ImportRequest, beside: Sequence[str], user: str | None = None) -> Iterator[_Row]:
    """The rows of keys; `beside` are further columns, which the file may have."""
    with open_source(request) as source:
        columns = source.columns
        places = [next((own for own in source.header if _is(own, name)), None) for name in beside]
        for batch in source:
            # those of a file of responses are told by its import
            for line, reason, _ in batch.broken if user is None else ():
                raise ImportFileError(f"{request.path}: line {source.line(line)}: {reason}")
            table, lines = batch.table, batch.lines
            if user is not None:
                its_own = _is_user(table, columns.user, user)
                table = table.filter(its_own)
                lines = lines[its_own.to_numpy(zero_copy_only=False)]
            if not table.num_rows:
                continue
            items = names_text(table.column(columns.item)).text
            keys = plain_text(table.column(columns.option or columns.correct)).text
            for line, item, key, *rest in zip(
                lines.tolist(),
                items.to_pylist(),
                keys.to_pylist(),
                *(_texts(table, place) for place in places),
                strict=True,
            ):
                if item or key:
                    told = (text or "" for text in rest)
                    yield _Row(source.line(line), item or "", key or "", *told)


def _is(own: str, name: str) -> bool:
    return plain_name(own) == name


def _is_user(table: Any, column: str, name: str) -> Any:
    """Rows of the user of that name, in either case, shape (n,)."""
    users = pc.utf8_lower(plain_text(table.column(column)).text)
    return pc.fill_null(pc.equal(users, name.strip().lower()), fill_value=False)


def _texts(table: Any, column: str | None) -> list[str | None]:
    if column is None:
        return [None] * table.num_rows
    texts: list[str | None] = plain_text(table.column(column)).text.to_pylist()
    return texts


def _rule(path: Path, row: _Row) -> ScoringRule:
    if not row.item:
        raise ImportFileError(f"{path}: line {row.line} has key {row.key!r} and no item")
    start = f"{path}: line {row.line}: item {row.item!r} has"
    given = None
    if row.most and (given := number_of_points(row.most)) is None:
        raise ImportFileError(f"{start} max_score {row.most!r}: use a number above 0")
    key = row.key.strip().upper() or ("POINTS" if given else "")
    word, sign, number = (text.strip() for text in key.partition("="))
    if key == "VOID":
        return ScoringRule("void")
    if word in ("ALL", "POINTS"):
        most = number_of_points(number) if sign else given
        if most is None and (sign or word == "POINTS"):
            raise ImportFileError(
                f"{start} key {row.key!r}: say how many points it gives, like {word.lower()}=2"
            )
        rule = ScoringRule("all" if word == "ALL" else "points", most=most)
    else:
        rule = _of_options(key, given, f"{start} key {row.key!r}")
    if given is not None and rule.most != given:
        raise ImportFileError(
            f"{start} key {row.key!r} and max_score {plain_number(given)}: nothing has as many"
        )
    return rule


def _of_options(key: str, given: Decimal | None, start: str) -> ScoringRule:
    """The rule of ``B``, ``A|C`` or ``A=2|B=1``; `given` is what the right ones have otherwise."""
    options: dict[str, str] = {}
    # A=2,B=1, where a comma stands for no point
    commas = "|" not in key and all("=" in part for part in key.split(","))
    for part in key.split("," if commas else "|"):
        text, sign, number = (text.strip() for text in part.partition("="))
        label = option_label(text)
        fits = label is not None and bool(sign) == bool(number)
        if not fits or options.setdefault(label or "", number) != number:
            raise ImportFileError(
                f"{start}: use an option's label, several like A|C, with points like "
                "A=2|B=1, all (every answer is right), points=2 (answers bring points of their "
                "own) or void (none counts)"
            )
    if not any(options.values()):
        return ScoringRule("key", tuple(sorted(options)), given)
    points = {label: _points(number or "1", start) for label, number in options.items()}
    most = max(points.values())
    if not most:
        raise ImportFileError(f"{start}: it gives no points; use void where none of it counts")
    part_of = sorted((label, own) for label, own in points.items() if 0 < own < most)
    return ScoringRule(
        "key", tuple(sorted(k for k, own in points.items() if own == most)), most, tuple(part_of)
    )


def _points(number: str, start: str) -> Decimal:
    if re.fullmatch(r"0+(?:[.,]0*)?", number):
        return Decimal(0)
    if (points := number_of_points(number)) is None:
        raise ImportFileError(f"{start}: {number!r} is no number of points, 0 or more")
    return points


def _version(path: Path, row: _Row) -> int | None:
    if not row.version:
        return None
    if not row.version.isdigit() or int(row.version) < 1:
        raise ImportFileError(
            f"{path}: line {row.line}: item {row.item!r} has version {row.version!r}: versions "
            "count from 1; leave it empty for the one that was answered"
        )
    return int(row.version)


def keyed(request: ImportRequest) -> ImportRequest:
    """The request, with a column of scores that need not be there."""
    if request.key is None and request.key_row is None:
        return request
    return replace(request, columns=replace(request.columns, keyed=True))


def without_key_row(batch: Batch, request: ImportRequest) -> Batch:
    """The batch without the rows that are the key."""
    if request.key_row is None:
        return batch
    kept = pc.invert(_is_user(batch.table, request.columns.user, request.key_row))
    if pc.all(kept).as_py():
        return batch
    lines = batch.lines[kept.to_numpy(zero_copy_only=False)]
    return replace(batch, lines=lines, table=batch.table.filter(kept))


def given_rules(request: ImportRequest) -> dict[str, ScoringRule]:
    """The scoring rules that a request brings along, by item."""
    if request.key is not None:
        given: dict[str, ItemRule] = {}
        for entry in read_key_file(request.key).values():
            if given.setdefault(entry.item, entry).rule != entry.rule:
                raise ImportFileError(
                    f"{request.key}: item {entry.item!r} has keys of two versions: an import is to "
                    "one, keep that one's"
                )
        return {item: entry.rule for item, entry in given.items()}
    return read_key_row(request, request.key_row) if request.key_row is not None else {}
