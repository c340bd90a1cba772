"""Where estimation starts: difficulties from a few rounds of PROX.

PROX (Cohen 1979; Linacre 1994) alternates between person measures and item difficulties in closed
form. It sees which items a person was given, so that adaptive data, where every item is answered
right by about half, still start from spread-out difficulties. Of a polytomous item it takes the
score as a share of the highest.

What never lives here: anything that has to be accurate; EM takes over from here.
"""

from __future__ import annotations

import numpy as np

from calibration.arrays import ByteArray, CodeArray, FloatArray, IntArray
from calibration.compiled import compiled
from calibration.irt.responses import Responses
from calibration.models import ResponseModel

START_SLOPE = 1.4  # about 0.8 on the normal metric
ROUNDS = 6


def start_params(
    responses: Responses,
    groups: tuple[tuple[ResponseModel, IntArray], ...],
    kept: FloatArray,
) -> FloatArray:
    """Start values (J, W): PROX for the items of `groups`, `kept` for the others."""
    params = kept.copy()
    score: ByteArray | FloatArray = responses.correct
    if (responses.categories > 2).any():
        score = responses.correct / (responses.categories[responses.item] - 1.0)
    difficulty, spread = _prox(
        responses.indptr, responses.item, score, responses.item_count, ROUNDS
    )
    slope = float(np.clip(spread, 0.7, 2.0)) if spread > 0 else START_SLOPE
    answers = responses.by_category.astype(np.float64)
    for model, items in groups:
        at = np.clip(difficulty, -5.0, 5.0)[items]
        params[items] = model.start(slope, at, answers[items], params.shape[1])
    return params


@compiled()
def _prox(
    indptr: IntArray, item: CodeArray, correct: ByteArray | FloatArray, items: int, rounds: int
) -> tuple[FloatArray, float]:
    """Difficulties in logits around the persons' mean (J,), and the SD of person measures."""
    persons = indptr.size - 1
    measure = np.zeros(persons)
    difficulty = np.zeros(items)
    right, total, offset = np.zeros(items), np.zeros(items), np.zeros(items)
    for k in range(item.size):
        right[item[k]] += correct[k]
        total[item[k]] += 1.0
    spread = 1.0
    for _ in range(rounds):
        for j in range(items):
            offset[j] = 0.0
        seen, mean, square = 0, 0.0, 0.0
        for p in range(persons):
            n = indptr[p + 1] - indptr[p]
            if n == 0:
                continue
            score, at = 0.5, 0.0
            for k in range(indptr[p], indptr[p + 1]):
                score += correct[k]
                at += difficulty[item[k]]
            # shrunk like an EAP: a handful of answers says little about a person
            raw = at / n + np.log(score / (n + 1.0 - score))
            measure[p] = raw * n / (n + 4.0)
            mean += measure[p]
            square += measure[p] ** 2
            seen += 1
        mean /= max(seen, 1)
        spread = np.sqrt(max(square / max(seen, 1) - mean**2, 1e-4))
        for p in range(persons):
            measure[p] -= mean
            for k in range(indptr[p], indptr[p + 1]):
                offset[item[k]] += measure[p]
        _difficulties(right, total, offset, spread, difficulty)
    return difficulty, spread


@compiled()
def _difficulties(
    right: FloatArray, total: FloatArray, offset: FloatArray, spread: float, out: FloatArray
) -> None:
    """Item difficulties from shares correct and the summed measures of who answered."""
    widen = np.sqrt(
        1.0 + spread**2 / 2.89
    )  # Cohen's expansion: normal within logistic, 1.7² = 2.89
    for j in range(out.size):
        if total[j] > 0:
            share = (right[j] + 0.5) / (total[j] + 1.0)
            out[j] = offset[j] / total[j] - widen * np.log(share / (1.0 - share))
