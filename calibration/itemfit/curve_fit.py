"""Whether an item's answers follow its curve, with ability integrated out: any kind of test.

What never lives here: residuals at estimated abilities (see `residuals`), complete forms (`s_x2`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import ByteArray, CodeArray, FloatArray, IntArray
from calibration.bank import ItemBank
from calibration.compiled import compiled
from calibration.itemfit.group_posterior import GroupPosterior, weighted
from calibration.scoring.eap import scored_responses
from calibration.significance import chi_square_p

SMALLEST_N = 100
DEGREES = 3  # powers of ability: level and slope, which are let go, and the square
FARTHEST = 2.5  # SDs of who answered: the square of few far persons would decide
TINY = 1e-9


@dataclass(frozen=True, eq=False)
class CurveFit:
    """Fit of each item's curve.

    Attributes:
        rmsd: root mean squared distance of the observed curve from the model's over the abilities
            of who answered, shape (J,); 0 where nobody did. Above 0.1 is often called poor.
        chi2: Lagrange multiplier test of a curvature that the model's curve has not, one degree of
            freedom, shape (J,); 0 where not testable.
        p_value: of it; 1 where not testable.
        testable: answers enough, and they determine it, shape (J,).
        n: answers, shape (J,).
        ability: posterior means, shape (N,), under the estimated population.
        mean: of ability in the population.
        sd: its standard deviation.
    """

    rmsd: FloatArray
    chi2: FloatArray
    p_value: FloatArray
    testable: npt.NDArray[np.bool_]
    n: IntArray
    ability: FloatArray
    mean: float
    sd: float


def curve_fit(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    min_n: int = SMALLEST_N,
) -> CurveFit:
    """RMSD of the curve, and a Lagrange multiplier test of its shape (Glas 1998).

    The observed curve is that of expected counts, posterior by posterior. The test lets level and
    slope go, which estimation has fitted, and asks whether the log odds bend with the square of
    ability beside the model's. Adaptive routing by earlier answers is ignorable for both.

    Args:
        bank: item parameters, J items; those of more than two categories get an RMSD alone, of the
            mean score.
        person: person codes 0 … N − 1, shape (M,).
        item: positions in the bank, shape (M,).
        correct: 0 or 1 (of a polytomous item the category), shape (M,).
        min_n: answers that a test needs.

    Raises:
        InvalidResponsesError: malformed responses, or an item that the bank does not have.
    """
    responses = scored_responses(bank, person, item, correct, None)
    everyone = np.zeros(responses.person_count, np.int64)
    posterior = GroupPosterior.of(bank, responses, everyone, 1)
    n = responses.answered()
    count = np.maximum(n, 1)
    ability = posterior.ability()
    own = ability[responses.person()]
    centre = np.bincount(responses.item, own, minlength=len(bank)) / count
    square = np.bincount(responses.item, own * own, minlength=len(bank)) / count
    spread = np.sqrt(np.maximum(square - centre**2, 0.01))
    sums, information, seen, scored = _sums(
        responses.indptr,
        responses.item,
        responses.correct,
        posterior.likelihood,
        posterior.density[0],
        posterior.nodes,
        posterior.expected,
        centre,
        spread,
    )
    gap = scored / np.maximum(seen, TINY) - posterior.expected
    rmsd = np.sqrt((gap**2 * seen).sum(axis=1) / np.maximum(seen.sum(axis=1), TINY))
    chi2, determined = _beyond_level_and_slope(sums, information)
    testable = determined & (n >= min_n) & (bank.categories == 2)
    return CurveFit(
        rmsd=rmsd,
        chi2=np.where(testable, chi2, 0.0),
        p_value=np.where(testable, chi_square_p(chi2, DEGREES - 2), 1.0),
        testable=testable,
        n=n,
        ability=ability,
        mean=float(posterior.mean[0]),
        sd=float(posterior.sd[0]),
    )


def _beyond_level_and_slope(
    sums: FloatArray, information: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """χ² of the higher powers given the lower ones, and whether it can be had; each (J,)."""
    known, tested = slice(0, 2), slice(2, DEGREES)
    base = information[:, known, known]
    determined = np.linalg.det(base) > TINY
    base = np.where(determined[:, None, None], base, np.eye(2))
    across = information[:, tested, known] @ np.linalg.inv(base)
    score = sums[:, tested] - np.einsum("jtk,jk->jt", across, sums[:, known])
    left = information[:, tested, tested] - across @ information[:, known, tested]
    determined &= np.linalg.det(left) > TINY
    left = np.where(determined[:, None, None], left, np.eye(DEGREES - 2))
    return np.einsum("ju,juv,jv->j", score, np.linalg.inv(left), score), determined


@compiled(error_model="numpy")
def _sums(
    indptr: IntArray,
    item: CodeArray,
    correct: ByteArray,
    likelihood: FloatArray,
    density: FloatArray,
    nodes: FloatArray,
    expected: FloatArray,
    centre: FloatArray,
    spread: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Scores of powers of ability (J, 3), their products (J, 3, 3), and expected counts at nodes.

    Counts: of persons, and of their scores; each (J, Q).
    """
    items, width = expected.shape
    sums, information = np.zeros((items, DEGREES)), np.zeros((items, DEGREES, DEGREES))
    seen, scored = np.zeros((items, width)), np.zeros((items, width))
    post, score = np.empty(width), np.empty(DEGREES)
    for i in range(indptr.size - 1):
        mass = weighted(likelihood[i], density, post)
        for q in range(width):
            post[q] /= mass
        for k in range(indptr[i], indptr[i + 1]):
            j, x = item[k], float(correct[k])
            score[:] = 0.0
            for q in range(width):
                seen[j, q] += post[q]
                scored[j, q] += post[q] * x
                power = post[q] * (x - expected[j, q])
                z = min(max((nodes[q] - centre[j]) / spread[j], -FARTHEST), FARTHEST)
                for u in range(DEGREES):
                    score[u] += power
                    power *= z
            for u in range(DEGREES):
                sums[j, u] += score[u]
                for v in range(DEGREES):
                    information[j, u, v] += score[u] * score[v]
    return sums, information, seen, scored
