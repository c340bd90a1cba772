"""How far each item's log odds deviate from its known curve in each group: one pass over answers.

What never lives here: comparing groups (see `latent_dif`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from calibration.arrays import ByteArray, CodeArray, FloatArray, IntArray
from calibration.compiled import compiled
from calibration.itemfit.group_posterior import GroupPosterior, weighted

STEPS = 4
"""Newton steps for items that are no anchors; those of anchors are near 0 and take one."""
LARGEST_STEP = 2.0
PRECISION = 0.25
"""Of a normal prior on each deviation (SD 2): an item that a group never gets right has one."""
TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Deviations:
    """Level and slope over ability of the log odds of a right answer, beside the known curve's.

    Attributes:
        value: estimates by item and group, shape (J, G, 2).
        covariance: of them, shape (J, G, 2, 2); the identity where not determined.
        n: answers, shape (J, G).
        right: right ones, shape (J, G).
        determined: whether the answers determine both, shape (J, G).
    """

    value: FloatArray
    covariance: FloatArray
    n: FloatArray
    right: FloatArray
    determined: npt.NDArray[np.bool_]


def deviations(posterior: GroupPosterior) -> Deviations:
    """Estimates the deviations from the scores of the marginal likelihood, under a wide prior.

    The information is the sum of squared scores. That each group's mean and SD were estimated is
    accounted for: with the item's answers among those they rest on where it is an anchor, and
    without them where it is none.
    """
    responses, groups = posterior.responses, posterior.mean.size
    items = responses.item_count
    place = np.full(items, -1, np.int64)
    others = np.flatnonzero(~posterior.anchor)
    place[others] = np.arange(others.size)
    value = np.zeros((items, groups, 2))
    for step in range(STEPS if others.size else 1):
        odds = logit(np.clip(posterior.expected[others], TINY, 1 - TINY))[:, None]
        line = value[others, :, :1] + value[others, :, 1:] * posterior.nodes
        sums, latent = _scores(
            responses.indptr,
            responses.item,
            responses.correct,
            posterior.group,
            posterior.likelihood,
            posterior.density,
            posterior.mean,
            posterior.sd,
            posterior.nodes,
            posterior.expected,
            place,
            expit(odds + line),
            step == 0,
        )
        found = _estimates(sums, latent, posterior.anchor, value)
        move = (
            found.value if step == 0 else np.where(posterior.anchor[:, None, None], 0, found.value)
        )
        value = value + np.clip(move, -LARGEST_STEP, LARGEST_STEP)
        if step == 0:
            first = found
    covariance = np.where(posterior.anchor[:, None, None, None], first.covariance, found.covariance)
    determined = np.where(posterior.anchor[:, None], first.determined, found.determined)
    return Deviations(value, covariance, first.n, first.right, determined)


def _estimates(
    sums: FloatArray, latent: FloatArray, anchor: npt.NDArray[np.bool_], at: FloatArray
) -> Deviations:
    """One Newton step of each item and group from where it is, and its covariance."""
    n, right, score = sums[..., 0], sums[..., 1], sums[..., 2:4] - PRECISION * at
    information = sums[..., [4, 5, 5, 6]].reshape(*n.shape, 2, 2) + PRECISION * np.eye(2)
    cross = sums[..., 7:11].reshape(*n.shape, 2, 2)
    known = np.zeros((n.shape[1], 2, 2))
    for g, own in enumerate(latent):
        known[g] = np.linalg.pinv(own, hermitian=True)
    lost = cross @ known @ np.swapaxes(cross, -1, -2)
    used = information - np.where(anchor[:, None, None, None], lost, 0.0)
    determinant = used[..., 0, 0] * used[..., 1, 1] - used[..., 0, 1] ** 2
    determined = (used[..., 0, 0] > 0) & (
        determinant > TINY * np.abs(used[..., 0, 0] * used[..., 1, 1])
    )
    inverse = np.linalg.inv(np.where(determined[..., None, None], used, np.eye(2)))
    more = np.where(anchor[:, None, None, None], 0.0, inverse @ lost @ inverse)
    value = np.where(determined[..., None], np.einsum("jguv,jgv->jgu", inverse, score), 0.0)
    return Deviations(value, inverse + more, n, right, determined)


@compiled(error_model="numpy")
def _expected(weight: FloatArray, curve: FloatArray, nodes: FloatArray) -> tuple[float, float]:
    """Mean of a curve, and of the curve times ability, under a posterior."""
    level, slope = 0.0, 0.0
    for q in range(nodes.size):
        share = weight[q] * curve[q]
        level += share
        slope += share * nodes[q]
    return level, slope


@compiled(error_model="numpy")
def _with_answer(
    weight: FloatArray, curve: FloatArray, x: float, nodes: FloatArray, mean: float, out: FloatArray
) -> tuple[float, float]:
    """The posterior with one more answer, into `out`: its mean, and mean square about `mean`."""
    mass = 0.0
    for q in range(nodes.size):
        out[q] = weight[q] * (curve[q] if x > 0 else 1 - curve[q])
        mass += out[q]
    first, second = 0.0, 0.0
    for q in range(nodes.size):
        out[q] /= mass
        first += out[q] * nodes[q]
        second += out[q] * (nodes[q] - mean) ** 2
    return first, second


@compiled(error_model="numpy")
def _scores(
    indptr: IntArray,
    item: CodeArray,
    correct: ByteArray,
    group: IntArray,
    likelihood: FloatArray,
    density: FloatArray,
    mean: FloatArray,
    sd: FloatArray,
    nodes: FloatArray,
    expected: FloatArray,
    place: IntArray,
    curve: FloatArray,
    everything: bool,
) -> tuple[FloatArray, FloatArray]:
    """Sums by item and group (J, G, 11), and the information on each group's distribution.

    Sums: answers, right ones, score of level and slope, their squares (3), and their products with
    the scores of the group's mean and variance (4). `place` is −1 for anchors, else where the
    item's curves by group stand in `curve`. Anchors are left out unless `everything`.
    """
    items, groups, width = expected.shape[0], mean.size, nodes.size
    sums, latent = np.zeros((items, groups, 11)), np.zeros((groups, 2, 2))
    whole, own = np.empty(width), np.empty(width)
    for i in range(group.size):
        g = group[i]
        if g < 0:
            continue
        mass = weighted(likelihood[i], density[g], whole)
        first, second = 0.0, 0.0
        for q in range(width):
            whole[q] /= mass
            first += whole[q] * nodes[q]
            second += whole[q] * (nodes[q] - mean[g]) ** 2
        variance = sd[g] ** 2
        on_mean, on_variance = (
            (first - mean[g]) / variance,
            (second / variance - 1) / (2 * variance),
        )
        latent[g, 0, 0] += on_mean * on_mean
        latent[g, 0, 1] += on_mean * on_variance
        latent[g, 1, 0] += on_mean * on_variance
        latent[g, 1, 1] += on_variance * on_variance
        for k in range(indptr[i], indptr[i + 1]):
            j, x = item[k], float(correct[k])
            at, mu, nu = first, on_mean, on_variance
            if place[j] < 0:
                if not everything:
                    continue
                level, slope = _expected(whole, expected[j], nodes)
            else:
                odds = curve[place[j], g]
                at, second = _with_answer(whole, odds, x, nodes, mean[g], own)
                level, slope = _expected(own, odds, nodes)
                mu = (at - mean[g]) / variance
                nu = (second / variance - 1) / (2 * variance)
            level, slope = x - level, x * at - slope
            to = sums[j, g]
            to[0] += 1.0
            to[1] += x
            to[2] += level
            to[3] += slope
            to[4] += level * level
            to[5] += level * slope
            to[6] += slope * slope
            to[7] += level * mu
            to[8] += level * nu
            to[9] += slope * mu
            to[10] += slope * nu
    return sums, latent
