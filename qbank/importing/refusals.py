"""What was refused, counted by reason, by item and by score, and whether that bends the exam.

Rows that are lost at random cost precision. Rows that are lost because of how they were answered
change every parameter of their items, so an import that would lose such rows stops.
What never lives here: judging a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow.compute as pc

from qbank.importing.points import number_of_points
from qbank.importing.verdicts import Judged
from qbank.wording import listed

# false alarms: one import of a thousand, over all its items
_LEVEL = 1e-3
# a value that stands in fewer rows is a slip of the pen
_SYSTEMATIC_ROWS, _SYSTEMATIC_SHARE = 5, 0.01
_NAMED = 10
Answers = Mapping[tuple[str, bool | None], int]


@dataclass
class Refusals:
    """Counts over a whole file.

    Attributes:
        kinds: rows by reason.
        answers: refused rows by item and score; None is a score that was not read.
        codes: rows by special meaning of their score.
        skipped: rows that are no answer.
        blanked: unusable values of optional columns.
        unknown_scores: refused rows by score and item.
        changed: values by what was done to them.
        full_marks: pairs of (item, score) that count as right, where scores are given.
        disagreeing: rows by item whose score in the file is not that of their key.
        keyless: refused rows by item that has no key.
        option_codes: rows by option of several characters.
        by_key: options are scored, so that unknown scores are options.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, bool | None]] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    blanked: dict[str, Counter[str]] = field(default_factory=dict)
    unknown_scores: Counter[tuple[str, str]] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    full_marks: set[tuple[str, str]] = field(default_factory=set)
    disagreeing: Counter[str] = field(default_factory=Counter)
    keyless: Counter[str] = field(default_factory=Counter)
    option_codes: Counter[str] = field(default_factory=Counter)
    by_key: bool = False

    def notes(self, most: int) -> list[str]:
        """What was done to values, and whose scores are not the key's; so many items are named."""
        notes = [f"{what}: {count} values" for what, count in self.changed.items()]
        if self.option_codes:
            codes = [f"{code} ({rows})" for code, rows in self.option_codes.most_common()]
            notes.append(f"options of several characters: {listed(codes, _NAMED)}")
        if not self.disagreeing:
            return notes
        items = ", ".join(f"{item} {rows}" for item, rows in self.disagreeing.most_common(most))
        more = len(self.disagreeing) - most
        taken = (
            "the key's are taken"
            if self.by_key
            else "the file's are taken (qbank rescore scores by key)"
        )
        told = f"{items}{f' and {more} more items' if more > 0 else ''}"
        return [*notes, f"the file's scores are not those of the key, {taken}: {told}"]

    def add(self, judged: Judged) -> None:
        """Takes in a batch."""
        self.kinds += judged.kinds
        self.codes += judged.codes
        self.changed += judged.changed
        self.full_marks |= judged.full_marks
        self.disagreeing += judged.disagreeing
        self.keyless += judged.keyless
        self.option_codes += judged.option_codes
        self.skipped += pc.sum(judged.skipped).as_py() or 0
        self.unknown_scores += judged.unknown_scores
        for meaning, values in judged.blanked.items():
            self.blanked[meaning] = self.blanked.get(meaning, Counter()) + values
        if judged.kinds:
            refused = judged.rows.filter(pc.is_valid(judged.reasons))
            items = pc.fill_null(refused.column("item"), "").to_pylist()
            self.answers.update(zip(items, refused.column("is_correct").to_pylist(), strict=True))

    def add_rows(self, kind: str, answers: Iterable[tuple[str, bool | None]]) -> None:
        """Takes in rows that are refused for one reason after they were read."""
        before = self.answers.total()
        self.answers.update(answers)
        self.kinds[kind] += self.answers.total() - before

    def by_item(self) -> dict[str, int]:
        """Refused rows by item, most first."""
        items: Counter[str] = Counter()
        for (item, _), rows in self.answers.items():
            items[item] += rows
        return dict(items.most_common())

    def by_score(self) -> dict[str, int]:
        """Refused rows by ``right``, ``wrong`` and ``unknown``."""
        names = {True: "right", False: "wrong", None: "unknown"}
        scores: Counter[str] = Counter()
        for (_, score), rows in self.answers.items():
            scores[names[score]] += rows
        return dict(scores)


def bias(refusals: Refusals, accepted: Answers) -> str | None:
    """Why the refused rows are not a random part of the file; None where they may be.

    Args:
        refusals: what was refused.
        accepted: right rows by item and score.
    """
    return (
        _keyless(refusals)
        or _partial_credit(refusals)
        or _systematic_score(refusals, sum(accepted.values()))
        or _by_score(refusals, accepted)
        or _by_item(refusals, accepted)
    )


def _keyless(refusals: Refusals) -> str | None:
    if not refusals.keyless:
        return None
    has = "have" if len(refusals.keyless) > 1 else "has"
    return f"{named(refusals.keyless)} {has} no key: add it, or void where none of it counts"


def _partial_credit(refusals: Refusals) -> str | None:
    points = Counter(item for item, score in refusals.full_marks if score.isdigit())
    partial = {item: count for item, count in points.items() if count > 1}
    if not partial:
        return None
    return (
        f"{named(partial)} {'have' if len(partial) > 1 else 'has'} more than one score that counts "
        "as right, so that part of the marks would be all of them: --max-score ITEM=2 keeps the "
        "points, and --score 1=0 counts part of them as wrong"
    )


def _systematic_score(refusals: Refusals, accepted: int) -> str | None:
    values: Counter[str] = Counter()
    for (value, _), rows in refusals.unknown_scores.items():
        values[value] += rows
    for value, rows in values.most_common(1):
        of_all = rows + accepted
        if rows >= max(_SYSTEMATIC_ROWS, _SYSTEMATIC_SHARE * of_all):
            items = Counter(
                {item: n for (v, item), n in refusals.unknown_scores.items() if v == value}
            )
            if refusals.by_key:
                what, first = "option", f"--multimark {value}"
            else:
                what, first = "score", f"--score {value}=1, --score {value}=0"
            points = " (or, of points, the most that an item gives with --max-score ITEM=N)"
            return (
                f"{rows} rows have the {what} {value!r}, at {named(items)}: say what it stands for "
                f"with {first}, --missing {value} or --omitted {value}"
                f"{points if number_of_points(value) else ''}"
            )
    return None


def _by_score(refusals: Refusals, accepted: Answers) -> str | None:
    from scipy.stats import fisher_exact

    def counts(answers: Mapping[tuple[str, bool | None], int]) -> list[int]:
        return [
            sum(rows for (_, score), rows in answers.items() if score is wanted)
            for wanted in (True, False)
        ]

    refused, kept = counts(refusals.answers), counts(accepted)
    if not any(refused) or fisher_exact(np.array([refused, kept]))[1] >= _LEVEL:
        return None
    right, wrong = (r / max(r + k, 1) for r, k in zip(refused, kept, strict=True))
    items = Counter({item: rows for item, rows in refusals.by_item().items() if item})
    return (
        f"{right:.1%} of the right answers are refused and {wrong:.1%} of the wrong ones, "
        f"most at {named(items)}"
    )


def _by_item(refusals: Refusals, accepted: Answers) -> str | None:
    from scipy.stats import hypergeom

    refused = {item: rows for item, rows in refusals.by_item().items() if item}
    kept: Counter[str] = Counter()
    for (item, _), rows in accepted.items():
        kept[item] += rows
    lost = sum(refused.values())
    total = lost + kept.total()
    items = len(kept.keys() | refused.keys())
    biased = Counter(
        {
            item: rows
            for item, rows in refused.items()
            if hypergeom.sf(rows - 1, total, rows + kept[item], lost) * items < _LEVEL
        }
    )
    if not biased:
        return None
    shares = [f"{item} ({rows} of {rows + kept[item]})" for item, rows in biased.most_common()]
    return f"the refused rows are not spread over the items: {listed(shares, _NAMED)}"


def named(items: Mapping[str, Any]) -> str:
    """``items b17, b18, … and 6 more``, in their order."""
    return f"item{'s' if len(items) > 1 else ''} {listed(sorted(items), _NAMED)}"
