"""Pairs of items whose answers go together more, or less, than ability explains.

What never lives here: fit of single items (see `curve_fit`, `residuals`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from calibration.arrays import CodeArray, FloatArray, IntArray
from calibration.bank import ItemBank
from calibration.compiled import compiled
from calibration.itemfit.residuals import abilities
from calibration.models import moments_of
from calibration.scoring.eap import scored_responses
from calibration.scoring.maximum_likelihood import Items

SMALLEST_N = 100
LARGE = 0.2
"""How far beyond the average a Q3 is worth a look (Christensen, Makransky & Horton 2017)."""
_ROOM = 1024


@dataclass(frozen=True, eq=False)
class LocalDependence:
    """Pairs of items with a Q3 far from the average one; P pairs, the strongest first.

    Attributes:
        first: position in the bank, shape (P,), below `second`.
        second: position in the bank, shape (P,).
        n: persons who answered both, shape (P,).
        q3: correlation of the pair's residuals, shape (P,).
        p_value: that it differs from the average one (Fisher's z), shape (P,).
        mean: average Q3 over all pairs that were looked at; a little below 0 on short tests.
        tested: pairs that enough persons answered.
    """

    first: IntArray
    second: IntArray
    n: IntArray
    q3: FloatArray
    p_value: FloatArray
    mean: float
    tested: int


def local_dependence(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    theta: npt.ArrayLike | None = None,
    *,
    min_n: int = SMALLEST_N,
    above: float = LARGE,
) -> LocalDependence:
    """Yen's (1984) Q3 for the pairs of items that enough persons answered both of.

    Costs what the persons' pairs of answers are, Σ n_i², whatever the bank holds.

    Args:
        bank: item parameters.
        person: person codes 0 … N − 1, shape (M,).
        item: positions in the bank, shape (M,).
        correct: 0 or 1 (of a polytomous item the category), shape (M,).
        theta: abilities, shape (N,); default: EAP.
        min_n: persons that a pair needs, at least 4.
        above: the distance from the average beyond which a pair is returned.

    Raises:
        InvalidResponsesError: malformed responses, or an item that the bank does not have.
        InvalidParameterError: `theta` is not one finite number per person.
    """
    responses = scored_responses(bank, person, item, correct, None)
    ability = abilities(bank, responses, theta)
    known = Items.of(bank)
    residual = _residuals(responses.indptr, responses.item, responses.correct, ability, known)
    starts, who, place = _by_item(responses.indptr, responses.item, len(bank))
    pairs = (responses.indptr, responses.item, residual, starts, who, place, max(min_n, 4))
    total, tested, _, _ = _pairs(*pairs, 0.0, np.inf)
    mean = total / tested if tested else 0.0
    _, _, keys, values = _pairs(*pairs, mean, above)
    n, q3 = keys[:, 2], values
    z = (np.arctanh(np.clip(q3, -0.999999, 0.999999)) - np.arctanh(mean)) * np.sqrt(n - 3)
    order = np.argsort(-np.abs(q3 - mean), kind="stable")
    return LocalDependence(
        first=keys[order, 0],
        second=keys[order, 1],
        n=n[order],
        q3=q3[order],
        p_value=2 * ndtr(-np.abs(z))[order],
        mean=float(mean),
        tested=int(tested),
    )


@compiled(error_model="numpy")
def _residuals(
    indptr: IntArray,
    item: CodeArray,
    correct: npt.NDArray[np.uint8],
    theta: FloatArray,
    bank: Items,
) -> FloatArray:
    out = np.empty(item.size)
    for i in range(theta.size):
        for k in range(indptr[i], indptr[i + 1]):
            j = item[k]
            mean, _ = moments_of(bank.curve, bank.rows, j, bank.categories[j], theta[i])
            out[k] = correct[k] - mean
    return out


@compiled()
def _by_item(indptr: IntArray, item: CodeArray, items: int) -> tuple[IntArray, IntArray, IntArray]:
    """Where each item's answers begin (J + 1,), and the person and place of each (M,)."""
    starts = np.zeros(items + 1, np.int64)
    for k in range(item.size):
        starts[item[k] + 1] += 1
    for j in range(items):
        starts[j + 1] += starts[j]
    free = starts[:-1].copy()
    who, place = np.empty(item.size, np.int64), np.empty(item.size, np.int64)
    for i in range(indptr.size - 1):
        for k in range(indptr[i], indptr[i + 1]):
            to = free[item[k]]
            free[item[k]] = to + 1
            who[to], place[to] = i, k
    return starts, who, place


@compiled(error_model="numpy")
def _pairs(
    indptr: IntArray,
    item: CodeArray,
    residual: FloatArray,
    starts: IntArray,
    who: IntArray,
    place: IntArray,
    min_n: int,
    mean: float,
    above: float,
) -> tuple[float, int, IntArray, FloatArray]:
    """Sum and number of Q3 tested, and the pairs (first, second, n) and Q3 far from the mean.

    One item at a time against those after it: the sums of its pairs are all that is held.
    """
    items = starts.size - 1
    sums = np.zeros((items, 6))
    touched = np.empty(items, np.int64)
    keys, values = np.empty((_ROOM, 3), np.int64), np.empty(_ROOM)
    total, tested, kept = 0.0, 0, 0
    for j in range(items):
        count = _with_later(j, indptr, item, residual, starts, who, place, sums, touched)
        for t in range(count):
            n, q3 = sums[touched[t], 0], _correlation(sums[touched[t]])
            sums[touched[t], :] = 0.0
            if n < min_n or np.isnan(q3):
                continue
            total += q3
            tested += 1
            if abs(q3 - mean) < above:
                continue
            if kept == values.size:
                keys = np.concatenate((keys, np.empty_like(keys)))
                values = np.concatenate((values, np.empty_like(values)))
            keys[kept, 0], keys[kept, 1], keys[kept, 2] = j, touched[t], int(n)
            values[kept] = q3
            kept += 1
    return total, tested, keys[:kept].copy(), values[:kept].copy()


@compiled(error_model="numpy")
def _with_later(
    j: int,
    indptr: IntArray,
    item: CodeArray,
    residual: FloatArray,
    starts: IntArray,
    who: IntArray,
    place: IntArray,
    sums: FloatArray,
    touched: IntArray,
) -> int:
    """Adds up item j with each later item that its persons answered; how many those are."""
    count = 0
    for at in range(starts[j], starts[j + 1]):
        i, x = who[at], residual[place[at]]
        for k in range(indptr[i], indptr[i + 1]):
            if item[k] <= j:
                continue
            own, y = sums[item[k]], residual[k]
            if own[0] == 0.0:
                touched[count] = item[k]
                count += 1
            own[0] += 1.0
            own[1] += x
            own[2] += y
            own[3] += x * x
            own[4] += y * y
            own[5] += x * y
    return count


@compiled(error_model="numpy")
def _correlation(sums: FloatArray) -> float:
    """Of sums of 1, x, y, x², y² and xy; NaN where one does not vary."""
    n = sums[0]
    spread = (sums[3] - sums[1] ** 2 / n) * (sums[4] - sums[2] ** 2 / n)
    if spread <= 1e-12:
        return np.nan
    return float((sums[5] - sums[1] * sums[2] / n) / np.sqrt(spread))
