"""Selection rules: in what order items come up. Exposure parameters and quota apply to any of them.

A rule is a frozen value with its constants. It orders a bank's items on the grid of θ once, and
says which compiled walk (``walks``) reads that order. What never lives here: the walks, exposure
parameters.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from calibration.arrays import BoolArray, FloatArray, IntArray, check_numbers
from calibration.bank import ItemBank
from calibration.cat.arrays import Order
from calibration.cat.information import Ranking, information_along, ranking_on
from calibration.errors import InvalidParameterError
from calibration.threads import core_count, over_cores

MAXIMUM_INFORMATION, RANDOMESQUE, STRATIFIED, PROGRESSIVE = 0, 1, 2, 3


@dataclass(frozen=True, eq=False)
class Ordering:
    """What a rule puts in order.

    Attributes:
        bank: J items.
        grid: θ of the rows, shape (G,).
        prior_sd: standard deviation of the prior of θ.
        among: items that may be selected at all, shape (J,): strata are theirs; None: all.
        known: the items by falling information, where that is known already.
        priority: what an item's information is multiplied by, shape (J,); None: 1.
        threads: cores to use; None: all.
    """

    bank: ItemBank
    grid: FloatArray
    prior_sd: float
    among: BoolArray | None = None
    known: Ranking | None = None
    priority: FloatArray | None = None
    threads: int | None = None

    @property
    def weight(self) -> FloatArray:
        """The priority of each item, shape (J,)."""
        return np.ones(len(self.bank)) if self.priority is None else self.priority

    def by_information(self) -> Ranking:
        """Item indices by falling information, uint32 (G, J)."""
        if self.known is not None and self.priority is None:
            return self.known
        return ranking_on(self.bank, self.grid, self.threads, self.weight)

    def over_rows(self, work: Callable[[int], None]) -> None:
        """Calls `work` with each row of the grid, spread over the cores."""

        def rows(low: int, high: int) -> None:
            for row in range(low, high):
                work(row)

        over_cores(rows, 0, self.grid.size, self.threads or core_count())


@dataclass(frozen=True)
class SelectionRule(ABC):
    """What all rules have in common: a name, and an order of the items at each θ of a grid."""

    name: ClassVar[str]

    @abstractmethod
    def ordered(self, of: Ordering) -> tuple[Ranking, Order]:
        """Orders J items at G grid points: uint32 (G, J), and how the walk is to read it."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class MaximumInformation(SelectionRule):
    """The most informative item at θ̂ (Birnbaum 1968; Lord 1980)."""

    name: ClassVar[str] = "maximum_information"

    def ordered(self, of: Ordering) -> tuple[Ranking, Order]:
        """By falling information."""
        return of.by_information(), _order(MAXIMUM_INFORMATION, of.prior_sd)


@dataclass(frozen=True)
class Randomesque(SelectionRule):
    """One of the `best` most informative items, each as likely (Kingsbury & Zara 1989)."""

    name: ClassVar[str] = "randomesque"

    best: int = 5

    def __post_init__(self) -> None:
        _check_count("best", self.best)

    def ordered(self, of: Ordering) -> tuple[Ranking, Order]:
        """By falling information."""
        return of.by_information(), _order(RANDOMESQUE, of.prior_sd, best=self.best)

    def __str__(self) -> str:
        return f"{self.name}({self.best})"


@dataclass(frozen=True)
class AStratified(SelectionRule):
    """The item of nearest b, from items of low a first and of high a last.

    The items in the order of b are cut into blocks of `strata` items, and each block gives one to
    each stratum by its rank in a (Chang & Ying 1999; b-blocking: Chang, Qian & Ying 2001). Stage k
    of a test draws from stratum k; from the next ones where that has nothing left.
    """

    name: ClassVar[str] = "a_stratified"

    strata: int = 4

    def __post_init__(self) -> None:
        _check_count("strata", self.strata)

    def ordered(self, of: Ordering) -> tuple[Ranking, Order]:
        """By stratum, and in each by rising distance of b."""
        if of.priority is not None:
            raise InvalidParameterError(
                f"the rule is {self}: priorities are of information, by which it does not go"
            )
        bank, grid = of.bank, of.grid
        among = np.arange(len(bank)) if of.among is None else np.flatnonzero(of.among)
        stratum = np.full(len(bank), self.strata - 1)
        stratum[among] = a_strata(bank.a[among], bank.b[among], self.strata)
        high = stratum.astype(np.uint64) << np.uint64(56)
        low = np.arange(len(bank), dtype=np.uint64)
        out = np.empty((grid.size, len(bank)), np.uint32)

        def rank(row: int) -> None:
            distance = np.abs(bank.b - grid[row]).astype(np.float32).view(np.uint32)
            keys = high | (distance.astype(np.uint64) << np.uint64(24)) | low
            keys.sort()
            out[row] = keys & np.uint64(0xFFFFFF)

        of.over_rows(rank)
        starts = np.searchsorted(np.sort(stratum), np.arange(self.strata))
        return out, _order(STRATIFIED, of.prior_sd, block=starts.astype(np.int64))

    def __str__(self) -> str:
        return f"{self.name}({self.strata})"


@dataclass(frozen=True)
class Progressive(SelectionRule):
    """The largest (1 − w)·R + w·I, R drawn from U(0, largest I) for each item at each step.

    w is the test's progress to the power `power`: at the first item 0, at the last 1 (Revuelta &
    Ponsoda 1998; powers other than 1: Barrada, Olea, Ponsoda & Abad 2008). With `target_se`,
    progress is the larger of that and of the information gained relative to 1/target_se² (McClarty,
    Sperling & Dodd 2006; Leroux, Lopez, Hembry & Dodd 2013).

    Attributes:
        power: > 0; more keeps to chance longer.
        target_se: standard error of θ̂ at which chance has no part any more; None: by position only.
    """

    name: ClassVar[str] = "progressive"

    power: float = 1.0
    target_se: float | None = None

    def __post_init__(self) -> None:
        given = {"power": self.power}
        if self.target_se is not None:
            given["target_se"] = self.target_se
        check_numbers(**given)
        for name, value in given.items():
            if not (np.isfinite(value) and value > 0):
                raise InvalidParameterError(f"{name} is {value}: give a finite value > 0")

    def ordered(self, of: Ordering) -> tuple[Ranking, Order]:
        """By falling information, with the information."""
        bank, ranking, weight = of.bank, of.by_information(), of.weight
        information = np.empty(ranking.shape, np.float32)

        def along(row: int) -> None:
            information_along(
                bank.rows, bank.curves, of.grid[row], weight, ranking[row], information[row]
            )

        of.over_rows(along)
        precision = 0.0 if self.target_se is None else self.target_se**-2
        return ranking, _order(
            PROGRESSIVE,
            of.prior_sd,
            power=float(self.power),
            precision=precision,
            information=information,
        )

    def __str__(self) -> str:
        if self.target_se is None:
            return f"{self.name}({self.power:g})"
        return f"{self.name}_se({self.power:g},{self.target_se:g})"


def selection_rule(rule: SelectionRule | str) -> SelectionRule:
    """A rule by its name.

    Raises:
        InvalidParameterError: no rule has that name.
    """
    if isinstance(rule, SelectionRule):
        return rule
    if rule not in RULES:
        raise InvalidParameterError(f"rule is {rule!r}: give one of {', '.join(RULES)}")
    return RULES[rule]


def a_strata(a: FloatArray, b: FloatArray, strata: int) -> IntArray:
    """Stratum of each item by rank of a within blocks of like b, shape (J,), 0 … strata − 1."""
    out = np.empty(a.size, np.int64)
    by_b = np.argsort(b, kind="stable")
    for start in range(0, a.size, strata):
        block = by_b[start : start + strata]
        rising = block[np.argsort(a[block], kind="stable")]
        out[rising] = (2 * np.arange(block.size) + 1) * strata // (2 * block.size)
    return out


def _check_count(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= 255:
        raise InvalidParameterError(f"{name} is {value!r}: give an integer from 1 to 255")


def _order(
    code: int,
    prior_sd: float,
    *,
    best: int = 0,
    power: float = 1.0,
    precision: float = 0.0,
    information: npt.NDArray[np.float32] | None = None,
    block: IntArray | None = None,
) -> Order:
    return Order(
        code=code,
        best=best,
        power=power,
        precision=precision,
        prior_precision=prior_sd**-2,
        information=np.empty((0, 0), np.float32) if information is None else information,
        block=np.zeros(1, np.int64) if block is None else block,
    )


RULES: dict[str, SelectionRule] = {
    "maximum_information": MaximumInformation(),
    "randomesque": Randomesque(),
    "a_stratified": AStratified(),
    "progressive": Progressive(),
    "progressive_early": Progressive(power=0.5),
    "progressive_se": Progressive(target_se=0.3),
}
"""The rules that go by a name, with their usual constants."""
