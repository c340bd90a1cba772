"""What answers to an item score: its keys, credit for everybody, or nothing at all (void).

What never lives here: reading files of keys, and keeping rules in the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from qbank.importing.codes import SPECIAL, Codes, Meant, Scores
from qbank.vocabulary import ScoringKind

_BETWEEN = "\x1f"


@dataclass(frozen=True)
class ScoringRule:
    """What answers to one item score.

    Attributes:
        rule: ``key``: the options in `keys` are right; ``all``: every answer is; ``void``: the item
            counts for nothing.
        keys: labels of options, in order; empty unless the rule is ``key``.
    """

    rule: ScoringKind
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As a file of keys writes it."""
        return "|".join(self.keys) or self.rule


class Key:
    """The rules of many items, for whole columns at a time."""

    def __init__(self, rules: Mapping[str, ScoringRule]) -> None:
        """`rules` by item."""
        self._items = pa.array(rules, pa.string())
        self._credited = pa.array(
            [item for item, rule in rules.items() if rule.rule == "all"], pa.string()
        )
        self._keyed = pa.array(
            [item for item, rule in rules.items() if rule.rule == "key"], pa.string()
        )
        pairs = [f"{item}{_BETWEEN}{label}" for item, rule in rules.items() for label in rule.keys]
        self._pairs = pa.array(pairs, pa.string())

    def knows(self, items: Any) -> Any:
        """Whether each item has a rule, shape (n,)."""
        return pc.is_in(items, self._items)

    def scored(self, items: Any, labels: Any) -> Any:
        """Whether each option is right, false where it is null or the item void, shape (n,)."""
        pairs = pc.binary_join_element_wise(items, labels, _BETWEEN)
        right = pc.is_in(pc.fill_null(pairs, ""), self._pairs)
        return pc.or_(right, pc.is_in(items, self._credited))

    def disagrees(self, items: Any, labels: Any, scores: Any) -> Any:
        """Rows whose score is another one than their option has by key, shape (n,)."""
        comparable = pc.and_(pc.is_valid(labels), pc.is_in(items, self._keyed))
        other = pc.not_equal(self.scored(items, labels), scores)
        return pc.fill_null(pc.and_(comparable, other), fill_value=False)


def as_label(values: Any) -> Any:
    """The option that each value names, null where it names none, shape (n,)."""
    # a column of numbers that has blanks comes as 1.0, 2.0
    upper = pc.replace_substring_regex(pc.utf8_upper(values), r"^(\d)\.0$", r"\1")
    named = pc.match_substring_regex(upper, "^[A-Z0-9]$")
    return pc.if_else(named, upper, pa.scalar(None, pa.string()))


def read_options(items: Any, values: Any, codes: Codes, key: Key) -> tuple[Scores, Any]:
    """Scores of options, and their labels.

    Args:
        items: shape (n,).
        values: trimmed text, null where it is blank, shape (n,).
        codes: values that are no options.
        key: what is right.
    """
    blank = pc.is_null(values)
    meant = Meant(values, codes.of_options(), codes.blank)
    special = meant.rows(*SPECIAL)
    labels = pc.if_else(special, pa.scalar(None, pa.string()), as_label(values))
    answered = pc.or_(pc.is_valid(labels), meant.rows("multimark"))
    scored = pc.if_else(answered, key.scored(items, labels), pa.scalar(None, pa.bool_()))
    scores = Scores(
        is_correct=scored,
        skipped=meant.rows("missing", "not_reached"),
        unknown=pc.and_not(pc.and_not(pc.is_null(labels), special), blank),
        blank=blank,
        plain=meant.plain,
        counts=meant.counts(),
    )
    return scores, labels
