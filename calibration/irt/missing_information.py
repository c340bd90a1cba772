"""Missing information: the covariance of the complete-data score under each examinee's posterior.

By Louis (1982) and Oakes (1999) the observed information is the complete-data information minus
Σ_p Cov(S_p | responses of p). The sum runs over all pairs of items that an examinee answered. It is
scattered where examinees answered few of the items, and a dense matrix product where they answered
many.

What never lives here: one examinee's scores (see `examinee_scores`); the complete-data part and the
inversion (see `oakes`).
"""

from __future__ import annotations

import numpy as np

from calibration.arrays import FloatArray, IntArray, SingleArray
from calibration.compiled import compiled
from calibration.irt.examinee_scores import Evidence, examinee_scores, posterior_of
from calibration.irt.posterior_basis import FAST, MOST_DEGREE


@compiled()
def _most_rows(evidence: Evidence, first: int, last: int) -> int:
    """Score rows that an examinee from first … last − 1 can need."""
    most = 0
    for i in range(first, last):
        most = max(most, evidence.indptr[i + 1] - evidence.indptr[i])
    return evidence.number.shape[1] * most + evidence.shared + 2


@compiled(error_model="numpy")
def add_sparse(evidence: Evidence, first: int, last: int, out: SingleArray) -> None:
    """Adds Σ Cov(S_p) of examinees first … last − 1 to an upper triangle.

    Each examinee touches only the cells of their own items. Cache misses, not arithmetic, are the
    cost: single precision halves them (and is exact to about 10⁻⁶ of the sums), and so does keeping
    two rows, slope and intercept of an item, side by side.

    Args:
        evidence: of all examinees.
        first: first examinee.
        last: one past the last.
        out: added to, shape (⌈P/2⌉, P, 2): cell (r, s) of the matrix is out[r // 2, s, r % 2].
    """
    width = evidence.table.shape[1]
    post, log_post, power = np.empty(width), np.empty(width), np.empty(width, np.int64)
    most = _most_rows(evidence, first, last)
    scores, columns = np.empty((most, MOST_DEGREE)), np.empty(most, np.int64)
    turned, line = np.empty((MOST_DEGREE, most), np.float32), np.empty(most, np.float32)
    for i in range(first, last):
        posterior_of(evidence, i, log_post, post, power)
        # items in order keep the writes within the upper triangle
        rows = np.sort(evidence.rows[evidence.indptr[i] : evidence.indptr[i + 1]])
        root = np.sqrt(evidence.weight[i])
        used, degree = examinee_scores(evidence, rows, root, post, scores, columns)
        blocks = (degree + 3) // 4  # four degrees at a time; those beyond the degree are zeros
        for r in range(used):
            for k in range(4 * blocks):
                turned[k, r] = scores[r, k]
        for r in range(used):
            for block in range(blocks):
                _row_products(turned[4 * block : 4 * block + 4], r, used, block > 0, line)
            _scatter(line, columns[r:used], out[columns[r] >> 1], columns[r] & 1)


@compiled(fastmath=FAST)
def _row_products(turned: SingleArray, r: int, stop: int, add: bool, line: SingleArray) -> None:
    """line_s = (line_s if `add`) + Σ_k turned_{k,r} · turned_{k,r+s} over four k."""
    # slices, since an index that starts at r might be negative for all the compiler knows
    r0, r1, r2, r3 = turned[0, r:stop], turned[1, r:stop], turned[2, r:stop], turned[3, r:stop]
    t0, t1, t2, t3 = r0[0], r1[0], r2[0], r3[0]
    if add:
        for s in range(stop - r):
            line[s] += t0 * r0[s] + t1 * r1[s] + t2 * r2[s] + t3 * r3[s]
    else:
        for s in range(stop - r):
            line[s] = t0 * r0[s] + t1 * r1[s] + t2 * r2[s] + t3 * r3[s]


@compiled()
def _scatter(line: SingleArray, columns: IntArray, into: SingleArray, side: int) -> None:
    # unsigned, since a signed index might be negative for all the compiler knows
    lane = np.uint64(side)
    for s in range(columns.size):
        into[np.uint64(columns[s]), lane] += line[s]


@compiled(error_model="numpy")
def fill_dense(evidence: Evidence, first: int, last: int, out: SingleArray) -> tuple[int, int]:
    """Writes E[S φ_k] of examinees from `first` as rows of `out` (rows, P) while they fit.

    Returns:
        The first examinee that did not fit (or `last`), and the rows written.
    """
    width = evidence.table.shape[1]
    post, log_post, power = np.empty(width), np.empty(width), np.empty(width, np.int64)
    most = _most_rows(evidence, first, last)
    scores, columns = np.empty((most, MOST_DEGREE)), np.empty(most, np.int64)
    written = 0
    for i in range(first, last):
        if written + MOST_DEGREE > out.shape[0]:
            return i, written
        posterior_of(evidence, i, log_post, post, power)
        rows = evidence.rows[evidence.indptr[i] : evidence.indptr[i + 1]]
        root = np.sqrt(evidence.weight[i])
        used, degree = examinee_scores(evidence, rows, root, post, scores, columns)
        for k in range(degree):
            _spread(scores, columns, used, k, out[written + k])
        written += degree
    return last, written


@compiled()
def _spread(scores: FloatArray, columns: IntArray, used: int, k: int, out: SingleArray) -> None:
    for column in range(out.size):
        out[column] = 0.0
    for r in range(used):
        out[columns[r]] += scores[r, k]
