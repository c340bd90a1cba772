"""Posteriors over ability where each group of persons has a normal distribution of its own.

What never lives here: what is done with them (see `latent_dif`, `curve_fit`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from calibration.arrays import CodeArray, FloatArray, IntArray
from calibration.bank import ItemBank
from calibration.compiled import compiled
from calibration.irt.layout import category_rows
from calibration.irt.quadrature import rectangular
from calibration.irt.responses import Responses
from calibration.scoring.eap import log_table

NODES, BOUNDS = 49, (-6.0, 6.0)
MOST_CYCLES, TOLERANCE = 500, 1e-6
SMALLEST_SD = 0.05


@dataclass(frozen=True, eq=False)
class GroupPosterior:
    """Likelihoods of N persons at Q nodes, and the ability distribution of each of G groups.

    Attributes:
        responses: what is known of the persons.
        nodes: abilities, shape (Q,).
        expected: expected score of each item at the nodes, shape (J, Q).
        likelihood: of the answers to anchor items, largest 1 in each row, shape (N, Q).
        group: code of each person's group, −1 for none, shape (N,).
        anchor: items whose answers are in the likelihood, shape (J,).
        mean: of ability in each group, shape (G,).
        sd: its standard deviation, shape (G,).
    """

    responses: Responses
    nodes: FloatArray
    expected: FloatArray
    likelihood: FloatArray
    group: IntArray
    anchor: npt.NDArray[np.bool_]
    mean: FloatArray
    sd: FloatArray

    @classmethod
    def of(
        cls,
        bank: ItemBank,
        responses: Responses,
        group: IntArray,
        groups: int,
        anchor: npt.NDArray[np.bool_] | None = None,
    ) -> GroupPosterior:
        """Estimates each group's mean and SD by marginal maximum likelihood, the items being known.

        Args:
            bank: item parameters.
            responses: answers to its items.
            group: codes 0 … G − 1, −1 for persons who count for none, shape (N,).
            groups: G.
            anchor: items that tell abilities, shape (J,); default: all.
        """
        nodes = rectangular(NODES, BOUNDS).theta
        first, table = log_table(bank, nodes, nodes.size)
        used = np.ones(len(bank), bool) if anchor is None else anchor
        table[np.repeat(~used, np.diff(first))] = 0.0  # says nothing of ability
        rows = category_rows(first, responses.item, responses.correct)
        likelihood = np.empty((responses.person_count, nodes.size))
        _likelihoods(responses.indptr, rows, table, likelihood)
        start = cls(
            responses,
            nodes,
            np.ascontiguousarray(bank.expected_score(nodes).T),
            likelihood,
            group,
            used,
            np.zeros(groups),
            np.ones(groups),
        )
        return start._fitted()

    @property
    def density(self) -> FloatArray:
        """Of each group at the nodes, shape (G, Q), summing to one."""
        z = (self.nodes - self.mean[:, None]) / self.sd[:, None]
        height = np.exp(-0.5 * z * z)
        return np.asarray(height / height.sum(axis=1, keepdims=True))

    def _fitted(self) -> GroupPosterior:
        """With each group's mean and SD by EM."""
        now = self
        for _ in range(MOST_CYCLES):
            sums = _moments(now.likelihood, now.group, now.density, now.nodes)
            count = np.maximum(sums[:, 0], 1.0)
            mean = sums[:, 1] / count
            sd = np.sqrt(np.maximum(sums[:, 2] / count - mean**2, SMALLEST_SD**2))
            moved = max(np.abs(mean - now.mean).max(), np.abs(sd - now.sd).max())
            now = replace(now, mean=mean, sd=sd)
            if moved < TOLERANCE:
                break
        return now

    def ability(self) -> FloatArray:
        """Posterior means, shape (N,); NaN for persons of no group."""
        out = np.full(self.group.size, np.nan)
        known = self.group >= 0
        post = self.likelihood[known] * self.density[self.group[known]]
        out[known] = post @ self.nodes / post.sum(axis=1)
        return out


@compiled(error_model="numpy")
def _likelihoods(
    indptr: IntArray, rows: CodeArray, table: FloatArray, likelihood: FloatArray
) -> None:
    width = table.shape[1]
    for i in range(indptr.size - 1):
        own = likelihood[i]
        for q in range(width):
            own[q] = 0.0
        for k in range(indptr[i], indptr[i + 1]):
            for q in range(width):
                own[q] += table[rows[k], q]
        peak = -np.inf
        for q in range(width):
            peak = max(peak, own[q])
        for q in range(width):
            own[q] = np.exp(own[q] - peak)


@compiled(error_model="numpy")
def weighted(likelihood: FloatArray, density: FloatArray, out: FloatArray) -> float:
    """A person's posterior at the nodes but for its sum, which is given, into `out`; each (Q,)."""
    mass = 0.0
    for q in range(out.size):
        out[q] = likelihood[q] * density[q]
        mass += out[q]
    return mass


@compiled(error_model="numpy")
def _moments(
    likelihood: FloatArray, group: IntArray, density: FloatArray, nodes: FloatArray
) -> FloatArray:
    """Persons, and sums of their posterior means of ability and of its square; (G, 3)."""
    sums = np.zeros((density.shape[0], 3))
    for i in range(group.size):
        g = group[i]
        if g < 0:
            continue
        mass, first, second = 0.0, 0.0, 0.0
        for q in range(nodes.size):
            weight = likelihood[i, q] * density[g, q]
            mass += weight
            first += weight * nodes[q]
            second += weight * nodes[q] * nodes[q]
        sums[g, 0] += 1.0
        sums[g, 1] += first / mass
        sums[g, 2] += second / mass
    return sums
