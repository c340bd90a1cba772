"""How responses are laid out for the E-step: which table rows each person adds up.

A person's log-likelihood at the nodes is a base row plus one table row per response. Where persons
share a set of items (a *form*), the base row holds log P of the lowest category of the whole form
and only other answers are added; where also the answers agree, the persons collapse into one row
with a weight. Where everybody has a set of their own (adaptive tests), each response adds its own
row. Tables have a row for each category of an item, in form mode for all but the lowest.

What never lives here: probabilities; the layout is made once per fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import ByteArray, CodeArray, FloatArray, IntArray
from calibration.compiled import compiled
from calibration.irt.responses import Responses

HashArray = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Layout:
    """Rows for the E-step.

    Attributes:
        indptr: where each examinee's rows begin, shape (R + 1,); an examinee here is a collapsed
            answer pattern, or a person.
        row: table rows, shape (entries,).
        weight: persons that each examinee stands for, shape (R,).
        form: base row of each examinee, shape (R,).
        form_indptr: where the items of each form begin, shape (F + 1,); no forms: (1,).
        form_item: items of the forms.
        categories: K of each item, shape (J,).
    """

    indptr: IntArray
    row: CodeArray
    weight: FloatArray
    form: CodeArray
    form_indptr: IntArray
    form_item: CodeArray
    categories: IntArray

    @property
    def item_count(self) -> int:
        """J."""
        return int(self.categories.size)

    @property
    def first(self) -> IntArray:
        """First row of each item where every category has a row, shape (J + 1,)."""
        return first_rows(self.categories)

    @property
    def first_above(self) -> IntArray:
        """The same where the lowest category has none, shape (J + 1,)."""
        return first_rows(self.categories - 1)

    @property
    def rows(self) -> int:
        """Rows of the tables."""
        return int((self.first_above if self.by_form else self.first)[-1])

    @property
    def by_form(self) -> bool:
        """Whether base rows hold forms."""
        return self.form_indptr.size > 1


def first_rows(count: IntArray) -> IntArray:
    """Where the rows of each item begin, from how many each has; shape (J + 1,)."""
    return np.concatenate([[0], np.cumsum(count)]).astype(np.int64)


@compiled()
def category_rows(first: IntArray, item: CodeArray, correct: ByteArray) -> CodeArray:
    """Table row of each response where every category has one, from `first_rows`; shape (M,)."""
    out = np.empty(item.size, np.int32)
    for k in range(item.size):
        out[k] = first[item[k]] + correct[k]
    return out


def build_layout(responses: Responses, weight: FloatArray) -> Layout:
    """Chooses the cheapest layout for the responses; persons without answers or weight drop out."""
    used = np.flatnonzero((np.diff(responses.indptr) > 0) & (weight > 0)).astype(np.int64)
    forms = _find_forms(responses, used)
    categories = responses.categories
    data = responses.indptr, responses.item, responses.correct, used
    if forms is None:
        indptr, row = _rows(*data, first_rows(categories), 0)
        no_form = np.zeros(used.size, np.int32)
        empty = np.zeros(1, np.int64), np.zeros(0, np.int32)
        return Layout(indptr, row, weight[used], no_form, *empty, categories)
    form, representative = forms
    form_indptr, form_item = _take(responses.indptr, responses.item, representative)
    indptr, row = _rows(*data, first_rows(categories - 1), 1)
    layout = Layout(indptr, row, weight[used], form, form_indptr, form_item, categories)
    return _collapsed(layout)


def all_rows(layout: Layout) -> tuple[IntArray, CodeArray]:
    """Every response of every examinee as a row where all categories have one: (indptr, rows)."""
    if not layout.by_form:
        return layout.indptr, layout.row
    size = np.diff(layout.form_indptr)[layout.form]
    indptr = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    return indptr, _expand(
        layout.indptr,
        layout.row,
        layout.form,
        layout.form_indptr,
        layout.form_item,
        np.repeat(np.arange(layout.item_count), layout.categories - 1),
        layout.first,
        indptr,
    )


def _find_forms(responses: Responses, used: IntArray) -> tuple[CodeArray, IntArray] | None:
    """Form of each used person and one person per form; None where forms do not pay."""
    hashes = _hash_sets(responses.indptr, responses.item, used)
    _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    representative = used[first]
    sizes = np.diff(responses.indptr)
    shared = int(sizes[representative].sum())
    if used.size == 0 or shared * 4 > int(sizes[used].sum()):
        return None
    codes = np.asarray(group, np.int32)
    if not _same_sets(
        responses.indptr,
        responses.item,
        used,
        representative,
        codes,
        np.argsort(codes),
        responses.item_count,
    ):
        return None
    return codes, representative


def _collapsed(layout: Layout) -> Layout:
    """Merges examinees with equal forms and correct answers, where that halves the work."""
    everyone = np.arange(layout.weight.size, dtype=np.int64)
    hashes = _hash_sets(layout.indptr, layout.row, everyone) ^ _spread(layout.form)
    _, first, pattern = np.unique(hashes, return_index=True, return_inverse=True)
    if first.size * 2 > everyone.size:
        return layout
    codes = np.asarray(pattern, np.int32)
    same = _same_sets(
        layout.indptr, layout.row, everyone, first, codes, np.argsort(codes), layout.rows
    ) and np.array_equal(layout.form[first][codes], layout.form)
    if not same:
        return layout
    indptr, row = _take(layout.indptr, layout.row, first)
    weight = np.bincount(codes, weights=layout.weight, minlength=first.size).astype(np.float64)
    return Layout(
        indptr,
        row,
        weight,
        layout.form[first],
        layout.form_indptr,
        layout.form_item,
        layout.categories,
    )


def _take(indptr: IntArray, entry: CodeArray, rows: IntArray) -> tuple[IntArray, CodeArray]:
    """CSR rows `rows` of (indptr, entry), in that order."""
    size = np.diff(indptr)[rows]
    out = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    source = np.repeat(indptr[rows] - out[:-1], size) + np.arange(out[-1])
    return out, entry[source]


def _spread(codes: CodeArray) -> HashArray:
    return codes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)


@compiled()
def _rows(
    indptr: IntArray,
    item: CodeArray,
    correct: ByteArray,
    used: IntArray,
    first: IntArray,
    lowest: int,
) -> tuple[IntArray, CodeArray]:
    """Table rows of the used persons; `lowest` is the lowest category that has one."""
    out = np.zeros(used.size + 1, np.int64)
    for i in range(used.size):
        count = 0
        for k in range(indptr[used[i]], indptr[used[i] + 1]):
            count += 1 if correct[k] >= lowest else 0
        out[i + 1] = out[i] + count
    row = np.empty(out[-1], np.int32)
    for i in range(used.size):
        to = out[i]
        for k in range(indptr[used[i]], indptr[used[i] + 1]):
            if correct[k] >= lowest:
                row[to] = first[item[k]] + correct[k] - lowest
                to += 1
    return out, row


@compiled()
def _expand(
    indptr: IntArray,
    row: CodeArray,
    form: CodeArray,
    form_indptr: IntArray,
    form_item: CodeArray,
    owner: IntArray,
    first_row: IntArray,
    out_indptr: IntArray,
) -> CodeArray:
    # row r of an item in form mode is its category r − (first row there) + 1, and there is one row
    # less for each item before it: r + item + 1 where all categories have a row
    chosen = np.zeros(first_row.size - 1, np.int64)
    by = np.full(first_row.size - 1, -1, np.int64)
    out = np.empty(out_indptr[-1], np.int32)
    for i in range(form.size):
        for k in range(indptr[i], indptr[i + 1]):
            j = owner[row[k]]
            by[j] = i
            chosen[j] = row[k] + j + 1
        first = form_indptr[form[i]]
        for k in range(out_indptr[i + 1] - out_indptr[i]):
            j = form_item[first + k]
            out[out_indptr[i] + k] = chosen[j] if by[j] == i else first_row[j]
    return out


@compiled()
def _hash_sets(indptr: IntArray, entry: CodeArray, rows: IntArray) -> HashArray:
    """A hash of each row's entries that does not depend on their order (splitmix64, added)."""
    out = np.empty(rows.size, np.uint64)
    for i in range(rows.size):
        total = np.uint64(0)
        for k in range(indptr[rows[i]], indptr[rows[i] + 1]):
            z = (np.uint64(entry[k]) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            total += z ^ (z >> np.uint64(31))
        out[i] = total
    return out


@compiled()
def _same_sets(
    indptr: IntArray,
    entry: CodeArray,
    rows: IntArray,
    first: IntArray,
    group: CodeArray,
    order: IntArray,
    entry_count: int,
) -> bool:
    """Whether each row truly has the entries of its group's first row: hashes can collide."""
    stamp = np.full(entry_count, -1, np.int64)
    current = -1
    for i in order:
        g = group[i]
        if g != current:
            current = g
            for k in range(indptr[first[g]], indptr[first[g] + 1]):
                stamp[entry[k]] = g
        size = indptr[rows[i] + 1] - indptr[rows[i]]
        if size != indptr[first[g] + 1] - indptr[first[g]]:
            return False
        for k in range(indptr[rows[i]], indptr[rows[i] + 1]):
            if stamp[entry[k]] != g:
                return False
    return True
