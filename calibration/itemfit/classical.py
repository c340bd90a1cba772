"""Classical item statistics: difficulty and discrimination without a model; distractors.

What never lives here: anything that needs item parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, IntArray, unmasked
from calibration.errors import InvalidParameterError, InvalidResponsesError
from calibration.irt.responses import Responses, build_responses


@dataclass(frozen=True, eq=False)
class Classical:
    """Classical statistics per item.

    Attributes:
        n: answers, shape (J,).
        p: share correct, shape (J,); 0 where nobody answered.
        item_rest: correlation of the answer with the share correct on the person's other items (the
            corrected point-biserial), shape (J,); 0 where it is not defined.
    """

    n: IntArray
    p: FloatArray
    item_rest: FloatArray


@dataclass(frozen=True, eq=False)
class Distractors:
    """How often each option was chosen, and by whom.

    Attributes:
        n: persons who chose it, shape (J, K).
        share: of the item's answers, shape (J, K); 0 where there are none.
        rest: mean share correct on other items of who chose it, shape (J, K); 0 where nobody did.
        point_biserial: correlation of choosing it with that share, shape (J, K); a distractor that
            works is negative; 0 where it is not defined.
        is_key: the right option, shape (J, K).
    """

    n: IntArray
    share: FloatArray
    rest: FloatArray
    point_biserial: FloatArray
    is_key: npt.NDArray[np.bool_]


def classical(
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    item_count: int | None = None,
) -> Classical:
    """Share correct and corrected point-biserial of each item.

    The criterion is the share (not the number) correct on the other items that the same person
    answered, so that forms of different length can be mixed; on one complete form this is the usual
    item-rest correlation. In adaptive tests shares are near the target for everybody: the
    correlation then says little.

    Args:
        person: person codes 0 … N − 1, shape (M,).
        item: item codes 0 … J − 1, shape (M,).
        correct: 0 or 1, shape (M,).
        item_count: J, where it is more than the largest code + 1.

    Raises:
        InvalidResponsesError: malformed responses.
    """
    responses = build_responses(person, item, correct, item_count=item_count)
    rest, known = _rest_share(responses)
    right = responses.correct.astype(np.float64)
    n = responses.answered()
    own = responses.item[known]
    correlation = _correlations(own, responses.item_count, right[known], rest[known])
    return Classical(n, responses.right() / np.maximum(n, 1), correlation)


def distractors(
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    option: npt.ArrayLike,
    key: npt.ArrayLike,
    *,
    option_count: int | None = None,
) -> Distractors:
    """The table of options.

    Args:
        person: person codes 0 … N − 1, shape (M,).
        item: item codes 0 … J − 1, shape (M,).
        option: option chosen, 0 … K − 1, shape (M,); leave omitted answers out, or give them an
            option of their own.
        key: right option per item, shape (J,).
        option_count: K, where it is more than the largest code + 1.

    Raises:
        InvalidResponsesError: malformed responses or option codes.
        InvalidParameterError: a key outside the options.
    """
    right = unmasked("key", key)
    chosen = unmasked("option", option)
    for name, codes in (("key", right), ("option", chosen)):
        if codes.ndim != 1 or not np.issubdtype(codes.dtype, np.integer) or (codes < 0).any():
            raise InvalidResponsesError(f"{name} must be a flat array of integer codes ≥ 0")
    items = right.size
    item_ = unmasked("item", item)
    if item_.shape != chosen.shape or (item_.size and not 0 <= item_.min() <= item_.max() < items):
        raise InvalidResponsesError(
            f"item needs one code from 0 to {items - 1} (the keys given) per option chosen"
        )
    options = int(max(chosen.max(initial=0), right.max(initial=0))) + 1
    if option_count is not None:
        if option_count < options:
            raise InvalidParameterError(
                f"option_count is {option_count} and option {options - 1} occurs: give more"
            )
        options = option_count
    responses = build_responses(person, item_, chosen == right[item_], item_count=items)
    # answers are sorted by person there; options have to follow them
    chosen = chosen[np.argsort(np.asarray(person), kind="stable")].astype(np.int64)
    rest, known = _rest_share(responses)
    cell = responses.item.astype(np.int64) * options + chosen
    cells = items * options
    n = np.bincount(cell, minlength=cells).reshape(items, options)
    counted = np.bincount(cell[known], minlength=cells).reshape(items, options).astype(np.float64)
    summed = np.asarray(np.bincount(cell[known], rest[known], minlength=cells), np.float64)
    summed = summed.reshape(items, options)
    return Distractors(
        n=n,
        share=n / np.maximum(n.sum(axis=1, keepdims=True), 1),
        rest=summed / np.maximum(counted, 1),
        point_biserial=_against_others(responses.item[known], rest[known], counted, summed),
        is_key=np.arange(options) == right[:, None],
    )


def _rest_share(responses: Responses) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Share correct on the person's other items, and whether there are any; each (M,)."""
    person = responses.person()
    size = np.diff(responses.indptr)[person]
    total = np.bincount(person, responses.correct, minlength=responses.person_count)[person]
    known = size > 1
    return (total - responses.correct) / np.maximum(size - 1, 1), known


def _correlations(
    item: npt.NDArray[np.int32], items: int, x: FloatArray, y: FloatArray
) -> FloatArray:
    """Correlation of x and y within each item, shape (J,); 0 where one does not vary."""
    n = np.maximum(np.bincount(item, minlength=items), 1)
    x = x - (np.bincount(item, x, minlength=items) / n)[item]
    y = y - (np.bincount(item, y, minlength=items) / n)[item]
    both, xx, yy = (np.bincount(item, v, minlength=items) for v in (x * y, x * x, y * y))
    defined = (xx > 1e-12) & (yy > 1e-12)
    return np.divide(both, np.sqrt(xx * yy), out=np.zeros(items), where=defined)


def _against_others(
    item: npt.NDArray[np.int32], rest: FloatArray, n: FloatArray, summed: FloatArray
) -> FloatArray:
    """Point-biserial of each option, from group means; shape (J, K)."""
    items = n.shape[0]
    total = np.maximum(n.sum(axis=1), 1)
    mean = summed.sum(axis=1) / total
    square = np.bincount(item, (rest - mean[item]) ** 2, minlength=items) / total
    share = n / total[:, None]
    spread = np.sqrt(share * (1 - share) * square[:, None])
    above = share * (summed / np.maximum(n, 1) - mean[:, None])
    return np.divide(above, spread, out=np.zeros(n.shape), where=spread > 1e-12)
