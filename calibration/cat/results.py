"""What a simulation returns: sums that add up over shards, and the rates that follow from them.

What never lives here: simulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, IntArray
from calibration.cat.arrays import Tally
from calibration.cat.kernels import FIXED_POINT
from calibration.errors import InvalidParameterError


@dataclass(frozen=True, eq=False)
class SimulationSums:
    """Counts of one shard. Integers throughout, so that `+` gives the whole to the last bit.

    Attributes:
        test_length: items per test.
        edges: true θ between the strata, shape (B − 1,).
        tally: counts by stratum and item, int64 (B, J), and error sums, int64 (B, 4).
    """

    test_length: int
    edges: FloatArray
    tally: Tally

    @classmethod
    def empty(cls, test_length: int, edges: FloatArray, items: int) -> SimulationSums:
        """Sums of nobody."""
        shape = (edges.size + 1, items)
        tally = Tally(
            administered=np.zeros(shape, np.int64),
            held_back=np.zeros(shape, np.int64),
            forced=np.zeros(shape, np.int64),
            sums=np.zeros((shape[0], 4), np.int64),
        )
        return cls(test_length, edges, tally)

    def __add__(self, other: SimulationSums) -> SimulationSums:
        if (
            self.test_length != other.test_length
            or not np.array_equal(self.edges, other.edges)
            or self.tally.administered.shape != other.tally.administered.shape
        ):
            raise InvalidParameterError("shards of different simulations cannot be added")
        parts = zip(self.tally, other.tally, strict=True)
        return SimulationSums(self.test_length, self.edges, Tally(*(a + b for a, b in parts)))

    @property
    def examinees(self) -> int:
        """Number of examinees."""
        return int(self.tally.sums[:, 0].sum())

    @cached_property
    def administered(self) -> IntArray:
        """Times each item was administered, shape (J,)."""
        return np.asarray(self.tally.administered.sum(axis=0))

    @cached_property
    def held_back(self) -> IntArray:
        """Times each item was selected and held back, shape (J,)."""
        return np.asarray(self.tally.held_back.sum(axis=0))

    @cached_property
    def selected(self) -> IntArray:
        """Examinees for whom each item was selected, administered or not, shape (J,)."""
        tally = self.tally  # a forced item was selected before, when it was held back
        return np.asarray((tally.administered + tally.held_back - tally.forced).sum(axis=0))


@dataclass(frozen=True, eq=False)
class ConditionalRates:
    """Results by stratum of true θ. Where a stratum holds nobody, its rates and errors are 0.

    Attributes:
        edges: θ between the strata, shape (B − 1,).
        examinees: shape (B,).
        administered: P(A | θ), shape (B, J).
        selected: P(S | θ), shape (B, J).
        bias: mean of θ̂ − θ, shape (B,).
        rmse: root mean square of θ̂ − θ, shape (B,).
        se: conditional standard error, the standard deviation of θ̂ − θ, shape (B,).
        posterior_sd: mean posterior SD, shape (B,).
    """

    edges: FloatArray
    examinees: IntArray
    administered: FloatArray
    selected: FloatArray
    bias: FloatArray
    rmse: FloatArray
    se: FloatArray
    posterior_sd: FloatArray


@dataclass(frozen=True, eq=False)
class Simulation:
    """Outcome of a simulation.

    Attributes:
        sums: the counts that all rates follow from; add those of shards, then `Simulation.of` them.
        theta: θ̂ of each examinee, shape (N,); empty when made from sums.
        sd: posterior SD, shape (N,); empty when made from sums.
        items: item administered at each position, int32 (N, L); (0, 0) unless recorded.
        correct: the answers, int8 (N, L); (0, 0) unless recorded.
    """

    sums: SimulationSums
    theta: FloatArray
    sd: FloatArray
    items: npt.NDArray[np.int32]
    correct: npt.NDArray[np.int8]

    @classmethod
    def of(cls, sums: SimulationSums) -> Simulation:
        """Rates from sums alone, such as those of shards that ran on several machines."""
        nobody = np.empty(0)
        return cls(sums, nobody, nobody, np.empty((0, 0), np.int32), np.empty((0, 0), np.int8))

    @property
    def examinees(self) -> int:
        """Number of examinees."""
        return self.sums.examinees

    @cached_property
    def administered(self) -> FloatArray:
        """P(A): administrations per examinee, shape (J,); sums to the test length."""
        return self.sums.administered / self.examinees

    @cached_property
    def selected(self) -> FloatArray:
        """P(S): share of examinees for whom the item was selected, shape (J,); P(S) ≥ P(A)."""
        return self.sums.selected / self.examinees

    @cached_property
    def held_back(self) -> FloatArray:
        """Share of examinees for whom the item was selected and held back, shape (J,)."""
        return self.sums.held_back / self.examinees

    @property
    def forced(self) -> float:
        """Forced administrations per examinee: all was held back, so one was given anyway."""
        return float(self.sums.tally.forced.sum() / self.examinees)

    @property
    def overlap(self) -> float:
        """Mean share of items that two examinees have in common: Σc(c−1)/(N(N−1)L).

        Chen, Ankenmann & Spray 2003. 0 for a single examinee, who has nobody to share with.
        """
        count, pairs = self.sums.administered, self.examinees * (self.examinees - 1)
        if pairs == 0:
            return 0.0
        return float((count * (count - 1)).sum() / (pairs * self.sums.test_length))

    @property
    def unused(self) -> float:
        """Share of the pool that nobody was given."""
        return float((self.sums.administered == 0).mean())

    @property
    def chi_square(self) -> float:
        """How unevenly the pool is used: Σ(P(A) − L/J)² / (L/J); 0: all items alike.

        Chang & Ying 1999.
        """
        even = self.sums.test_length / self.administered.size
        return float(((self.administered - even) ** 2).sum() / even)

    @property
    def bias(self) -> float:
        """Mean of θ̂ − θ."""
        return float(self.sums.tally.sums[:, 1].sum() / FIXED_POINT / self.examinees)

    @property
    def rmse(self) -> float:
        """Root mean square of θ̂ − θ."""
        return float(np.sqrt(self.sums.tally.sums[:, 2].sum() / FIXED_POINT / self.examinees))

    @cached_property
    def conditional(self) -> ConditionalRates:
        """The same by stratum of true θ."""
        tally = self.sums.tally
        people = tally.sums[:, 0]
        divisor = np.maximum(people, 1)
        mean, square, sd = (tally.sums[:, k] / FIXED_POINT / divisor for k in (1, 2, 3))
        return ConditionalRates(
            edges=self.sums.edges,
            examinees=people,
            administered=tally.administered / divisor[:, None],
            selected=(tally.administered + tally.held_back - tally.forced) / divisor[:, None],
            bias=mean,
            rmse=np.sqrt(square),
            se=np.sqrt(np.maximum(square - mean**2, 0.0)),
            posterior_sd=sd,
        )
