"""What the values of a score column say: right, wrong, points, or why there is no score.

What never lives here: other columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qbank.errors import ImportFileError
from qbank.importing.points import POINTS, as_points, no_points
from qbank.vocabulary import Blank

ALWAYS_MISSING = ("na", ".", "null", "nan")
_RIGHT = ("1", "true", "t", "yes", "y", "correct")
_WRONG = ("0", "false", "f", "no", "n", "incorrect", "wrong")
SPECIAL = ("missing", "not_reached", "omitted", "multimark")
# 01, +1, 1.0, 1.00 and 1,0 are one number; what comes after the point must be nothing
_WHOLE = r"^\+?0*(\d+)(?:[.,]0*)?$"


@dataclass(frozen=True)
class Codes:
    """Special values of the score, beside 1/0 and the words for them.

    Attributes:
        missing: the item was not administered: no answer, counted. ``NA``, ``.``, ``NULL`` and
            ``NaN`` always are, unless they are given another meaning here.
        omitted: served and not answered.
        not_reached: the test ended before it: no answer, counted by itself.
        multimark: more than one option was marked: wrong.
        scores: further values, with the points that each stands for: 1 is right, 0 is wrong.
        blank: what an empty score is.
    """

    missing: tuple[str, ...] = ()
    omitted: tuple[str, ...] = ()
    not_reached: tuple[str, ...] = ()
    multimark: tuple[str, ...] = ()
    scores: Mapping[str, Decimal] = field(default_factory=dict)
    blank: Blank = "missing"

    def meanings(self) -> dict[str, str]:
        """Value, in its plainest form → ``missing``, ``omitted``, ``right``, ….

        Raises:
            ImportFileError: a value is given two meanings.
        """
        given: dict[str, str] = {}
        for meaning, values in (
            ("missing", self.missing),
            ("omitted", self.omitted),
            ("not_reached", self.not_reached),
            ("multimark", self.multimark),
            ("right", [value for value, points in self.scores.items() if points == 1]),
            ("wrong", [value for value, points in self.scores.items() if points == 0]),
            ("points", [value for value, points in self.scores.items() if points not in (0, 1)]),
        ):
            for value in map(plainest, values):
                if given.setdefault(value, meaning) != meaning:
                    raise ImportFileError(
                        f"the score {value!r} is given as {given[value]} and as {meaning}: "
                        "name it once"
                    )
        usual = dict.fromkeys(ALWAYS_MISSING, "missing")
        return usual | dict.fromkeys(_RIGHT, "right") | dict.fromkeys(_WRONG, "wrong") | given

    def of_options(self) -> dict[str, str]:
        """The same for a column of options, where ``1``, ``T`` and ``no`` are no scores."""
        scores = ("right", "wrong", "points")
        given = {v: meaning for v, meaning in self.meanings().items() if meaning not in scores}
        return given

    def full_marks(self) -> bool:
        """Whether more than one number of points counts as right."""
        return any(
            points == 1 and plainest(value).isdigit() for value, points in self.scores.items()
        )


def plainest(value: str) -> str:
    """One value in the form in which values are compared."""
    plain: str = plain_form(pa.array([value.strip()])).to_pylist()[0]
    return plain


def plain_form(values: Any) -> Any:
    """The form in which values are compared, shape (n,)."""
    return pc.replace_substring_regex(pc.utf8_lower(values), _WHOLE, r"\1")


@dataclass(frozen=True)
class Scores:
    """A score column, read.

    Attributes:
        is_correct: true, false, or null where there is no score, shape (n,).
        skipped: rows that are no answer, shape (n,).
        unknown: rows whose value has no meaning, shape (n,).
        blank: rows without a value, shape (n,).
        plain: the values in the form in which they are compared, shape (n,).
        counts: rows by special meaning, e.g. ``{"missing": 12, "multimark": 1}``.
        points: of an item that gives points, null where it does not, or nothing was answered, (n,).
        most: what such an item gives at most, null beside it, shape (n,).
        beyond: rows whose points are more than that, shape (n,).
    """

    is_correct: Any
    skipped: Any
    unknown: Any
    blank: Any
    plain: Any
    counts: dict[str, int]
    points: Any
    most: Any
    beyond: Any

    def put_together(self, other: Scores, are_other: Any) -> Scores:
        """These scores and `other`, which are those of the rows `are_other`, shape (n,)."""
        mask = are_other.to_numpy(zero_copy_only=False)
        places = np.empty(len(mask), np.int64)
        places[~mask] = np.arange(len(mask) - mask.sum())
        places[mask] = len(mask) - mask.sum() + np.arange(mask.sum())

        def both(name: str) -> Any:
            parts = [getattr(self, name), getattr(other, name)]
            parts = [p.combine_chunks() if isinstance(p, pa.ChunkedArray) else p for p in parts]
            return pa.concat_arrays(parts).take(pa.array(places))

        arrays = {f.name: both(f.name) for f in fields(Scores) if f.name != "counts"}
        return Scores(**arrays, counts=dict(Counter(self.counts) + Counter(other.counts)))


class Meant:
    """Which rows of a column say what, of values with a meaning.

    Attributes:
        plain: the values in the form in which they are compared, shape (n,).
    """

    def __init__(self, values: Any, meanings: Mapping[str, str], blank: Blank) -> None:
        """`values` is trimmed text, null where it is blank; `blank` is what that means."""
        self.plain = plain_form(values)
        self._meanings = dict(meanings)
        if blank != "reject":
            self.plain = pc.fill_null(self.plain, "")
            self._meanings[""] = blank

    def rows(self, *wanted: str) -> Any:
        """Whether each value has one of these meanings, shape (n,)."""
        saying = [value for value, meaning in self._meanings.items() if meaning in wanted]
        return pc.is_in(self.plain, pa.array(saying, pa.string()))

    def counts(self) -> dict[str, int]:
        """Rows by special meaning, those that occur."""
        counts = {meaning: pc.sum(self.rows(meaning)).as_py() or 0 for meaning in SPECIAL}
        return {meaning: rows for meaning, rows in counts.items() if rows}


def read_scores(values: Any, codes: Codes, most: Any = None) -> Scores:
    """Reads scores.

    Args:
        values: trimmed text, null where it is blank, shape (n,).
        codes: what is no 1 or 0.
        most: the points that each item gives, null where it is right or wrong; None is nowhere.
    """
    plain = _right_or_wrong(values, codes)
    if most is None or most.null_count == len(most):
        return plain
    meant = Meant(values, codes.meanings(), codes.blank)
    gives = pc.is_valid(most)
    # what is said of a value goes before the number that it is
    given = pa.array([plainest(value) for value in codes.scores], pa.string())
    stands_for = pa.array(list(codes.scores.values()), POINTS)
    points = stands_for.take(pc.index_in(meant.plain, given))
    points = pc.coalesce(points, as_points(values))
    nothing = pa.scalar(Decimal(0), POINTS)
    in_words = pc.if_else(plain.is_correct, most, nothing)
    points = pc.if_else(meant.rows(*SPECIAL), in_words, pc.coalesce(points, in_words))
    points = pc.if_else(gives, points, pa.scalar(None, POINTS))
    return replace(
        plain,
        is_correct=pc.if_else(gives, pc.equal(points, most), plain.is_correct),
        unknown=pc.and_(plain.unknown, pc.is_null(points)),
        plain=meant.plain,
        points=points,
        most=pc.if_else(pc.is_valid(points), most, pa.scalar(None, POINTS)),
        beyond=pc.fill_null(pc.greater(points, most), fill_value=False),
    )


def _right_or_wrong(values: Any, codes: Codes) -> Scores:
    blank, none = pc.is_null(values), no_points(len(values))
    nothing = pc.and_(blank, False)
    ordinary = pc.is_in(values, pa.array(["0", "1"]))
    if pc.all(ordinary).as_py():
        right = pc.equal(values, "1")
        return Scores(right, nothing, nothing, blank, values, {}, none, none, nothing)
    meant = Meant(values, codes.meanings(), codes.blank)
    right, wrong = meant.rows("right"), meant.rows("wrong", "multimark")
    skipped = meant.rows("missing", "not_reached")
    known = pc.or_(pc.or_(right, wrong), pc.or_(skipped, meant.rows("omitted")))
    scored = pc.if_else(wrong, pa.scalar(False), pa.scalar(None, pa.bool_()))
    return Scores(
        is_correct=pc.if_else(right, pa.scalar(True), scored),
        skipped=skipped,
        unknown=pc.and_not(pc.invert(known), blank),
        blank=blank,
        plain=meant.plain,
        counts=meant.counts(),
        points=none,
        most=none,
        beyond=nothing,
    )
