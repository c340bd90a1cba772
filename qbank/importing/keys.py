"""What answers to an item score: by keys with all or part of its marks, the same for all, or void.

What never lives here: reading files of keys, and keeping rules in the database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from qbank.errors import ImportFileError
from qbank.importing.codes import SPECIAL, Codes, Meant, Scores, plain_form
from qbank.importing.points import POINTS, MaxScores, no_points, plain_number
from qbank.option_labels import option_label
from qbank.vocabulary import ScoringKind

_BETWEEN = "\x1f"


@dataclass(frozen=True)
class ScoringRule:
    """What answers to one item score.

    Attributes:
        rule: ``key``: the options in `keys` are right; ``all``: every answer is; ``points``: an
            answer brings its own; ``void``: the item counts for nothing.
        keys: labels of options that have all points, in order; empty unless the rule is ``key``.
        most: the points that the item gives; None is as many as it gave before, 1 at first.
        credit: labels of options that have part of them, in order, with their points.
    """

    rule: ScoringKind
    keys: tuple[str, ...] = ()
    most: Decimal | None = None
    credit: tuple[tuple[str, Decimal], ...] = ()

    def __str__(self) -> str:
        """As a file of keys writes it."""
        told = "" if self.most is None or not self.gives_points else f"={plain_number(self.most)}"
        if self.rule != "key":
            return f"{self.rule}{told}"
        options = [f"{label}{told}" for label in self.keys]
        options += [f"{label}={plain_number(points)}" for label, points in self.credit]
        return "|".join(sorted(options))

    @property
    def gives_points(self) -> bool:
        """Whether part of the item's marks, or more than one, may be had."""
        if self.rule == "void":
            return False
        return self.rule == "points" or bool(self.credit) or self.most not in (None, 1)

    def settled(self, before: ScoringRule | None) -> ScoringRule:
        """The same rule with the item's points, where it does not tell them."""
        if self.most is not None:
            return self
        most = before.most if before is not None else None
        return replace(self, most=most or Decimal(1))

    def row(self) -> tuple[str, list[str], Decimal | None, dict[str, str]]:
        """What a row of ``scoring_rules`` has of it: rule, keys, max_score and credit."""
        credit = {label: plain_number(points) for label, points in self.credit}
        return self.rule, [*self.keys], self.most, credit

    @property
    def has_codes(self) -> bool:
        """Whether options that it names have several characters."""
        return any(len(label) > 1 for label in (*self.keys, *dict(self.credit)))


def rule_of(
    rule: ScoringKind | None, keys: list[str], most: Decimal, credit: Mapping[str, str]
) -> ScoringRule | None:
    """The rule of a row of ``item_scoring``; None where nothing tells what is right."""
    if rule is None:
        return None
    part = tuple((label, Decimal(points)) for label, points in sorted(credit.items()))
    return ScoringRule(rule, tuple(keys), most, part)


def max_scores(
    asked: Sequence[tuple[str | None, Decimal]],
    given: Mapping[str, ScoringRule],
    known: Mapping[str, ScoringRule],
) -> MaxScores:
    """The points of items whose scores are read as such.

    Args:
        asked: what the request says of them, see ``ImportRequest.max_scores``.
        given: rules that it brings, by item; options are scored by them.
        known: rules that are in force, by item.
    """
    ruled = {
        item: rule.most
        for item, rule in {**known, **given}.items()
        # without a key the file's scores are taken, of items that have one, too
        if rule.most and rule.gives_points and (rule.rule == "points" or not given)
    }
    keyed = {item for item, rule in given.items() if rule.rule != "points"}
    return MaxScores(asked, ruled, keyed)


def rules_of_points(most: MaxScores, known: Mapping[str, ScoringRule]) -> dict[str, ScoringRule]:
    """The rules that a file's points come with, by item, where the exam has not the like.

    Args:
        most: when the file is read.
        known: rules that are in force, by item.

    Raises:
        ImportFileError: an item was asked for that the file has not.
    """
    if unmatched := most.unmatched():
        raise ImportFileError(f"--max-score {unmatched[0]}=…: the file has no such item")
    return {
        item: ScoringRule("points", most=number)
        for item, number in most.found.items()
        if item not in known or not known[item].gives_points or known[item].most != number
    }


class Key:
    """The rules of many items, for whole columns at a time.

    Attributes:
        takes_codes: whether options may have several characters.
    """

    def __init__(self, rules: Mapping[str, ScoringRule], *, takes_codes: bool = False) -> None:
        """`rules` by item; options have several characters where one of a rule has, too."""
        self.takes_codes = takes_codes or any(rule.has_codes for rule in rules.values())
        self._items = pa.array(rules, pa.string())
        self._credited = pa.array(
            [item for item, rule in rules.items() if rule.rule == "all"], pa.string()
        )
        self._keyed = pa.array(
            [item for item, rule in rules.items() if rule.rule == "key"], pa.string()
        )
        pairs = [f"{item}{_BETWEEN}{label}" for item, rule in rules.items() for label in rule.keys]
        self._pairs = pa.array(pairs, pa.string())
        giving = {item: rule for item, rule in rules.items() if rule.gives_points}
        self._giving = pa.array(giving, pa.string())
        self._most = pa.array([rule.most for rule in giving.values()], POINTS)
        part = {
            f"{item}{_BETWEEN}{label}": points
            for item, rule in giving.items()
            for label, points in rule.credit
        }
        self._part = pa.array(part, pa.string())
        self._part_points = pa.array(part.values(), POINTS)

    def knows(self, items: Any) -> Any:
        """Whether each item has a rule, shape (n,)."""
        return pc.is_in(items, self._items)

    def scored(self, items: Any, labels: Any) -> Any:
        """Whether each option is right, false where it is null or the item void, shape (n,)."""
        pairs = pc.binary_join_element_wise(items, labels, _BETWEEN)
        right = pc.is_in(pc.fill_null(pairs, ""), self._pairs)
        return pc.or_(right, pc.is_in(items, self._credited))

    def points(self, items: Any, labels: Any, is_correct: Any) -> tuple[Any, Any]:
        """Points of each answer and most of its item, null where it gives none, both (n,).

        Args:
            items: shape (n,).
            labels: of the options, null where there is none, shape (n,).
            is_correct: see :meth:`scored`; null is no answer, shape (n,).
        """
        if not len(self._giving):
            return no_points(len(items)), no_points(len(items))
        most = self._most.take(pc.index_in(items, self._giving))
        most = pc.if_else(pc.is_valid(is_correct), most, pa.scalar(None, POINTS))
        pairs = pc.fill_null(pc.binary_join_element_wise(items, labels, _BETWEEN), "")
        part = self._part_points.take(pc.index_in(pairs, self._part))
        nothing = pa.scalar(Decimal(0), POINTS)
        points = pc.if_else(
            pc.fill_null(is_correct, fill_value=False), most, pc.fill_null(part, nothing)
        )
        return pc.if_else(pc.is_valid(most), points, pa.scalar(None, POINTS)), most

    def disagrees(self, items: Any, labels: Any, scores: Any) -> Any:
        """Rows whose score is another one than their option has by key, shape (n,)."""
        comparable = pc.and_(pc.is_valid(labels), pc.is_in(items, self._keyed))
        other = pc.not_equal(self.scored(items, labels), scores)
        return pc.fill_null(pc.and_(comparable, other), fill_value=False)


def as_label(values: Any, codes: Collection[str], *, takes_codes: bool) -> Any:
    """The option that each value names, null where it names none, shape (n,).

    Args:
        values: trimmed text, null where it is blank, shape (n,).
        codes: values in their plainest form that are no options of several characters.
        takes_codes: whether options may have several characters.
    """
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    distinct = values.dictionary_encode()
    labels = list(map(option_label, distinct.dictionary.to_pylist()))
    for k, plain in enumerate(plain_form(distinct.dictionary).to_pylist()):
        if len(labels[k] or "") > 1 and (plain in codes or not takes_codes):
            labels[k] = None
    return pa.array(labels, pa.string()).take(distinct.indices)


def codes_among(labels: Any) -> Counter[str]:
    """Options of several characters, and their rows."""
    longer = labels.filter(pc.greater(pc.utf8_length(labels), 1))
    return Counter({each["values"]: each["counts"] for each in longer.value_counts().to_pylist()})


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
    labels = as_label(values, (), takes_codes=key.takes_codes)
    labels = pc.if_else(special, pa.scalar(None, pa.string()), labels)
    answered = pc.or_(pc.is_valid(labels), meant.rows("multimark"))
    scored = pc.if_else(answered, key.scored(items, labels), pa.scalar(None, pa.bool_()))
    points, most = key.points(items, labels, scored)
    scores = Scores(
        is_correct=scored,
        skipped=meant.rows("missing", "not_reached"),
        unknown=pc.and_not(pc.and_not(pc.is_null(labels), special), blank),
        blank=blank,
        plain=meant.plain,
        counts=meant.counts(),
        points=points,
        most=most,
        beyond=pc.and_(blank, False),
    )
    return scores, labels
