"""What persons are matched on before two cohorts are compared on an item.

What never lives here: the comparison itself (see `mantel_haenszel`, `logistic_dif`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, IntArray, unmasked
from calibration.errors import InvalidParameterError, InvalidResponsesError
from calibration.irt.responses import Responses


def check_focal(focal: npt.ArrayLike, person_count: int) -> npt.NDArray[np.bool_]:
    """Membership of the focal cohort, shape (N,).

    Raises:
        InvalidParameterError: not one bool (or 0/1) per person, or one cohort is empty.
    """
    member = unmasked("focal", focal)
    if member.shape != (person_count,) or not np.isin(member, (0, 1)).all():
        raise InvalidParameterError(
            f"focal has shape {member.shape}: give True or False for each of {person_count} persons"
        )
    member = member.astype(bool)
    if member.all() or not member.any():
        raise InvalidParameterError("focal names all persons or none: two cohorts are compared")
    return member


def check_match(match: npt.ArrayLike, person_count: int) -> FloatArray:
    """A matching variable given by the caller, shape (N,).

    Raises:
        InvalidParameterError: not one finite number per person.
    """
    values = unmasked("match", match, np.float64)
    if values.shape != (person_count,) or not np.isfinite(values).all():
        raise InvalidParameterError(
            f"match has shape {values.shape}: give one finite number for each of {person_count} "
            "persons"
        )
    return values


def check_one_form(responses: Responses) -> None:
    """Refuses number-correct matching where persons did not answer the same items.

    Raises:
        InvalidResponsesError: persons answered different numbers of items.
    """
    size = np.diff(responses.indptr)
    items = int((responses.answered() > 0).sum())
    if (size[size > 0] != items).any():
        raise InvalidResponsesError(
            "persons answered different items, so that numbers correct do not compare: pass "
            "match=eap(...).theta"
        )


def strata(match: FloatArray, bins: int) -> IntArray:
    """Strata of about equal size over a continuous variable, shape (N,), 0 … bins − 1."""
    inner = np.quantile(match, np.linspace(0, 1, bins + 1)[1:-1])
    return np.searchsorted(inner, match, side="right").astype(np.int64)
