"""The ability distribution of a group whose items are known (Mislevy 1984).

What never lives here: estimation of items (`fit`), and drawing examinees (`calibration.cat`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import unmasked
from calibration.bank import ItemBank
from calibration.errors import InvalidParameterError, InvalidResponsesError
from calibration.irt.fit import fit
from calibration.irt.known import KnownItems
from calibration.models import named

BOUNDS = (-8.0, 8.0)
SD_RANGE = (0.05, 5.0)  # what the fit itself keeps an SD within


@dataclass(frozen=True)
class LatentDistribution:
    """A normal distribution of ability, on the scale of the items.

    Attributes:
        mean: of ability.
        sd: of ability itself, not of its estimates.
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
    """Estimates mean and SD of ability by marginal maximum likelihood, the items being known.

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
    return LatentDistribution(
        mean=found.group_mean,
        sd=found.group_sd,
        se_mean=found.se_group_mean,
        se_sd=found.se_group_sd,
        persons=int(np.unique(persons).size),
        answers=int(items.size),
        log_likelihood=found.log_likelihood,
        converged=found.converged,
    )
