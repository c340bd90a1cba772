"""DIF with ability integrated out, each group having a distribution of its own.

What never lives here: comparisons of persons matched on a score (see `mantel_haenszel`,
`logistic_dif`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from calibration.arrays import FloatArray, IntArray, unmasked
from calibration.bank import ItemBank
from calibration.errors import InvalidParameterError
from calibration.irt.responses import Responses
from calibration.itemfit.group_posterior import GroupPosterior
from calibration.itemfit.group_scores import Deviations, deviations
from calibration.itemfit.mantel_haenszel import ETS_UNIT, LARGE, ets_classes
from calibration.scoring.eap import scored_responses
from calibration.significance import chi_square_p, false_discovery_q

SMALLEST_N = 100
FEWEST_EITHER = 10
"""Right answers, and wrong ones, that two groups must have given together."""
PURIFICATIONS = 3
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LatentDif:
    """DIF of J items in K focal groups, each against the reference group.

    Attributes:
        groups: codes that occur, the reference first, shape (K + 1,).
        n: answers by item and group, shape (J, K + 1), in the order of `groups`.
        effect: log odds of a right answer, focal minus reference, at equal ability, shape (J, K);
            negative: harder for the focal group. 0 where not testable.
        se: its standard error; 0 where not testable.
        uniform_p: of no uniform effect, one degree of freedom; 1 where not testable.
        nonuniform_p: of an effect that does not change with ability, one degree.
        p_value: of neither, two degrees.
        q_value: Benjamini & Hochberg's (1995) over all that was tested, of `p_value`.
        power: to find an effect of ETS class C (|Δ| = 1.5) at 5 %; 0 where not testable.
        ets_class: "A", "B" or "C" by `delta`, shape (J, K); "" where not testable.
        testable: both groups have answers enough, shape (J, K).
        anchor: items that abilities rest on; the others showed DIF, shape (J,).
        mean: ability of each group, shape (K + 1,).
        sd: its standard deviation.
    """

    groups: IntArray
    n: IntArray
    effect: FloatArray
    se: FloatArray
    uniform_p: FloatArray
    nonuniform_p: FloatArray
    p_value: FloatArray
    q_value: FloatArray
    power: FloatArray
    ets_class: npt.NDArray[np.str_]
    testable: BoolArray
    anchor: BoolArray
    mean: FloatArray
    sd: FloatArray

    @property
    def delta(self) -> FloatArray:
        """The effect on the delta scale of ETS, shape (J, K); negative: harder for the focal."""
        return -ETS_UNIT * self.effect

    @property
    def se_delta(self) -> FloatArray:
        """Standard error of `delta`, shape (J, K)."""
        return -ETS_UNIT * self.se


def latent_dif(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    reference: int | None = None,
    min_n: int = SMALLEST_N,
    purify: bool = True,
    alpha: float = 0.05,
) -> LatentDif:
    """Logistic DIF at equal latent ability, for complete, incomplete and adaptive tests.

    As in logistic regression (Swaminathan & Rogers 1990) the log odds of a right answer may have
    another level (uniform) and slope (non-uniform) in a group, here as deviations from the item's
    known curve and over ability itself, integrated out over each person's posterior under the
    distribution of the person's group: a Lagrange multiplier test (Glas 1998) with group means
    free. Persons of two groups with equal estimates do not have equal abilities on average where
    the groups differ, since estimates shrink; matching on them finds DIF where none is.
    Level and slope of each item are free in both groups, so that parameters which are wrong for
    both, as of a drifted item, are no DIF. Items with DIF are then left out of the abilities and
    estimated by themselves (purification).

    Args:
        bank: item parameters, J items; those of more than two categories are not tested.
        person: person codes 0 … N − 1, shape (M,).
        item: positions in the bank, shape (M,).
        correct: 0 or 1, shape (M,).
        group: code of each person's group, shape (N,); below 0: of none.
        reference: code of the reference group; default: the largest group.
        min_n: answers that an item needs in each of two groups.
        purify: leave items with DIF out of the abilities.
        alpha: false discovery rate at which an item counts as one with DIF there.

    Raises:
        InvalidResponsesError: malformed responses, or an item that the bank does not have.
        InvalidParameterError: group, reference, min_n or alpha out of range.
    """
    if min_n < 1 or not 0 < alpha < 1:
        raise InvalidParameterError(
            f"min_n is {min_n} and alpha {alpha}: give min_n ≥ 1 and alpha between 0 and 1"
        )
    responses = scored_responses(bank, person, item, correct, None)
    codes, own = _groups(group, responses.person_count, reference)
    anchor = np.ones(len(bank), bool)
    found = _tested(bank, responses, own, codes, anchor, min_n)
    for _ in range(PURIFICATIONS if purify else 0):
        leaves = _anchors(found, alpha)
        if (leaves == anchor).all():
            break
        anchor = leaves
        found = _tested(bank, responses, own, codes, anchor, min_n)
    return found


def _groups(group: npt.ArrayLike, persons: int, reference: int | None) -> tuple[IntArray, IntArray]:
    """Codes that occur, the reference first, and each person's place among them or −1."""
    given = unmasked("group", group)
    if given.shape != (persons,) or not np.issubdtype(given.dtype, np.integer):
        raise InvalidParameterError(
            f"group has shape {given.shape} and dtype {given.dtype}: give an integer code for each "
            f"of {persons} persons"
        )
    codes, counts = np.unique(given[given >= 0], return_counts=True)
    if codes.size < 2:
        raise InvalidParameterError(f"group names {codes.size} groups: at least 2 are compared")
    first = int(codes[np.argmax(counts)]) if reference is None else reference
    if first not in codes:
        raise InvalidParameterError(
            f"reference is {first}: give one of the groups {', '.join(map(str, codes.tolist()))}"
        )
    ordered = np.concatenate([[first], codes[codes != first]]).astype(np.int64)
    place = np.full(int(codes.max()) + 2, -1, np.int64)
    place[ordered] = np.arange(ordered.size)
    return ordered, place[np.maximum(given, -1)]


def _tested(
    bank: ItemBank,
    responses: Responses,
    group: IntArray,
    codes: IntArray,
    anchor: BoolArray,
    min_n: int,
) -> LatentDif:
    posterior = GroupPosterior.of(bank, responses, group, codes.size, anchor)
    found = deviations(posterior)
    enough = (found.n >= min_n) & found.determined & (bank.categories == 2)[:, None]
    right, wrong = found.right, found.n - found.right
    vary = np.minimum(right[:, 1:] + right[:, :1], wrong[:, 1:] + wrong[:, :1]) >= FEWEST_EITHER
    testable = enough[:, 1:] & enough[:, :1] & vary
    effect, se, uniform, nonuniform = _contrasts(found, testable)
    p_value = np.where(testable, chi_square_p(uniform + nonuniform, 2), 1.0)
    q_value = np.ones(testable.shape)
    q_value[testable] = false_discovery_q(p_value[testable])
    return LatentDif(
        groups=codes,
        n=found.n.astype(np.int64),
        effect=effect,
        se=se,
        uniform_p=np.where(testable, chi_square_p(uniform, 1), 1.0),
        nonuniform_p=np.where(testable, chi_square_p(nonuniform, 1), 1.0),
        p_value=p_value,
        q_value=q_value,
        power=_power(se, testable),
        ets_class=ets_classes(-ETS_UNIT * effect, -ETS_UNIT * se, testable),
        testable=testable,
        anchor=anchor,
        mean=posterior.mean,
        sd=posterior.sd,
    )


def _contrasts(
    found: Deviations, testable: BoolArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Uniform effect and its error; χ² of it, and of a slope beside it; each (J, K)."""
    gap = found.value[:, 1:] - found.value[:, :1]
    spread = found.covariance[:, 1:] + found.covariance[:, :1]
    spread = np.where(testable[..., None, None], spread, np.eye(2))
    weight = np.linalg.inv(spread)
    level = np.einsum("jkv,jkv->jk", weight[..., 0, :], gap)
    precision = weight[..., 0, 0]
    effect = np.where(testable, level / precision, 0.0)
    se = np.where(testable, 1 / np.sqrt(precision), 0.0)
    uniform = np.where(testable, level**2 / precision, 0.0)
    nonuniform = np.where(testable, gap[..., 1] ** 2 / spread[..., 1, 1], 0.0)
    return effect, se, uniform, nonuniform


def _power(se: FloatArray, testable: BoolArray) -> FloatArray:
    size = LARGE / -ETS_UNIT / np.where(testable, se, 1.0)
    bound = ndtri(0.975)
    return np.where(testable, ndtr(size - bound) + ndtr(-size - bound), 0.0)


def _anchors(found: LatentDif, alpha: float) -> BoolArray:
    """Items without DIF; never fewer than half, those with the least sign of it."""
    least = found.q_value.min(axis=1)
    bad = np.flatnonzero(least < alpha)
    order = bad[np.argsort(found.p_value.min(axis=1)[bad], kind="stable")]
    anchor = np.ones(least.size, bool)
    anchor[order[: least.size // 2]] = False
    return anchor
