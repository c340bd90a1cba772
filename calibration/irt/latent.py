"""The ability distribution of a group whose items are known (Mislevy 1984): mean, SD and shape.

What never lives here: estimation of items (`fit`), how a shape is found (`mixture`), and drawing
examinees (`calibration.cat`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import CodeArray, FloatArray, IntArray, SingleArray, unmasked
from calibration.bank import ItemBank
from calibration.compiled import compiled
from calibration.errors import InvalidParameterError, InvalidResponsesError
from calibration.irt.estep import NO_MASS, exp_shifted, sum_rows
from calibration.irt.fit import fit
from calibration.irt.known import KnownItems
from calibration.irt.layout import category_rows
from calibration.irt.mixture import Part, best_mixture
from calibration.irt.quadrature import padded, rectangular
from calibration.irt.responses import check_weight
from calibration.models import named
from calibration.scoring.eap import log_table, scored_responses
from calibration.threads import Workers, chunk_edges

BOUNDS = (-8.0, 8.0)
SD_RANGE = (0.05, 5.0)  # what the fit itself keeps an SD within


@dataclass(frozen=True)
class LatentDistribution:
    """A distribution of ability, on the scale of the items.

    Attributes:
        mean: of ability, were its distribution normal.
        sd: of ability itself, not of its estimates.
        parts: the shape: normal distributions by ascending mean, one where it is normal; their
            common mean and SD may differ from the above, which a normal shape implies.
        se_mean: standard error of the mean; ∞ where none can be given.
        se_sd: standard error of the SD; ∞ where none can be given.
        persons: N.
        answers: M.
        log_likelihood: marginal, at the maximum.
        converged: whether the last EM map moved neither mean nor log SD by more than the tolerance.
    """

    mean: float
    sd: float
    se_mean: float
    se_sd: float
    persons: int
    answers: int
    log_likelihood: float
    converged: bool
    parts: tuple[Part, ...]

    @property
    def theta_dist(self) -> str:
        """As a simulation reads it: "normal(mean,sd)", or a sum of weighted ones."""
        if len(self.parts) == 1:
            return f"normal({self.mean:.4f},{self.sd:.4f})"
        return " + ".join(f"{w:.4f}*normal({mean:.4f},{sd:.4f})" for w, mean, sd in self.parts)

    @property
    def identified(self) -> bool:
        """Whether the answers determine it: converged, with finite errors, no SD at its bound."""
        return (
            self.converged
            and bool(np.isfinite([self.se_mean, self.se_sd]).all())
            and SD_RANGE[0] < self.sd < SD_RANGE[1]
        )


def latent_distribution(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    nodes: int = 81,
    bounds: tuple[float, float] = BOUNDS,
    weight: npt.ArrayLike | None = None,
    threads: int | None = None,
) -> LatentDistribution:
    """Estimates the distribution of ability by marginal maximum likelihood, the items being known.

    The shape is normal unless a mixture of two normal distributions (Mislevy 1984) describes the
    answers better by Schwarz's (1978) criterion.

    Ability is integrated out, so that the SD is not that of estimates: EAPs shrink towards their
    prior and maximum-likelihood estimates spread by their error. Answers to items that a rule chose
    by earlier answers (adaptive tests) are ignorable and need no care (Mislevy & Wu 1996).

    Args:
        bank: the items, J.
        person: person codes 0 … N − 1, shape (M,).
        item: positions in the bank, shape (M,).
        correct: 0 or 1 (of items of a polytomous model the category), shape (M,).
        nodes: quadrature nodes.
        bounds: range of the nodes, in units of ability.
        weight: weights of persons, shape (N,).
        threads: threads to use; None: the CPUs of the process.

    Raises:
        InvalidResponsesError: malformed responses, or none.
        InvalidParameterError: an item is none of the bank's.
    """
    items, persons = unmasked("item", item), unmasked("person", person)
    if items.size == 0:
        raise InvalidResponsesError("there are no answers: give at least one")
    if items.max() >= len(bank):
        raise InvalidParameterError(
            f"item is {items.max()}: the bank has {len(bank)}, counted from 0"
        )
    weights = check_weight(weight, int(persons.max()) + 1)
    models = [named(name).of_known_items or name for name in bank.model]
    known = KnownItems(
        np.arange(len(bank)), bank.a, bank.b, bank.c, model=models, steps=bank.steps, D=bank.D
    )
    found = fit(
        persons,
        items,
        correct,
        model=models,
        D=bank.D,
        priors=None,
        nodes=nodes,
        bounds=bounds,
        weight=weight,
        item_count=len(bank),
        fixed=known,
        group="free",
        node_check=False,
        threads=threads,
    )
    normal = Part(1.0, found.group_mean, found.group_sd)
    parts: tuple[Part, ...] = (normal,)
    if found.converged and SD_RANGE[0] < found.group_sd < SD_RANGE[1]:
        theta = rectangular(nodes, bounds).theta
        likelihood, counted = _likelihood(bank, persons, items, correct, theta, threads)
        parts = best_mixture(likelihood, theta, weights[counted], normal).parts
    return LatentDistribution(
        mean=found.group_mean,
        sd=found.group_sd,
        se_mean=found.se_group_mean,
        se_sd=found.se_group_sd,
        persons=int(np.unique(persons).size),
        answers=int(items.size),
        log_likelihood=found.log_likelihood,
        converged=found.converged,
        parts=parts,
    )


def _likelihood(
    bank: ItemBank,
    person: npt.ArrayLike,
    item: npt.ArrayLike,
    correct: npt.ArrayLike,
    theta: FloatArray,
    threads: int | None,
) -> tuple[SingleArray, IntArray]:
    """Likelihood at each node over its largest, (R, Q), of the persons who answered, and these."""
    responses = scored_responses(bank, person, item, correct, None)
    width = padded(theta.size)
    first, table = log_table(bank, theta, width)
    rows = category_rows(first, responses.item, responses.correct)
    base = np.full(width, NO_MASS)
    base[: theta.size] = 0.0
    answered = np.flatnonzero(np.diff(responses.indptr))
    indptr = np.append(responses.indptr[answered], responses.indptr[-1])
    out = np.empty((answered.size, theta.size), np.float32)
    edges = chunk_edges(indptr, 50_000, 16)

    def part(k: int) -> None:
        _fill(indptr, rows, table, base, edges[k], edges[k + 1], out)

    with Workers(threads if rows.size > 50_000 else 1) as workers:
        workers.run(part, range(edges.size - 1))
    return out, answered


@compiled()
def _fill(
    indptr: IntArray,
    rows: CodeArray,
    table: FloatArray,
    base: FloatArray,
    first: int,
    last: int,
    out: SingleArray,
) -> None:
    width = base.size
    log_value, value, power = np.empty(width), np.empty(width), np.empty(width, np.int64)
    for i in range(first, last):
        sum_rows(rows, table, indptr[i], indptr[i + 1], base, log_value)
        exp_shifted(log_value, log_value.max(), value, power)
        for q in range(out.shape[1]):
            out[i, q] = value[q]
