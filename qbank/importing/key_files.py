"""Reads scoring rules: from a file ``item,key``, or from the row of a matrix that is the key.

What never lives here: what they do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from qbank.errors import ImportFileError
from qbank.importing.columns import ColumnMap
from qbank.importing.keys import ScoringRule
from qbank.importing.reading import open_source
from qbank.importing.request import ImportRequest
from qbank.importing.source import Batch
from qbank.importing.text import names_text, plain_text

_LABEL = re.compile(r"[A-Z0-9]")


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
    """The rules of a file with columns ``item`` and ``key``, and perhaps ``version``.

    Args:
        path: of any format that responses may have.

    Raises:
        ImportFileError: a key is none, or an item has two.
    """
    columns = ColumnMap(user="", item="item", correct="key")
    rules: dict[tuple[str, int | None], ItemRule] = {}
    for found in _rows(ImportRequest(path, "", columns=columns), "version"):
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
    for found in _rows(request, None, user=name):
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
    version: str


def _rows(request: ImportRequest, version: str | None, user: str | None = None) -> Iterator[_Row]:
    with open_source(request) as source:
        columns = source.columns
        place = next((own for own in source.header if own.strip().lower() == version), None)
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
            versions = _texts(table, place)
            for line, item, key, which in zip(
                lines.tolist(),
                items.to_pylist(),
                keys.to_pylist(),
                versions,
                strict=True,
            ):
                if item or key:
                    yield _Row(source.line(line), item or "", key or "", which or "")


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
    key = row.key.strip().upper()
    if key == "ALL":
        return ScoringRule("all")
    if key == "VOID":
        return ScoringRule("void")
    labels = sorted({label.strip() for label in key.split("|")})
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise ImportFileError(
            f"{path}: line {row.line}: item {row.item!r} has key {row.key!r}: use an option's "
            "letter or digit, several like A|C, all (every answer is right) or void (none counts)"
        )
    return ScoringRule("key", tuple(labels))


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
