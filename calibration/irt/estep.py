"""The E-step: posterior of each examinee at the nodes, and expected counts per item.

Cost is O(entries · Q) and memory O(R + J · Q): no examinee × item array is ever made.

What never lives here: response curves, and how item parameters are improved (the models do both).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.arrays import CodeArray, FloatArray, IntArray
from calibration.compiled import compiled
from calibration.irt.layout import Layout
from calibration.irt.quadrature import LANES, Quadrature, padded
from calibration.models import ResponseModel
from calibration.models.newton_step import Counts
from calibration.threads import Workers, chunk_edges

ENTRIES_PER_CHUNK = 20_000
MOST_CHUNKS = 16
CHUNK_BYTES = 256_000_000  # that the sums of all chunks may take
NO_SHARE = 1e-17  # of a node; a hundred such are still below the rounding of a sum
NO_MASS = -1e5  # log weight of the padding nodes: exp of it is 0 at any likelihood


@dataclass(frozen=True, eq=False)
class Expectation:
    """What one E-step returns.

    Attributes:
        log_likelihood: marginal log-likelihood at the parameters of the E-step.
        counts: expected answers per item, category and node.
        person: expected examinees per node, shape (Q,).
    """

    log_likelihood: float
    counts: Counts
    person: FloatArray


Groups = tuple[tuple[ResponseModel, IntArray], ...]


class EStep:
    """The E-step over one layout; buffers are kept from cycle to cycle."""

    def __init__(
        self, layout: Layout, groups: Groups, quadrature: Quadrature, workers: Workers
    ) -> None:
        """Takes the answers, and the models with the positions of their items."""
        self.layout = layout
        self.groups = groups
        self._parts = [
            (model, part) for model, own in groups for part in np.array_split(own, min(8, own.size))
        ]
        self.quadrature = quadrature
        self.workers = workers
        items, width = layout.item_count, padded(quadrature.theta.size)
        rows = layout.rows
        most = int(np.clip(CHUNK_BYTES // max(8 * rows * width, 1), 2, MOST_CHUNKS))
        self._edges = chunk_edges(layout.indptr, ENTRIES_PER_CHUNK, most)
        chunks = self._edges.size - 1
        self.table = np.zeros((rows, width))
        # log P of the lowest category: rows of their own in form mode
        self._lowest = np.zeros((items, width)) if layout.by_form else self.table
        self._row = np.arange(items) if layout.by_form else layout.first[:-1]
        self._above = layout.first_above if layout.by_form else layout.first + 1
        self._item = np.repeat(np.arange(items), layout.categories - 1)
        self._forms = max(layout.form_indptr.size - 1, 1)
        self.base = np.full((self._forms, width), NO_MASS)
        self._entry_sum = np.zeros((chunks, rows, width))
        self._form_sum = np.zeros((chunks, self._forms, width))

    def tabulate(self, params: FloatArray, log_weights: FloatArray) -> None:
        """Fills the tables for the item parameters (J, W) and log node weights (Q,)."""
        layout, theta = self.layout, self.quadrature.theta

        def fill(part: tuple[ResponseModel, IntArray]) -> None:
            model, items = part
            lower, upper = (self._lowest, self._row), (self.table, self._above)
            model.log_curves(params, items, theta, lower, upper, layout.categories)

        self.workers.run(fill, self._parts)
        self.base[:, : theta.size] = log_weights
        if layout.by_form:
            _add_form_rows(layout.form_indptr, layout.form_item, self._lowest, self.base)
            dichotomous = self._item.size == layout.item_count
            self.table -= self._lowest if dichotomous else self._lowest[self._item]

    def __call__(self, params: FloatArray, log_weights: FloatArray) -> Expectation:
        """Runs the E-step at item parameters (J, W) and log node weights (Q,)."""
        self.tabulate(params, log_weights)
        layout = self.layout

        def part(k: int) -> float:
            self._entry_sum[k] = 0.0
            self._form_sum[k] = 0.0
            return float(
                _accumulate(
                    layout.indptr,
                    layout.row,
                    layout.weight,
                    layout.form,
                    self.table,
                    self.base,
                    self._edges[k],
                    self._edges[k + 1],
                    self._entry_sum[k],
                    self._form_sum[k],
                )
            )

        log_likelihood = sum(self.workers.run(part, range(self._edges.size - 1)))
        return self._expected(log_likelihood)

    def _expected(self, log_likelihood: float) -> Expectation:
        nodes = self.quadrature.theta.size
        entry = self._entry_sum.sum(axis=0)
        form = self._form_sum.sum(axis=0)[:, :nodes]
        person = form.sum(axis=0)
        layout, theta = self.layout, self.quadrature.theta
        if layout.by_form:
            chosen = np.ascontiguousarray(entry[:, :nodes])
            total = np.zeros((layout.item_count, nodes))
            owner = np.repeat(np.arange(self._forms), np.diff(layout.form_indptr))
            np.add.at(total, layout.form_item, form[owner])
        else:
            chosen = np.empty((self._item.size, nodes))
            total = np.empty((layout.item_count, nodes))
            _split(entry, layout.first, chosen, total)
        return Expectation(log_likelihood, Counts(layout.first_above, chosen, total, theta), person)


@compiled()
def _split(entry: FloatArray, first: IntArray, chosen: FloatArray, total: FloatArray) -> None:
    """Writes the rows of all but the lowest category, and the sums over an item's categories."""
    for j in range(total.shape[0]):
        above = first[j] - j  # of the items before, each has one row less there
        for q in range(total.shape[1]):
            total[j, q] = entry[first[j], q]
        for k in range(first[j] + 1, first[j + 1]):
            for q in range(total.shape[1]):
                chosen[above, q] = entry[k, q]
                total[j, q] += entry[k, q]
            above += 1


@compiled()
def _add_form_rows(
    form_indptr: IntArray, form_item: CodeArray, wrong: FloatArray, base: FloatArray
) -> None:
    for f in range(form_indptr.size - 1):
        for k in range(form_indptr[f], form_indptr[f + 1]):
            for q in range(base.shape[1]):
                base[f, q] += wrong[form_item[k], q]


@compiled(fastmath={"reassoc", "contract", "nsz", "arcp"})
def sum_rows(
    rows: CodeArray, table: FloatArray, start: int, stop: int, base: FloatArray, out: FloatArray
) -> None:
    """Writes base + Σ table[rows[start:stop]] to `out`, four rows at a time to save stores."""
    width = out.size
    for q in range(width):
        out[q] = base[q]
    k = start
    while k + 4 <= stop:
        t0, t1, t2, t3 = table[rows[k]], table[rows[k + 1]], table[rows[k + 2]], table[rows[k + 3]]
        for q in range(width):
            out[q] += (t0[q] + t1[q]) + (t2[q] + t3[q])
        k += 4
    while k < stop:
        t0 = table[rows[k]]
        for q in range(width):
            out[q] += t0[q]
        k += 1


@compiled(fastmath={"reassoc", "contract", "nsz", "arcp"})
def exp_shifted(log_value: FloatArray, peak: float, out: FloatArray, power: IntArray) -> None:
    """Writes exp(log_value − peak) to `out` by code that vectorises.

    Without Intel's SVML, Numba's own exp runs one element at a time and takes half of a sparse
    E-step. Cody–Waite reduction and a Taylor polynomial of degree 13: relative error below 1e-15.
    """
    scale = power.view(np.float64)
    for q in range(log_value.size):
        x = max(log_value[q] - peak, -690.0)
        k = np.rint(x * 1.4426950408889634)
        r = (x - k * 0.6931471803691238) - k * 1.9082149292705877e-10
        y = 1.0 + r * (1.0 / 13.0)
        y = 1.0 + r * y * (1.0 / 12.0)
        y = 1.0 + r * y * (1.0 / 11.0)
        y = 1.0 + r * y * (1.0 / 10.0)
        y = 1.0 + r * y * (1.0 / 9.0)
        y = 1.0 + r * y * (1.0 / 8.0)
        y = 1.0 + r * y * (1.0 / 7.0)
        y = 1.0 + r * y * (1.0 / 6.0)
        y = 1.0 + r * y * (1.0 / 5.0)
        y = 1.0 + r * y * (1.0 / 4.0)
        y = 1.0 + r * y * (1.0 / 3.0)
        y = 1.0 + r * y * (1.0 / 2.0)
        out[q] = 1.0 + r * y
        power[q] = (np.int64(k) + 1023) << 52
    for q in range(log_value.size):
        out[q] *= scale[q]


@compiled(fastmath={"reassoc", "contract", "nsz", "arcp"})
def _accumulate(
    indptr: IntArray,
    row: CodeArray,
    weight: FloatArray,
    form: CodeArray,
    table: FloatArray,
    base: FloatArray,
    first: int,
    last: int,
    entry_sum: FloatArray,
    form_sum: FloatArray,
) -> float:
    """Posteriors of examinees first … last − 1, added up; returns their log-likelihood."""
    width = table.shape[1]
    log_post = np.empty(width)
    post = np.empty(width)
    power = np.empty(width, np.int64)
    log_likelihood = 0.0
    for i in range(first, last):
        start, stop = indptr[i], indptr[i + 1]
        sum_rows(row, table, start, stop, base[form[i]], log_post)
        peak = log_post.max()
        exp_shifted(log_post, peak, post, power)
        mass = post.sum()
        log_likelihood += weight[i] * (peak + np.log(mass))
        scaled = weight[i] / mass
        into = form_sum[form[i]]
        for q in range(width):
            post[q] *= scaled
            into[q] += post[q]
        left, right = _support(post, weight[i])
        held = post[left:right]
        for k in range(start, stop):
            into = entry_sum[row[k], left:right]
            for q in range(held.size):
                into[q] += held[q]
    return log_likelihood


@compiled()
def _support(post: FloatArray, total: float) -> tuple[int, int]:
    """Whole vectors of nodes that hold all but 10⁻¹⁵ of a posterior: often half of them."""
    least = NO_SHARE * total
    left, right = 0, post.size
    while right - left > LANES and post[right - LANES : right].max() < least:
        right -= LANES
    while right - left > LANES and post[left : left + LANES].max() < least:
        left += LANES
    return left, right
