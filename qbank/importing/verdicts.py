"""What became of each row of a batch, and why.

What never lives here: what is right.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


@dataclass
class Judged:
    """A batch of n rows, judged.

    Attributes:
        rows: those of ``validation.SCHEMA``, refused ones too.
        reasons: why a row is refused, null where it is not, shape (n,).
        skipped: rows that are no answer and no fault, shape (n,).
        kinds: refused rows by reason, without the value.
        codes: rows by special meaning of their score.
        blanked: unusable values of optional columns by column and value.
        unknown_scores: refused rows by (score, item).
        changed: values by what was done to them.
        full_marks: pairs of (item, score) that count as right, where scores are given.
        disagreeing: rows by item whose score in the file is not that of their key.
        keyless: refused rows by item that has no key.
        option_codes: rows by option of several characters.
    """

    rows: pa.Table
    reasons: Any
    skipped: Any
    kinds: Counter[str]
    codes: Counter[str]
    blanked: dict[str, Counter[str]]
    unknown_scores: Counter[tuple[str, str]]
    changed: Counter[str]
    full_marks: set[tuple[str, str]]
    disagreeing: Counter[str]
    keyless: Counter[str]
    option_codes: Counter[str]

    @property
    def right(self) -> Any:
        """Rows that go on, shape (n,)."""
        return pc.and_not(pc.is_null(self.reasons), self.skipped)


class Verdicts:
    """The first reason against each row.

    Attributes:
        skipped: rows that are no answer: from when it is set, nothing is held against them.
    """

    def __init__(self, rows: int) -> None:
        self.skipped: Any = False
        self.reasons = pa.nulls(rows, pa.string())
        self.kinds: Counter[str] = Counter()
        self.blanked: dict[str, Counter[str]] = {}
        self.changed: Counter[str] = Counter()

    def refuse(
        self, bad: Any, before: str, values: Any = None, after: Any = "", kind: str = ""
    ) -> None:
        """Notes ``before 'value' after`` for the rows where `bad` is true, counted under `kind`.

        `after` may be of each row, shape (n,); then there is a `kind`.
        """
        bad = pc.and_not(pc.fill_null(bad, fill_value=False), self.skipped)
        if not pc.any(bad).as_py():
            return
        if values is None:
            message: Any = pa.scalar(before + after)
        else:
            shown = pc.utf8_slice_codeunits(pc.fill_null(values, ""), 0, 60)
            message = pc.binary_join_element_wise(before, " '", shown, "'", after, "")
        self.kinds[kind or before + after] += pc.sum(pc.and_(bad, pc.is_null(self.reasons))).as_py()
        noted = pc.if_else(bad, message, pa.scalar(None, pa.string()))
        self.reasons = pc.coalesce(self.reasons, noted)

    def blank(self, meaning: str, bad: Any, values: Any) -> None:
        """Counts the values that are left out of an optional column."""
        bad = pc.fill_null(bad, fill_value=False)
        if pc.any(bad).as_py():
            for entry in values.filter(bad).value_counts().to_pylist():
                self.blanked.setdefault(meaning, Counter())[entry["values"][:60]] += entry["counts"]
