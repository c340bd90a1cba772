"""What a calibration returns.

What never lives here: how it was computed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, IntArray, unmasked
from calibration.bank import ItemBank
from calibration.irt.known import KnownItems


@dataclass(frozen=True)
class NodeCheck:
    """What twice the quadrature nodes would change.

    Attributes:
        nodes: nodes of the check.
        log_likelihood_change: log-likelihood with them minus without, at the same parameters.
        largest_a_change: largest |Δa| that the finer gradient asks for.
        largest_b_change: the same for b.
        edge_mass: share of the examinees' posterior mass on the two outermost nodes.
    """

    nodes: int
    log_likelihood_change: float
    largest_a_change: float
    largest_b_change: float
    edge_mass: float


@dataclass(frozen=True, eq=False)
class FitResult:
    """Item parameters with standard errors, and how they came about. No array holds a NaN.

    Attributes:
        model: name of each item's model.
        D: scaling constant.
        a: discriminations, shape (J,).
        b: difficulties, shape (J,), in units of ability; of an item with several steps, their mean.
        c: lower asymptotes, shape (J,).
        steps: locations of the steps, shape (J, S): b of a dichotomous item, b_1 … b_{K−1} of one
            with K categories, ∞ for the steps that it does not have.
        intercept: −D·a·b, shape (J,).
        se_a: standard errors, shape (J,); 0 for what was held fixed, ∞ where none can be given.
        se_b: as `se_a`.
        se_c: as `se_a`.
        se_steps: as `se_a`, shape (J, S); 0 for the steps that an item does not have.
        se_intercept: as `se_a`.
        n: answers per item, shape (J,).
        p: share answered correctly per item (mean score as a share of the highest), shape (J,); 0
            where nobody answered.
        log_likelihood: marginal log-likelihood of the items in the likelihood.
        log_posterior: the same plus the log prior density.
        n_parameters: free parameters.
        group_mean: mean of ability.
        group_sd: standard deviation of ability.
        se_group_mean: its standard error; 0 where the group was fixed.
        se_group_sd: as `se_group_mean`.
        converged: whether the last EM map moved no parameter by more than the tolerance.
        cycles: E-steps made.
        stopped_reason: "converged", "max_cycles", "canceled" or "nothing_to_estimate".
        step: largest move of the last EM map, on the scale of slope and intercept.
        flags: per item, any of: unanswered, below_min_n, all_correct, all_incorrect,
            empty_category, unlinked, fixed, kept_previous, kept_prior, negative_a, a_at_bound,
            c_at_bound, b_extreme, se_not_available.
        node_check: what doubling the nodes would change; None where it was switched off.
    """

    model: tuple[str, ...]
    D: float
    a: FloatArray
    b: FloatArray
    c: FloatArray
    steps: FloatArray
    intercept: FloatArray
    se_a: FloatArray
    se_b: FloatArray
    se_c: FloatArray
    se_steps: FloatArray
    se_intercept: FloatArray
    n: IntArray
    p: FloatArray
    log_likelihood: float
    log_posterior: float
    n_parameters: int
    group_mean: float
    group_sd: float
    se_group_mean: float
    se_group_sd: float
    converged: bool
    cycles: int
    stopped_reason: str
    step: float
    flags: tuple[tuple[str, ...], ...] = field(repr=False)
    node_check: NodeCheck | None = None

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return 2 * self.n_parameters - 2 * self.log_likelihood

    def flagged(self, flag: str) -> npt.NDArray[np.bool_]:
        """Items that carry `flag`, shape (J,)."""
        return np.array([flag in own for own in self.flags], bool)

    @property
    def estimated(self) -> npt.NDArray[np.bool_]:
        """Items whose parameters this fit estimated, shape (J,)."""
        return ~(self.flagged("fixed") | self.flagged("kept_previous") | self.flagged("kept_prior"))

    def bank(self, topic: npt.ArrayLike | None = None) -> ItemBank:
        """The items as a bank.

        Raises:
            InvalidParameterError: an item has a ≤ 0 (possible only without a prior on a).
        """
        return ItemBank(
            self.a, self.b, self.c, topic=topic, D=self.D, model=self.model, steps=self.steps
        )

    def known(self, item: npt.ArrayLike | None = None) -> KnownItems:
        """Items of this fit as anchors or previous values of the next.

        Args:
            item: item codes to take, shape (K,); default: the estimated and fixed ones.

        Raises:
            InvalidParameterError: a code is not of this fit, or such an item has a ≤ 0.
        """
        usable = self.estimated | self.flagged("fixed")
        codes = np.flatnonzero(usable) if item is None else unmasked("item", item)
        return KnownItems(
            codes,
            self.a[codes],
            self.b[codes],
            self.c[codes],
            model=[self.model[code] for code in codes],
            steps=self.steps[codes],
            D=self.D,
            se_a=self.se_a[codes],
            se_b=self.se_b[codes],
            se_c=self.se_c[codes],
            se_steps=self.se_steps[codes],
        )
