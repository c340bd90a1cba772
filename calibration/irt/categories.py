"""How many items there are, and how many categories each has, before responses are built.

What never lives here: the responses themselves (see `responses`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calibration.arrays import BoolArray, IntArray, unmasked
from calibration.errors import InvalidParameterError
from calibration.irt.responses import MOST_CATEGORIES, code_count, whole_codes


def item_total(
    person: npt.ArrayLike, item: npt.ArrayLike, item_count: int | None, person_count: int | None
) -> int:
    """J: the number given, else the largest code + 1.

    Raises:
        InvalidResponsesError: malformed codes of persons or items.
    """
    code_count("person", whole_codes("person", person, person_count), person_count)
    return code_count("item", whole_codes("item", item, item_count), item_count)


def category_counts(
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    fixed: BoolArray,
    given: int | npt.ArrayLike | None,
) -> IntArray:
    """K of each item, shape (J,): 2 where `fixed`, else as given, else what the answers show.

    Args:
        item: item codes, shape (M,).
        correct: answers, shape (M,).
        fixed: dichotomous items, shape (J,).
        given: one number or one per item; at dichotomous items it is not looked at.

    Raises:
        InvalidResponsesError: malformed codes.
        InvalidParameterError: a number outside 2 … `MOST_CATEGORIES`, or not one per item.
    """
    out = np.full(fixed.size, 2, np.int64)
    if fixed.all():
        return out
    if given is None:
        codes = whole_codes("item", item, fixed.size)
        answers = whole_codes("correct", correct, MOST_CATEGORIES)
        if codes.size != answers.size:
            return out  # refused by `build_responses`, with all the lengths
        np.maximum.at(out, codes, answers.astype(np.int64) + 1)
    else:
        counts = unmasked("categories", given)
        if counts.shape not in ((), out.shape) or not np.issubdtype(counts.dtype, np.integer):
            raise InvalidParameterError(
                f"categories has shape {counts.shape}: give one whole number, or one per item"
            )
        out[:] = counts
    wrong = ~fixed & ((out < 2) | (out > MOST_CATEGORIES))
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise InvalidParameterError(
            f"categories[{first}] is {out[first]}: give 2 to {MOST_CATEGORIES}"
        )
    out[fixed] = 2
    return out
