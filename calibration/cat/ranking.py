"""A bank made ready for selection: items put in a rule's order once, on a fine grid of θ.

The selection rule is *defined* on this grid, for the simulator and for delivery alike: θ is taken
to the nearest grid point and the ranking there holds. With a step of 1/32 the item so chosen
loses some hundredths of a per cent of the best one's information (selection.md in the docs).

What never lives here: selection itself, exposure parameters, anything that changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, IntArray, check_numbers, unmasked
from calibration.bank import ItemBank
from calibration.cat.arrays import Pool
from calibration.cat.rules import STRATIFIED, Ordering, SelectionRule, selection_rule
from calibration.cat.vectors import LANES
from calibration.errors import InvalidParameterError

GRID_STEP = 1.0 / 32.0  # exact in binary, so that grid points are too
BOUNDS = (-4.0, 4.0)
NODES = 41
P_MARGIN = 1e-9  # keeps P(θ) off 0 and 1: no single answer can empty a posterior


@dataclass(frozen=True, eq=False)
class RankedBank:
    """An item bank in a rule's order on a grid of θ. Immutable: cache it, share it by threads.

    Memory is about 4·J·(8/step) bytes for the ranking (20 MB at 20,000 items and the default step)
    plus 8·J·nodes for the likelihoods of both answers; `Progressive` doubles the first.

    Attributes:
        bank: the items.
        grid: θ of the ranking's rows, shape (G,).
        nodes: quadrature nodes of the ability posterior, shape (Q,).
        prior_mean: mean of the normal prior of θ: θ̂ before the first answer.
        prior_sd: its standard deviation.
        topics: the bank's distinct topic codes, ascending, shape (T,); empty without topics.
        rule: the selection rule.
        priority: what each item's information is multiplied by, shape (J,); None: 1.
        pool: the arrays as the compiled kernels take them.
    """

    bank: ItemBank
    grid: FloatArray
    nodes: FloatArray
    prior_mean: float
    prior_sd: float
    topics: IntArray
    rule: SelectionRule
    priority: FloatArray | None
    pool: Pool = field(repr=False)

    @classmethod
    def of(
        cls,
        bank: ItemBank | RankedBank,
        *,
        nodes: int = NODES,
        bounds: tuple[float, float] = BOUNDS,
        prior_mean: float = 0.0,
        prior_sd: float = 1.0,
        step: float = GRID_STEP,
        rule: SelectionRule | str | None = None,
        threads: int | None = None,
    ) -> RankedBank:
        """Ranks a bank; one that is ranked already is returned as it is, or under another rule.

        Args:
            bank: the items.
            nodes: equally spaced quadrature nodes over the bounds.
            bounds: lowest and highest θ of the grid and the nodes.
            prior_mean: mean of the normal prior of θ.
            prior_sd: its standard deviation.
            step: distance of grid points.
            rule: selection rule or its name; None: the bank's own, or maximum information.
            threads: cores to rank on; None: all.

        Raises:
            InvalidParameterError: an argument is out of range, an item is polytomous, or no rule
                has that name.
        """
        if isinstance(bank, RankedBank):
            return bank if rule is None else bank.under(rule, threads)
        if not bank.dichotomous:
            item = next(k for k, model in enumerate(bank.models) if not model.dichotomous)
            raise InvalidParameterError(
                f"item {item} is {bank.model[item]}: adaptive tests are of items scored right or "
                "wrong; leave polytomous items out of the pool"
            )
        low, high = _checked(nodes, bounds, prior_mean, prior_sd, step)
        rows = round((high - low) / step) + 1
        grid: FloatArray = low + step * np.arange(rows, dtype=np.float64)
        theta: FloatArray = np.linspace(low, high, nodes, dtype=np.float64)
        topics, topic = _topic_index(bank)
        by = selection_rule("maximum_information" if rule is None else rule)
        ranking, order = by.ordered(Ordering(bank, grid, float(prior_sd), threads=threads))
        likelihood = np.clip(bank.probabilities(theta), P_MARGIN, 1 - P_MARGIN)
        pool = Pool(
            order=order,
            ranking=ranking,
            theta_min=low,
            rows_per_unit=1.0 / step,
            item=bank.rows,
            curve=bank.curves,
            likelihood=_padded(likelihood),
            node_theta=_padded(theta),
            prior=_padded(normal_weights(theta, prior_mean, prior_sd)),
            topic=topic,
        )
        _freeze(pool)
        return cls(bank, grid, theta, prior_mean, prior_sd, topics, by, None, pool)

    def __len__(self) -> int:
        return len(self.bank)

    def under(
        self,
        rule: SelectionRule | str,
        threads: int | None = None,
        *,
        among: npt.NDArray[np.bool_] | None = None,
        priority: npt.ArrayLike | None = None,
    ) -> RankedBank:
        """The same bank in the order of another rule, or with other priorities.

        Args:
            rule: selection rule or its name.
            threads: cores to use; None: all.
            among: items that may be selected at all, shape (J,), where others are in the bank for
                their curves alone: strata are of these; None: all.
            priority: what each item's information is multiplied by, shape (J,), in [0, 1] (Cheng
                & Chang 2009); None: 1.

        Raises:
            InvalidParameterError: no rule has that name, a priority is out of range, or the rule
                does not go by information.
        """
        by = selection_rule(rule)
        weight = None if priority is None else _priority(priority, len(self))
        if by == self.rule and among is None and weight is None and self.priority is None:
            return self
        plain = self.priority is None and self.pool.order.code != STRATIFIED
        known = self.pool.ranking if plain else None
        of = Ordering(self.bank, self.grid, self.prior_sd, among, known, weight, threads)
        ranking, order = by.ordered(of)
        pool = self.pool._replace(ranking=ranking, order=order)
        _freeze(pool)
        return replace(self, rule=by, priority=weight, pool=pool)

    def with_topic(self, topic: npt.ArrayLike | None) -> RankedBank:
        """The same ranking of items that count for other topics, shape (J,).

        Raises:
            InvalidParameterError: not one integer code per item.
        """
        bank = self.bank.with_topic(topic)
        topics, index = _topic_index(bank)
        index.setflags(write=False)
        return replace(self, bank=bank, topics=topics, pool=self.pool._replace(topic=index))


def _priority(priority: npt.ArrayLike, items: int) -> FloatArray:
    weight = np.array(unmasked("priority", priority), dtype=np.float64)
    if weight.shape != (items,) or not ((weight >= 0) & (weight <= 1)).all():
        raise InvalidParameterError(
            f"priority has shape {weight.shape}: give {items} values in [0, 1]"
        )
    weight.setflags(write=False)
    return weight


def _freeze(pool: Pool) -> None:
    for array in (*pool, *pool.order):
        if isinstance(array, np.ndarray):
            array.setflags(write=False)


def _checked(
    nodes: int, bounds: tuple[float, float], mean: float, sd: float, step: float
) -> tuple[float, float]:
    low, high = (float(bound) for bound in bounds)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InvalidParameterError(f"bounds are {bounds}: give finite (low, high), low < high")
    check_numbers(nodes=nodes, prior_mean=mean, prior_sd=sd, step=step)
    if nodes < 2:
        raise InvalidParameterError(f"nodes is {nodes}: give at least 2")
    if not low < mean < high:
        raise InvalidParameterError(f"prior_mean is {mean}: give a value inside {bounds}")
    if not (np.isfinite(sd) and sd > 0):
        raise InvalidParameterError(f"prior_sd is {sd}: give a value > 0")
    if not 0 < step <= high - low:
        raise InvalidParameterError(f"step is {step}: give a value in (0, {high - low}]")
    return low, high


def normal_weights(theta: FloatArray, mean: float, sd: float) -> FloatArray:
    """Weights of a normal prior at nodes of shape (Q,); they sum to one."""
    weights = np.exp(-0.5 * ((theta - mean) / sd) ** 2)
    total = float(weights.sum())
    if total <= 0 or not np.isfinite(total):
        raise InvalidParameterError(f"prior_sd is {sd}: too narrow for {theta.size} nodes")
    return np.asarray(weights / total)


def _padded(values: FloatArray) -> npt.NDArray[np.float32]:
    size = -(-values.shape[-1] // LANES) * LANES
    out = np.zeros((*values.shape[:-1], size), np.float32)
    out[..., : values.shape[-1]] = values
    return out


def _topic_index(bank: ItemBank) -> tuple[IntArray, npt.NDArray[np.int32]]:
    if bank.topic is None:
        return np.zeros(0, np.int64), np.zeros(len(bank), np.int32)
    topics, index = np.unique(bank.topic, return_inverse=True)
    return topics, index.astype(np.int32)
