"""Whether one normal distribution describes a group's ability, or a mixture of two does better.

What never lives here: the likelihood of answers (`latent`), drawing examinees
(`calibration.cat`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from calibration.arrays import FloatArray, SingleArray

CYCLES = 2000
TOLERANCE = 1e-7  # of the mean log-likelihood per person, from one cycle to the next
LEAST_WEIGHT = 0.02  # a smaller part is a few persons, not a shape
# what a mixture begins from: parts that lie apart, a small one on either side, one within the other
_STARTS = (
    ((0.5, -0.8, 0.6), (0.5, 0.8, 0.6)),
    ((0.8, 0.3, 0.7), (0.2, -1.2, 0.9)),
    ((0.8, -0.3, 0.7), (0.2, 1.2, 0.9)),
    ((0.7, 0.0, 0.6), (0.3, 0.0, 1.5)),
)


class Part(NamedTuple):
    """One normal distribution of a mixture.

    Attributes:
        weight: share of the persons.
        mean: of ability.
        sd: of ability.
    """

    weight: float
    mean: float
    sd: float


@dataclass(frozen=True)
class Mixture:
    """A mixture of normal distributions, and how well it describes the group.

    Attributes:
        parts: by ascending mean.
        log_likelihood: marginal, but for a constant that is the same for every mixture.
    """

    parts: tuple[Part, ...]
    log_likelihood: float

    def bic(self, persons: float) -> float:
        """Schwarz's (1978) criterion; less is better."""
        return (3 * len(self.parts) - 1) * float(np.log(persons)) - 2 * self.log_likelihood


def best_mixture(
    likelihood: SingleArray, theta: FloatArray, weight: FloatArray, start: Part
) -> Mixture:
    """One normal, or two where Schwarz's criterion prefers them.

    Args:
        likelihood: of each person's answers at each node, in any unit per person, (N, Q).
        theta: nodes, equally spaced, shape (Q,).
        weight: persons that each row stands for, shape (N,).
        start: the normal distribution to begin with.
    """
    persons = float(weight.sum())
    # narrower parts than the nodes can tell would find one of them
    least_sd = 1.5 * float(theta[1] - theta[0])
    one = _maximised(likelihood, theta, weight, (Part(1.0, start.mean, start.sd),), least_sd)
    best = one
    for scaled in _STARTS:
        parts = tuple(
            Part(share, start.mean + mean * start.sd, max(sd * start.sd, least_sd))
            for share, mean, sd in scaled
        )
        two = _maximised(likelihood, theta, weight, parts, least_sd)
        real = min(part.weight for part in two.parts) >= LEAST_WEIGHT
        if real and two.bic(persons) < best.bic(persons):
            best = two
    return best


def _maximised(
    likelihood: SingleArray,
    theta: FloatArray,
    weight: FloatArray,
    parts: tuple[Part, ...],
    least_sd: float,
) -> Mixture:
    """Maximum of the marginal likelihood by EM (Dempster, Laird & Rubin 1977)."""
    persons = float(weight.sum())
    share, mean, sd = (np.array(values) for values in zip(*parts, strict=True))
    before = -np.inf
    for _ in range(CYCLES):
        density = np.exp(-0.5 * ((theta - mean[:, None]) / sd[:, None]) ** 2)
        density *= (share / density.sum(axis=1))[:, None]
        marginal = likelihood @ density.sum(axis=0).astype(np.float32)
        now = float(weight @ np.log(marginal, dtype=np.float64))
        # persons of each part at each node
        counts = density * ((weight / marginal).astype(np.float32) @ likelihood)
        size = counts.sum(axis=1)
        share = size / size.sum()
        mean = counts @ theta / size
        square = (counts * (theta - mean[:, None]) ** 2).sum(axis=1) / size
        sd = np.maximum(np.sqrt(square), least_sd)
        if now - before < TOLERANCE * persons:
            break
        before = now
    order = np.argsort(mean, kind="stable")
    found = tuple(Part(float(share[k]), float(mean[k]), float(sd[k])) for k in order)
    return Mixture(found, now)
