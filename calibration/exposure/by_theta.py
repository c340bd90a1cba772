"""What conditional searches share: rates by stratum of θ, what they are of, and their outcome.

Examinees are spread evenly within each stratum of true θ; parameters are looked up by the stratum
of θ̂. What never lives here: the searches (``conditional``, ``conditional_eligibility``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from calibration.arrays import FloatArray
from calibration.cat.arrays import Record, Tally
from calibration.cat.control import ExposureControl, Quota, check_length
from calibration.cat.kernels import FIXED_POINT
from calibration.cat.population import Population, derived_seed
from calibration.cat.ranking import RankedBank
from calibration.cat.simulation import Examinees, checked_threads, strata_edges, tally_range
from calibration.errors import InvalidParameterError
from calibration.exposure.caps import CapPolicy, check_feasible
from calibration.exposure.certificate import Certificate, certify, upper_bounds
from calibration.exposure.progress import Iteration, StoppedReason
from calibration.exposure.sympson_hetter import CERTIFICATE_N, CERTIFICATE_STREAM
from calibration.exposure.update import completable
from calibration.threads import over_cores

STRATA = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
_CHECK_STREAM = 0xC04D


@dataclass(frozen=True, eq=False)
class ConditionalRun:
    """Outcome of a conditional search, S strata of θ.

    Attributes:
        control: the parameters found, ready for `simulate` and `select`.
        sh_p: K by stratum of θ̂, shape (S, J).
        strata: θ that bound the strata, shape (S + 1,).
        history: one entry per iteration; max_exp, max_over and avg_exp are over strata and items.
        converged: whether every stratum's P(A) came within `tol` of τ.
        stopped_reason: "converged", "max_iterations" or "canceled".
        administered: P(A) by stratum of true θ, of n fresh examinees spread evenly within each,
            shape (S, J).
        max_exposure: largest of each stratum, shape (S,).
        max_exposure_upper: bound that all true strata means stay below together with 95 %; no bound
            of P(A | θ) at a single θ.
        max_over: largest of all strata − τ.
        certificate: what the parameters do to the whole population; None when canceled.
    """

    control: ExposureControl
    sh_p: FloatArray
    strata: FloatArray
    history: tuple[Iteration, ...]
    converged: bool
    stopped_reason: StoppedReason
    administered: FloatArray
    max_exposure: FloatArray
    max_exposure_upper: float
    max_over: float
    certificate: Certificate | None

    @property
    def parameters(self) -> FloatArray:
        """The largest K of each item, shape (J,): one number for who keeps one an item."""
        return np.asarray(self.sh_p.max(axis=0))

    @property
    def share(self) -> FloatArray:
        """K by stratum as a share of the largest, shape (S, J): K = share · parameters."""
        return np.asarray(self.sh_p / self.parameters)


@dataclass(frozen=True, eq=False)
class Rates:
    """Rates of one simulation, T strata of θ̂ by S of true θ."""

    by_level: FloatArray  # (T, S, J): P(administered while θ̂ is in stratum t | θ in stratum s)
    overlap: float
    rmse: float
    bias: float

    @property
    def conditional(self) -> FloatArray:
        """P(A | θ in stratum s), shape (S, J)."""
        return np.asarray(self.by_level.sum(axis=0))


@dataclass(frozen=True, eq=False)
class Setting:
    """What a conditional search is of: `n` examinees in each stratum between `edges`."""

    ranked: RankedBank
    plain: ExposureControl
    edges: FloatArray
    tau: float
    test_length: int
    n: int
    seed: int
    threads: int

    @classmethod
    def of(
        cls,
        ranked: RankedBank,
        tau: float,
        test_length: int,
        strata: npt.ArrayLike,
        quota: Quota | None,
        n: int,
        seed: int,
        threads: int | None,
    ) -> Setting:
        """Checks it; see `stocking_lewis`."""
        edges = strata_edges(strata)
        if edges.size < 2:
            raise InvalidParameterError(f"strata are {strata!r}: give at least two bounds")
        shape = (edges.size - 1, len(ranked))
        plain = ExposureControl.of(ranked, np.ones(shape), edges=edges[1:-1], quota=quota)
        check_length(ranked, plain, test_length, np.ones(len(ranked), bool))
        check_feasible(ranked, CapPolicy.of(ranked, tau), plain, test_length)
        return cls(ranked, plain, edges, tau, test_length, n, seed, checked_threads(threads))

    def outcome(
        self,
        sh_p: FloatArray,
        history: tuple[Iteration, ...],
        population: Population,
        reason: StoppedReason,
        tol: float | None = None,
        certificate_n: int | None = None,
    ) -> ConditionalRun:
        """What parameters do to fresh examinees; by `tol` these say whether they converged."""
        for row in sh_p:
            row[:] = completable(row, self.ranked, self.plain, self.test_length)
        control = self.plain.with_sh_p(sh_p)
        check = self.simulated(sh_p, _CHECK_STREAM).conditional
        count = np.rint(check * self.n).astype(np.int64)
        if tol is not None and reason != "canceled" and check.max() <= self.tau + tol:
            reason = "converged"
        certificate = None
        if reason != "canceled":
            certificate = certify(
                self.ranked,
                control,
                np.full(len(self.ranked), self.tau),
                population,
                self.test_length,
                certificate_n or max(self.n, CERTIFICATE_N),
                derived_seed(self.seed, CERTIFICATE_STREAM),
                threads=self.threads,
            )
        return ConditionalRun(
            control=control,
            sh_p=sh_p,
            strata=self.edges,
            history=history,
            converged=reason == "converged",
            stopped_reason=reason,
            administered=check,
            max_exposure=check.max(axis=1),
            max_exposure_upper=float(upper_bounds(count.ravel(), self.n, 0.95).max()),
            max_over=float(check.max() - self.tau),
            certificate=certificate,
        )

    def simulated(
        self, sh_p: FloatArray, number: int, n: int | None = None, threads: int | None = None
    ) -> Rates:
        """Rates of `n` fresh examinees of each stratum; None: as many as the setting says."""
        n = self.n if n is None else n
        strata, items = sh_p.shape
        seed = derived_seed(self.seed, number)
        within = (np.arange(n) + 0.5) / n
        theta = (self.edges[:-1, None] + np.diff(self.edges)[:, None] * within).ravel()
        people = Examinees(theta, 0, np.repeat(np.arange(strata), n), self.edges[1:-1])
        control = self.plain.with_sh_p(sh_p)

        def part(low: int, high: int) -> Tally:
            tally = Tally(
                administered=np.zeros((strata * strata, items), np.int64),
                held_back=np.zeros((strata, items), np.int64),
                forced=np.zeros((strata, items), np.int64),
                sums=np.zeros((strata, 4), np.int64),
            )
            nothing = np.empty(high - low)
            record = Record(
                nothing, nothing.copy(), np.empty((0, 0), np.int32), np.empty((0, 0), np.int8)
            )
            closed = np.zeros(items, bool)
            tally_range(
                self.ranked,
                control,
                people,
                low,
                high,
                seed,
                known=False,
                closed=closed,
                test_length=self.test_length,
                tally=tally,
                record=record,
                stride=strata,
            )
            return tally

        parts = over_cores(part, 0, theta.size, threads or self.threads)
        count = sum(tally.administered for tally in parts)
        sums = sum(tally.sums for tally in parts).sum(axis=0) / FIXED_POINT / theta.size
        total = count.sum(axis=0).astype(float)
        pairs = theta.size * (theta.size - 1) * self.test_length
        return Rates(
            by_level=count.reshape(strata, strata, items) / n,
            overlap=float((total * (total - 1)).sum() / max(pairs, 1)),
            rmse=float(np.sqrt(sums[2])),
            bias=float(sums[1]),
        )

    def noise(self) -> float:
        """Excess over τ that two simulations' binomial noise alone would show."""
        z = -ndtri(0.5 / self.plain.sh_p.size)
        return float(z * np.sqrt(2 * self.tau * (1 - self.tau) / self.n))


def moved(
    sh_p: FloatArray, by_level: FloatArray, tau: float, gain: float, floor: float, ceil: float
) -> FloatArray:
    """K[t, i]·(τ / P(A | θ ∈ s))^α for the most exposed s that gets its share of i in stratum t.

    An item not administered while θ̂ is in t has its K doubled: nothing is known against it there.
    """
    total = by_level.sum(axis=0)
    fair = by_level >= total / (2 * len(total))
    worst = np.where(fair & (by_level > 0), total, 0.0).max(axis=1)
    ratio = np.divide(tau, worst, out=np.full_like(worst, 2.0), where=worst > 0)
    return np.asarray(np.clip(sh_p * ratio**gain, floor, ceil))


def iteration_of_rates(rates: Rates, tau: float, number: int, total: int, gain: float) -> Iteration:
    """Summarises a simulation as an iteration."""
    conditional = rates.conditional
    return Iteration(
        iter=number,
        total_iters=total,
        avg_exp=float(conditional[conditional > 0].mean()),
        max_exp=float(conditional.max()),
        max_over=float(conditional.max() - tau),
        overlap=rates.overlap,
        rmse=rates.rmse,
        bias=rates.bias,
        gain=gain,
    )
