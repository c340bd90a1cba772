"""Differential item functioning by Mantel–Haenszel, with the ETS classes.

What never lives here: non-uniform DIF (see `logistic_dif`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from calibration.arrays import FloatArray, IntArray
from calibration.errors import InvalidParameterError
from calibration.irt.responses import Responses, build_responses
from calibration.itemfit.matching import check_focal, check_match, check_one_form, strata
from calibration.significance import chi_square_p

ETS_UNIT = -2.35  # log odds ratio to the delta scale of ETS
MODERATE, LARGE = 1.0, 1.5


@dataclass(frozen=True, eq=False)
class MantelHaenszel:
    """Uniform DIF of each item between a reference and a focal cohort.

    Attributes:
        odds_ratio: common odds ratio, reference to focal, shape (J,); 1 where not testable.
        delta: MH D-DIF = −2.35·ln(odds ratio), shape (J,); negative: harder for the focal cohort.
        se_delta: its standard error (Robins, Breslow & Greenland 1986), shape (J,); 0 there.
        chi2: Mantel–Haenszel χ² with continuity correction, one degree of freedom, shape (J,).
        p_value: of χ², shape (J,); 1 where not testable.
        ets_class: "A" negligible, "B" moderate, "C" large per item; "" where not testable.
        testable: both cohorts meet in some stratum and answers vary there, shape (J,).
    """

    odds_ratio: FloatArray
    delta: FloatArray
    se_delta: FloatArray
    chi2: FloatArray
    p_value: FloatArray
    ets_class: tuple[str, ...]
    testable: npt.NDArray[np.bool_]


def mantel_haenszel(
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    focal: npt.ArrayLike,
    *,
    match: npt.ArrayLike | None = None,
    bins: int = 20,
    purify: bool = True,
    item_count: int | None = None,
) -> MantelHaenszel:
    """Mantel–Haenszel DIF (Holland & Thayer 1988), ETS classes of Zwick & Ercikan (1989).

    Class C: |Δ| ≥ 1.5 and significantly above 1 (one-sided 5 %); A: |Δ| < 1 or not significantly
    different from 0; B: the rest.

    Args:
        person: person codes 0 … N − 1, shape (M,).
        item: item codes 0 … J − 1, shape (M,).
        correct: 0 or 1, shape (M,).
        focal: whether each person is of the focal cohort, shape (N,).
        match: what persons are matched on, shape (N,), in `bins` strata of equal size, for instance
            EAP ability. Default: the number correct, where all answered the same items.
        bins: strata for `match`.
        purify: match a second time on a score without the items of class B or C (the item under
            study always counts). Number-correct matching only.
        item_count: J, where it is more than the largest code + 1.

    Raises:
        InvalidResponsesError: malformed responses, or no `match` and different items.
        InvalidParameterError: focal, match or bins out of range.
    """
    if bins < 2:
        raise InvalidParameterError(f"bins is {bins}: give at least 2")
    responses = build_responses(person, item, correct, item_count=item_count)
    member = check_focal(focal, responses.person_count)
    items = responses.item_count
    if match is not None:
        stratum = strata(check_match(match, responses.person_count), bins)
        return _result(_tables(responses, member, stratum[responses.person()], bins))
    check_one_form(responses)
    first = _by_score(responses, member, np.ones(items, bool))
    flagged = np.array([own in ("B", "C") for own in first.ets_class], bool)
    if not (purify and flagged.any()) or flagged.all():
        return first
    return _by_score(responses, member, ~flagged)


def _by_score(
    responses: Responses, member: npt.NDArray[np.bool_], counts: npt.NDArray[np.bool_]
) -> MantelHaenszel:
    """Matches on the number correct over the items of `counts` and the item under study."""
    person = responses.person()
    counted = responses.correct * counts[responses.item]
    score = np.bincount(person, counted, minlength=responses.person_count).astype(np.int64)
    stratum = score[person] + responses.correct * ~counts[responses.item]
    return _result(_tables(responses, member, stratum, responses.item_count + 1))


def _tables(
    responses: Responses, member: npt.NDArray[np.bool_], stratum: IntArray, strata_count: int
) -> FloatArray:
    """Counts by item, stratum, cohort (reference, focal), answer (wrong, right): (J, S, 2, 2)."""
    cell = responses.item.astype(np.int64) * strata_count + stratum
    cell = (cell * 2 + member[responses.person()]) * 2 + responses.correct
    shape = (responses.item_count, strata_count, 2, 2)
    return np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)


def _result(table: FloatArray) -> MantelHaenszel:
    a, b = table[:, :, 0, 1], table[:, :, 0, 0]  # reference: right, wrong
    c, d = table[:, :, 1, 1], table[:, :, 1, 0]  # focal
    total = np.maximum(a + b + c + d, 1)
    r, s = a * d / total, b * c / total
    testable = (r.sum(axis=1) > 0) & (s.sum(axis=1) > 0)
    up, down = np.where(testable, r.sum(axis=1), 1.0), np.where(testable, s.sum(axis=1), 1.0)
    odds_ratio = up / down
    p, q = (a + d) / total, (b + c) / total
    variance = (
        (p * r).sum(axis=1) / (2 * up**2)
        + (p * s + q * r).sum(axis=1) / (2 * up * down)
        + (q * s).sum(axis=1) / (2 * down**2)
    )
    delta = ETS_UNIT * np.log(odds_ratio)
    se_delta = np.where(testable, abs(ETS_UNIT) * np.sqrt(variance), 0.0)
    statistic = np.where(testable, _chi2(a, b, c, d), 0.0)
    p_value = np.where(testable, chi_square_p(statistic, 1), 1.0)
    classes = tuple(map(str, ets_classes(delta, se_delta, testable)))
    return MantelHaenszel(odds_ratio, delta, se_delta, statistic, p_value, classes, testable)


def _chi2(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> FloatArray:
    total = a + b + c + d
    usable = total > 1
    n = np.where(usable, total, 2.0)
    expected = np.where(usable, (a + b) * (a + c) / n, 0.0).sum(axis=1)
    product = (a + b) * (c + d) * (a + c) * (b + d)
    variance = np.where(usable, product / (n**2 * (n - 1)), 0.0).sum(axis=1)
    gap = np.maximum(np.abs(np.where(usable, a, 0.0).sum(axis=1) - expected) - 0.5, 0.0)
    return np.asarray(gap**2 / np.maximum(variance, 1e-12))


def ets_classes(
    delta: FloatArray, se: FloatArray, testable: npt.NDArray[np.bool_]
) -> npt.NDArray[np.str_]:
    """Classes of Zwick & Ercikan (1989): "A", "B" or "C", "" where not testable.

    Args:
        delta: effects on the delta scale, any shape.
        se: their standard errors, in the same shape.
        testable: whether there is an effect, in the same shape.
    """
    size = np.abs(delta)
    z = size / np.where(se > 0, se, np.inf)
    above_one = (size - MODERATE) / np.where(se > 0, se, np.inf)
    large = (size >= LARGE) & (above_one > ndtri(0.95))
    negligible = (size < MODERATE) | (z < ndtri(0.975))
    return np.where(testable, np.where(negligible, "A", np.where(large, "C", "B")), "")
