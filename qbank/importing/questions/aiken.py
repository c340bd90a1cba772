"""Reads Aiken: a line of stem, lines ``A. option``, and ``ANSWER: A``.

What never lives here: which items the bank can keep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from qbank.importing.questions.item import LETTERS, Entry, Item, UnusableItemError, checked

_OPTION = re.compile(r"^\s*([A-Z])[.)]\s*(.*)$")
ANSWER = re.compile(r"^\s*+ANSWER\s*+:\s*+(.*\S|)", re.IGNORECASE)


def entries(text: str) -> Iterator[Entry]:
    """The questions of a file; each ends with its answer."""
    block: list[str] = []
    begun = 1
    for number, line in enumerate(text.split("\n"), 1):
        if not block and line.strip():
            begun = number
        if block or line.strip():
            block.append(line)
        # a question whose answer is missing ends where the next one's stem begins
        if ANSWER.match(line):
            yield from _entries(begun, block)
            block = []
    if any(line.strip() for line in block):
        yield from _entries(begun, block)


def _entries(begun: int, block: list[str]) -> Iterator[Entry]:
    """One question, or several of which all but the last lack their answer."""
    starts = [0]
    for k in range(1, len(block)):
        before = [line for line in block[starts[-1] : k] if line.strip()]
        gap = not block[k - 1].strip() and block[k].strip()
        if gap and before and _OPTION.match(before[-1]) and not _belongs(block[k]):
            starts.append(k)
    for start, end in zip(starts, [*starts[1:], len(block)], strict=True):
        part = block[start:end]
        yield Entry(begun + start, part[0].strip()[:40], partial(_item, part))


def _belongs(line: str) -> bool:
    return bool(_OPTION.match(line) or ANSWER.match(line))


def _item(block: list[str]) -> Item:
    stem: list[str] = []
    options: list[tuple[str, str]] = []
    answer = None
    for line in block:
        if found := ANSWER.match(line):
            answer = found[1].upper()
        # "E. coli" in a stem is no option: the first is A
        elif (found := _OPTION.match(line)) and (options or found[1] == "A"):
            options.append((found[1], found[2]))
        elif options and line.strip():
            label, text = options[-1]
            options[-1] = (label, f"{text}\n{line.strip()}")
        elif not options:
            stem.append(line)
    if answer is None:
        raise UnusableItemError("it has no line ANSWER: with the letter of the right option")
    labels = [label for label, _ in options]
    if answer not in labels:
        raise UnusableItemError(
            f"ANSWER is {answer!r}, and its options are {', '.join(labels) or 'none'}"
        )
    if labels != [*LETTERS[: len(labels)]]:
        raise UnusableItemError(
            f"its options are {', '.join(labels)}: letter them A, B, C by order"
        )
    return checked("", "\n".join(stem), options, [labels.index(answer)])
