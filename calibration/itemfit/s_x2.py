"""S-X²: item fit by number-correct score, for forms that were answered completely.

What never lives here: fit at estimated abilities (see `residuals`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, IntArray, check_numbers, unmasked
from calibration.bank import ItemBank
from calibration.errors import InvalidParameterError, InvalidResponsesError
from calibration.irt.quadrature import rectangular
from calibration.scoring.eap import scored_responses
from calibration.significance import chi_square_p

SMALLEST_EXPECTED = 1.0


@dataclass(frozen=True, eq=False)
class SX2:
    """S-X² of each item of a form.

    Attributes:
        item: positions in the bank, shape (K,), ascending.
        statistic: S-X², shape (K,).
        df: score groups after collapsing minus item parameters, shape (K,); 0 where no group is
            left to test with.
        p_value: shape (K,); 1 where df is 0.
        persons: complete records used.
    """

    item: IntArray
    statistic: FloatArray
    df: IntArray
    p_value: FloatArray
    persons: int


def s_x2(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    form: npt.ArrayLike | None = None,
    n_parameters: int | npt.ArrayLike = 2,
    mean: float = 0.0,
    sd: float = 1.0,
    nodes: int = 61,
) -> SX2:
    """Orlando & Thissen's (2000) S-X² with the score distribution of Lord & Wingersky (1984).

    Score groups whose expected right or wrong answers are below 1 are joined with a neighbour.

    Args:
        bank: item parameters.
        person: person codes, shape (M,).
        item: positions in the bank, shape (M,).
        correct: 0 or 1, shape (M,).
        form: items of the form; default: all that were answered. Answers to other items and persons
            who did not answer the whole form are left out.
        n_parameters: parameters estimated per item (1PL 1, 2PL 2, 3PL 3): one number or (K,).
        mean: mean of ability in the population.
        sd: its standard deviation, > 0.
        nodes: quadrature nodes.

    Raises:
        InvalidResponsesError: malformed responses, or nobody answered the whole form.
        InvalidParameterError: the form has fewer than 3 items or a polytomous one, or an option is
            out of range.
    """
    check_numbers(mean=mean, sd=sd)
    if not (np.isfinite(mean) and np.isfinite(sd) and sd > 0):
        raise InvalidParameterError(f"mean and sd are {mean}, {sd}: give finite numbers, sd > 0")
    responses = scored_responses(bank, person, item, correct, None)
    chosen = np.unique(responses.item if form is None else unmasked("form", form)).astype(np.int64)
    if chosen.size < 3 or chosen[0] < 0 or chosen[-1] >= len(bank):
        raise InvalidParameterError(
            f"the form has {chosen.size} items: give at least 3 of the bank's {len(bank)}"
        )
    if (bank.categories[chosen] > 2).any():
        item_ = int(chosen[np.flatnonzero(bank.categories[chosen] > 2)[0]])
        raise InvalidParameterError(
            f"item {item_} has {bank.categories[item_]} categories: S-X² is for items scored right "
            "or wrong; leave it out of the form, or use infit and outfit"
        )
    free = np.broadcast_to(unmasked("n_parameters", n_parameters, np.int64), chosen.shape)
    wanted = np.zeros(len(bank), bool)
    wanted[chosen] = True
    own = responses.only(wanted)
    complete = np.diff(own.indptr) == chosen.size
    if not complete.any():
        raise InvalidResponsesError(
            f"nobody answered all {chosen.size} items of the form: S-X² needs complete records; "
            "name a smaller form, or use infit and outfit"
        )
    right = np.zeros((own.person_count, len(bank)), np.uint8)
    right[own.person(), own.item] = own.correct
    answers = right[np.ix_(complete, chosen)]
    quadrature = rectangular(nodes)
    weight = np.exp(quadrature.log_normal_weights(mean, sd))
    p = bank.only(chosen).expected_score(quadrature.theta)
    statistic, df = _statistics(answers, p, weight, free)
    p_value = np.where(df > 0, chi_square_p(statistic, np.maximum(df, 1)), 1.0)
    return SX2(chosen, statistic, df, p_value, int(complete.sum()))


def _statistics(
    answers: npt.NDArray[np.uint8], p: FloatArray, weight: FloatArray, free: IntArray
) -> tuple[FloatArray, IntArray]:
    items = p.shape[1]
    score = answers.sum(axis=1, dtype=np.int64)
    group = np.bincount(score, minlength=items + 1).astype(np.float64)[1:items]
    total = weight @ _score_distribution(p)
    statistic, df = np.zeros(items), np.zeros(items, np.int64)
    for j in range(items):
        rest = _score_distribution(np.delete(p, j, axis=1))
        share = ((weight * p[:, j]) @ rest)[: items - 1] / np.maximum(total[1:items], 1e-300)
        right = np.bincount(score[answers[:, j] == 1], minlength=items + 1)[1:items]
        n, observed, expected = _joined(group, right.astype(np.float64), group * share)
        spread = expected * (n - expected) / n
        statistic[j] = float(np.sum((observed - expected) ** 2 / spread)) if n.size else 0.0
        df[j] = max(n.size - int(free[j]), 0)
    return statistic, df


def _score_distribution(p: FloatArray) -> FloatArray:
    """P(score = s | θ), shape (Q, items + 1), from P (Q, items): Lord & Wingersky (1984)."""
    out = np.zeros((p.shape[0], p.shape[1] + 1))
    out[:, 0] = 1.0
    for j in range(p.shape[1]):
        own = p[:, j : j + 1]
        out[:, 1 : j + 2] = out[:, 1 : j + 2] * (1 - own) + out[:, : j + 1] * own
        out[:, 0] *= 1 - p[:, j]
    return out


def _joined(
    n: FloatArray, observed: FloatArray, expected: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Joins score groups, low to high, until each expects enough right and wrong answers."""
    out: list[list[float]] = []
    for row in zip(n.tolist(), observed.tolist(), expected.tolist(), strict=True):
        if out and not _enough(out[-1]):
            out[-1] = [before + now for before, now in zip(out[-1], row, strict=True)]
        else:
            out.append(list(row))
    while len(out) > 1 and not _enough(out[-1]):
        last = out.pop()
        out[-1] = [before + now for before, now in zip(out[-1], last, strict=True)]
    if len(out) == 1 and not _enough(out[0]):
        out = []
    table = np.array(out).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _enough(group: list[float]) -> bool:
    n, _, expected = group
    return expected >= SMALLEST_EXPECTED and n - expected >= SMALLEST_EXPECTED
