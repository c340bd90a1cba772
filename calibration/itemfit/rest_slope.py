"""Whether answers to an item rise with ability, told by the other items alone.

A prior for slopes above 0 gives every item a slope above 0, also one whose key is wrong. Here the
item's own parameters and their prior have no say.

What never lives here: estimation of parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import CodeArray, FloatArray, IntArray
from calibration.bank import ItemBank
from calibration.compiled import compiled
from calibration.irt.layout import category_rows
from calibration.irt.quadrature import rectangular
from calibration.scoring.eap import log_table, scored_responses

NODES = 41


@dataclass(frozen=True, eq=False)
class RestSlope:
    """Regression of each item's answers on ability estimated without it.

    Attributes:
        slope: one-step logistic slope per unit of that ability, shape (J,); 0 where answers or
            abilities do not vary.
        z: score statistic of "no slope", shape (J,), standard normal where there is none.
        n: answers of persons who answered another item, shape (J,).
    """

    slope: FloatArray
    z: FloatArray
    n: IntArray


def rest_slope(
    bank: ItemBank, person: npt.ArrayLike, item: npt.ArrayLike, correct: npt.ArrayLike
) -> RestSlope:
    """Slope of each item's answers on the EAP ability from the person's other answers.

    Unlike an item-rest correlation it says something about adaptive tests too, where harder items
    follow a right answer: ability accounts for how hard the other items were.

    Args:
        bank: item parameters, J items.
        person: person codes 0 … N − 1, shape (M,).
        item: positions in the bank, shape (M,).
        correct: 0 or 1 (of a polytomous item the category), shape (M,).

    Raises:
        InvalidResponsesError: malformed responses, or an item that the bank does not have.
    """
    responses = scored_responses(bank, person, item, correct, None)
    nodes = rectangular(NODES, (-5.0, 5.0)).theta
    first, table = log_table(bank, nodes, nodes.size)
    rows = category_rows(first, responses.item, responses.correct)
    ability = _leave_one_out(responses.indptr, rows, table, nodes)
    known = np.isfinite(ability)
    own, x, u = responses.item[known], responses.correct[known].astype(np.float64), ability[known]
    n = np.bincount(own, minlength=len(bank))
    count = np.maximum(n, 1)
    x -= (np.bincount(own, x, minlength=len(bank)) / count)[own]
    u -= (np.bincount(own, u, minlength=len(bank)) / count)[own]
    score = np.bincount(own, x * u, minlength=len(bank))
    spread = np.bincount(own, u * u, minlength=len(bank))
    information = np.bincount(own, x * x, minlength=len(bank)) / count * spread
    defined = information > 1e-12
    slope = np.divide(score, information, out=np.zeros(len(bank)), where=defined)
    statistic = np.divide(score, np.sqrt(information), out=np.zeros(len(bank)), where=defined)
    return RestSlope(slope, statistic, n)


@compiled(error_model="numpy")
def _leave_one_out(
    indptr: IntArray, rows: CodeArray, table: FloatArray, nodes: FloatArray
) -> FloatArray:
    """EAP from all answers of the person but this one, (M,); NaN where there is no other."""
    out = np.full(rows.size, np.nan)
    posterior, rest = np.empty(nodes.size), np.empty(nodes.size)
    for i in range(indptr.size - 1):
        first, last = indptr[i], indptr[i + 1]
        if last - first < 2:
            continue
        for q in range(nodes.size):
            posterior[q] = -0.5 * nodes[q] * nodes[q]
        for k in range(first, last):
            for q in range(nodes.size):
                posterior[q] += table[rows[k], q]
        for k in range(first, last):
            peak = -np.inf
            for q in range(nodes.size):
                rest[q] = posterior[q] - table[rows[k], q]
                peak = max(peak, rest[q])
            mass, moment = 0.0, 0.0
            for q in range(nodes.size):
                density = np.exp(rest[q] - peak)
                mass += density
                moment += density * nodes[q]
            out[k] = moment / mass
    return out
