"""Long-form responses, checked and sorted by person.

What lives here: the checks that every entry point of estimation and scoring shares, and the
person-major (CSR) layout. What never does: item parameters, quadrature, files.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from calibration.arrays import ByteArray, CodeArray, FloatArray, IntArray, unmasked
from calibration.compiled import compiled
from calibration.errors import InvalidResponsesError

MAX_CODE = 2**30  # item codes are doubled (item, answer) and must stay within int32
MOST_CATEGORIES = 32
# codes that may be left out, beside two for each response: an item costs a table of curves
_ROOM = {"person": 1_000_000, "item": 1_000}


@dataclass(frozen=True, eq=False)
class Responses:
    """Responses sorted by person.

    Attributes:
        indptr: where each person's responses begin, shape (N + 1,).
        item: item code of each response, shape (M,).
        correct: 0 or 1 (of a polytomous item its category, 0 … K − 1), shape (M,).
        item_count: J; items nobody answered count too.
        categories: K of each item, shape (J,).
    """

    indptr: IntArray
    item: CodeArray
    correct: ByteArray
    item_count: int
    categories: IntArray

    @property
    def person_count(self) -> int:
        """N, persons without an answer included."""
        return int(self.indptr.size - 1)

    @cached_property
    def by_category(self) -> IntArray:
        """Responses per item and category, shape (J, K_max)."""
        most = int(self.categories.max(initial=2))
        out = _count(self.item, self.correct, self.item_count, most)
        out.setflags(write=False)
        return out

    def answered(self) -> IntArray:
        """Responses per item, shape (J,)."""
        return np.asarray(self.by_category.sum(axis=1))

    def right(self) -> IntArray:
        """Correct responses per item (in the highest category), shape (J,)."""
        return np.asarray(self.by_category[np.arange(self.item_count), self.categories - 1])

    def person(self) -> CodeArray:
        """Person code of each response, shape (M,)."""
        return np.repeat(np.arange(self.person_count, dtype=np.int32), np.diff(self.indptr))

    def by_item(self) -> tuple[IntArray, CodeArray, ByteArray]:
        """Where each item's responses begin (J + 1,), and person and answer of each (M,)."""
        indptr = np.zeros(self.item_count + 1, np.int64)
        np.cumsum(self.answered(), out=indptr[1:])
        return indptr, *_scatter(self.item, self.person(), self.correct, indptr)

    def only(self, keep: npt.NDArray[np.bool_]) -> Responses:
        """The same persons, with the responses to the items of `keep` (J,) alone."""
        return self if keep.all() else self._where(keep[self.item])

    def of(self, keep: npt.NDArray[np.bool_]) -> Responses:
        """The same persons, those outside `keep` (N,) without their answers."""
        return self if keep.all() else self._where(np.repeat(keep, np.diff(self.indptr)))

    def _where(self, mask: npt.NDArray[np.bool_]) -> Responses:
        before = np.concatenate([[0], np.cumsum(mask)])
        return Responses(
            before[self.indptr],
            self.item[mask],
            self.correct[mask],
            self.item_count,
            self.categories,
        )


def build_responses(
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    item_count: int | None = None,
    person_count: int | None = None,
    allow_empty: bool = False,
    categories: IntArray | None = None,
) -> Responses:
    """Checks long-form responses and sorts them by person in O(M).

    Args:
        person: person codes 0 … N − 1, shape (M,).
        item: item codes 0 … J − 1, shape (M,).
        correct: 0 or 1 (of a polytomous item its category), shape (M,).
        item_count: J, where it is more than the largest code + 1.
        person_count: N, where it is more than the largest code + 1.
        allow_empty: accept M = 0.
        categories: K of each item, shape (J,); default 2.

    Raises:
        InvalidResponsesError: lengths differ, no responses, a code that is not a whole number or
            out of range, ids in place of codes, an answer other than 0 or 1 or beyond the item's
            categories (NaN included), a pair given twice.
    """
    person_ = whole_codes("person", person, person_count)
    item_ = whole_codes("item", item, item_count)
    polytomous = categories is not None and bool((categories > 2).any())
    correct_ = (
        whole_codes("correct", correct, MOST_CATEGORIES).astype(np.uint8)
        if polytomous
        else (_answers(correct))
    )
    if not person_.size == item_.size == correct_.size:
        raise InvalidResponsesError(
            f"person, item and correct have {person_.size}, {item_.size} and {correct_.size} "
            "entries: give one of each per response"
        )
    if person_.size == 0 and not allow_empty:
        raise InvalidResponsesError("there are no responses: give at least one")
    persons = code_count("person", person_, person_count)
    items = code_count("item", item_, item_count)
    indptr = np.zeros(persons + 1, np.int64)
    np.cumsum(np.bincount(person_, minlength=persons), out=indptr[1:])
    if not _is_sorted(person_):
        item_, correct_ = _scatter(person_, item_, correct_, indptr)
    twice = _first_duplicate(indptr, item_, items)
    if twice >= 0:
        owner = int(np.searchsorted(indptr, twice, side="right") - 1)
        raise InvalidResponsesError(
            f"person {owner} answered item {item_[twice]} twice: keep one response per person and "
            "item (the first attempt)"
        )
    count = np.full(items, 2, np.int64) if categories is None else categories
    if polytomous:
        _refuse_beyond(item_, correct_, count)
    return Responses(indptr, item_, correct_, items, count)


def _refuse_beyond(item: CodeArray, correct: ByteArray, categories: IntArray) -> None:
    bad = np.flatnonzero(correct >= categories[item])
    if bad.size:
        own = item[bad[0]]
        raise InvalidResponsesError(
            f"an answer to item {own} is {correct[bad[0]]} ({bad.size} such answers): the item has "
            f"categories 0 … {categories[own] - 1}; leave unanswered items out"
        )


def check_weight(weight: npt.ArrayLike | None, person_count: int) -> FloatArray:
    """Person weights, shape (N,); ones where `weight` is None.

    Raises:
        InvalidResponsesError: the shape is not (N,), a weight is negative or not finite, or all
            are 0.
    """
    if weight is None:
        return np.ones(person_count)
    array = unmasked("weight", weight, np.float64)
    if array.shape != (person_count,):
        raise InvalidResponsesError(
            f"weight has shape {array.shape}: give one weight for each of {person_count} persons"
        )
    bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
    if bad.size:
        raise InvalidResponsesError(
            f"weight[{bad[0]}] is {array[bad[0]]}: weights must be finite and ≥ 0"
        )
    if not array.any():
        raise InvalidResponsesError("all person weights are 0: nothing is left to fit")
    return array


def whole_codes(name: str, values: npt.ArrayLike, count: int | None) -> CodeArray:
    """Codes as int32, shape (M,).

    Raises:
        InvalidResponsesError: not flat, not whole numbers, or outside 0 … `count` − 1.
    """
    array = unmasked(name, values)
    if array.ndim != 1:
        raise InvalidResponsesError(f"{name} has shape {array.shape}: give a flat array (M,)")
    if array.size == 0:
        return np.zeros(0, np.int32)
    if not np.issubdtype(array.dtype, np.integer):
        array = _whole(name, array)
    low, high = int(array.min()), int(array.max())
    limit = MAX_CODE if count is None else count
    if low < 0 or high >= limit:
        wrong = low if low < 0 else high
        where = int(np.flatnonzero(array == wrong)[0])
        raise InvalidResponsesError(
            f"{name}[{where}] is {wrong}: codes must be from 0 to {limit - 1}"
        )
    return array.astype(np.int32, copy=False)


def _whole(name: str, array: npt.NDArray[np.generic]) -> IntArray:
    """Integer codes out of a float array (what pandas makes of a column with gaps)."""
    if not np.issubdtype(array.dtype, np.floating):
        raise InvalidResponsesError(
            f"{name} has dtype {array.dtype}: give integer codes (numpy.unique makes them)"
        )
    with np.errstate(invalid="ignore"):
        bad = np.flatnonzero(~(np.isfinite(array) & (array == np.floor(array))))
    if bad.size:
        raise InvalidResponsesError(
            f"{name}[{bad[0]}] is {array[bad[0]]}: codes must be whole numbers"
        )
    return array.astype(np.int64)


def _answers(correct: npt.ArrayLike) -> ByteArray:
    array = unmasked("correct", correct)
    if array.ndim != 1:
        raise InvalidResponsesError(f"correct has shape {array.shape}: give a flat array (M,)")
    if array.dtype == np.bool_:
        return array.view(np.uint8) if array.flags.c_contiguous else array.astype(np.uint8)
    if not np.issubdtype(array.dtype, np.number):
        raise InvalidResponsesError(f"correct has dtype {array.dtype}: give 0 and 1")
    bad = np.flatnonzero((array != 0) & (array != 1))
    if bad.size:
        raise InvalidResponsesError(
            f"correct[{bad[0]}] is {array[bad[0]]} ({bad.size} such): give 0 and 1, and leave "
            "unanswered items out"
        )
    return array.astype(np.uint8)


def code_count(name: str, codes: CodeArray, given: int | None) -> int:
    """How many codes there are: the number given, else the largest and one.

    Raises:
        InvalidResponsesError: none is given and the codes are ids: there would be room for each
            below the largest, whether it occurs or not.
    """
    if given is not None:
        return int(given)
    count = int(codes.max()) + 1 if codes.size else 0
    if count > _ROOM[name] + 2 * codes.size:
        raise InvalidResponsesError(
            f"{name} has codes up to {count - 1} in {codes.size} responses: they look like ids; "
            f"give codes from 0 on, as numpy.unique({name}, return_inverse=True) does, and in that "
            f"order whatever there is one of per {name}"
        )
    return count


@compiled()
def _count(item: CodeArray, correct: ByteArray, items: int, most: int) -> IntArray:
    out = np.zeros((items, most), np.int64)
    for k in range(item.size):
        out[item[k], correct[k]] += 1
    return out


@compiled()
def _is_sorted(codes: CodeArray) -> bool:
    ascending = True
    for k in range(1, codes.size):
        ascending &= codes[k] >= codes[k - 1]
    return ascending


@compiled()
def _scatter(
    person: CodeArray, item: CodeArray, correct: ByteArray, indptr: IntArray
) -> tuple[CodeArray, ByteArray]:
    """A stable counting sort by person."""
    free = indptr[:-1].copy()
    out_item = np.empty_like(item)
    out_correct = np.empty_like(correct)
    for k in range(person.size):
        to = free[person[k]]
        free[person[k]] = to + 1
        out_item[to] = item[k]
        out_correct[to] = correct[k]
    return out_item, out_correct


@compiled()
def _first_duplicate(indptr: IntArray, item: CodeArray, item_count: int) -> int:
    """Position of the first response that repeats a (person, item) pair, or −1."""
    seen_by = np.full(item_count, -1, np.int64)
    for p in range(indptr.size - 1):
        for k in range(indptr[p], indptr[p + 1]):
            if seen_by[item[k]] == p:
                return k
            seen_by[item[k]] = p
    return -1
