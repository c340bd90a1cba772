"""Exposure parameters by stratum of θ: no item is over-used at any level of ability.

Sympson–Hetter caps the rate over the whole population; among able examinees alone an item may still
reach nearly all. Stocking & Lewis (1998) condition on θ: here on strata of it. What is bounded is
the mean rate of each stratum; at a single θ inside it, or beyond the outermost, a rate may be
higher.

What never lives here: the selection rule, which looks the stratum of θ̂ up (calibration.cat).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from calibration.arrays import FloatArray
from calibration.bank import ItemBank
from calibration.cat.arrays import Record, Tally
from calibration.cat.control import ExposureControl, Quota, check_length
from calibration.cat.kernels import FIXED_POINT
from calibration.cat.population import Population, derived_seed
from calibration.cat.ranking import RankedBank
from calibration.cat.simulation import Examinees, checked_threads, strata_edges, tally_range
from calibration.errors import InvalidParameterError
from calibration.exposure.caps import CapPolicy, check_feasible
from calibration.exposure.certificate import Certificate, certify, upper_bounds
from calibration.exposure.progress import Iteration, OnIteration, StoppedReason, check_search
from calibration.exposure.sympson_hetter import CERTIFICATE_N, CERTIFICATE_STREAM, SETTLED
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
    certificate: Certificate | None


@dataclass(frozen=True, eq=False)
class _Rates:
    by_level: FloatArray  # (T, S, J): P(administered while θ̂ is in stratum t | θ in stratum s)
    overlap: float
    rmse: float
    bias: float

    @property
    def conditional(self) -> FloatArray:
        return np.asarray(self.by_level.sum(axis=0))


def stocking_lewis(
    bank: ItemBank | RankedBank,
    tau: float = 0.2,
    n: int = 5_000,
    test_length: int = 25,
    iters: int = 25,
    alpha: float = 1.0,
    strata: npt.ArrayLike = STRATA,
    theta_dist: str | npt.ArrayLike | Population = "normal(0,1)",
    floor: float = 0.02,
    ceil: float = 1.0,
    *,
    seed: int,
    on_iteration: OnIteration | None = None,
    tol: float = 0.02,
    quota: Quota | None = None,
    threads: int | None = None,
) -> ConditionalRun:
    """Finds exposure parameters that keep the mean P(A) of each stratum of θ at or below τ.

    As in delivery, K is looked up by the stratum of θ̂, so an examinee passes through several; each
    K[t, i] is moved by the most exposed stratum of true θ that gets a fair share of item i while
    θ̂ is in t.

    Args:
        bank: the items; a RankedBank saves ranking them again.
        tau: largest exposure rate in any stratum of θ, in (0, 1].
        n: examinees per stratum and iteration, spread evenly within the stratum.
        test_length: items per test.
        iters: most iterations.
        alpha: exponent of the update; less than 1 damps.
        strata: θ that bound the strata, shape (S + 1,); θ̂ beyond the ends counts with the last.
        theta_dist: population of the certificate.
        floor: least K.
        ceil: largest K (apart from those kept at 1).
        seed: decides every draw.
        on_iteration: called with each `Iteration`; returning False cancels.
        tol: stop as soon as every stratum's P(A) ≤ τ + tol.
        quota: topic → (fewest, most) items per test.
        threads: cores to use; None: all.

    Raises:
        InvalidParameterError: an argument is out of range.
        InfeasibleExposureError: no exposure parameters can meet τ.
    """
    check_search(n, iters, alpha, floor, ceil, tol)
    ranked = RankedBank.of(bank)
    edges = strata_edges(strata)
    if edges.size < 2:
        raise InvalidParameterError(f"strata are {strata!r}: give at least two bounds")
    shape = (edges.size - 1, len(ranked))
    plain = ExposureControl.of(ranked, np.ones(shape), edges=edges[1:-1], quota=quota)
    check_length(ranked, plain, test_length, np.ones(len(ranked), bool))
    check_feasible(ranked, CapPolicy.of(ranked, tau), plain, test_length)
    population = Population.of(theta_dist)
    setting = _Setting(ranked, plain, edges, tau, test_length, n, seed, checked_threads(threads))
    sh_p, history, reason = _search(setting, alpha, floor, ceil, iters, tol, on_iteration)
    control = plain.with_sh_p(sh_p)
    check = setting.simulated(sh_p, _CHECK_STREAM).conditional
    count = np.rint(check * n).astype(np.int64)
    certificate = None
    if reason != "canceled":
        certificate = certify(
            ranked,
            control,
            np.full(len(ranked), tau),
            population,
            test_length,
            max(n, CERTIFICATE_N),
            derived_seed(seed, CERTIFICATE_STREAM),
            threads=threads,
        )
    return ConditionalRun(
        control=control,
        sh_p=sh_p,
        strata=edges,
        history=history,
        converged=reason == "converged",
        stopped_reason=reason,
        administered=check,
        max_exposure=check.max(axis=1),
        max_exposure_upper=float(upper_bounds(count.ravel(), n, 0.95).max()),
        certificate=certificate,
    )


@dataclass(frozen=True, eq=False)
class _Setting:
    ranked: RankedBank
    plain: ExposureControl
    edges: FloatArray
    tau: float
    test_length: int
    n: int
    seed: int
    threads: int

    def simulated(self, sh_p: FloatArray, number: int) -> _Rates:
        strata, items = sh_p.shape
        seed = derived_seed(self.seed, number)
        within = (np.arange(self.n) + 0.5) / self.n
        theta = (self.edges[:-1, None] + np.diff(self.edges)[:, None] * within).ravel()
        people = Examinees(theta, 0, np.repeat(np.arange(strata), self.n), self.edges[1:-1])
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
                False,
                closed,
                self.test_length,
                tally,
                record,
                stride=strata,
            )
            return tally

        parts = over_cores(part, 0, theta.size, self.threads)
        count = sum(tally.administered for tally in parts)
        sums = sum(tally.sums for tally in parts).sum(axis=0) / FIXED_POINT / theta.size
        total = count.sum(axis=0).astype(float)
        pairs = theta.size * (theta.size - 1) * self.test_length
        return _Rates(
            by_level=count.reshape(strata, strata, items) / self.n,
            overlap=float((total * (total - 1)).sum() / max(pairs, 1)),
            rmse=float(np.sqrt(sums[2])),
            bias=float(sums[1]),
        )

    def noise(self) -> float:
        """Excess over τ that two simulations' binomial noise alone would show."""
        z = -ndtri(0.5 / self.plain.sh_p.size)
        return float(z * np.sqrt(2 * self.tau * (1 - self.tau) / self.n))


def _search(
    setting: _Setting,
    alpha: float,
    floor: float,
    ceil: float,
    iters: int,
    tol: float,
    on_iteration: OnIteration | None,
) -> tuple[FloatArray, tuple[Iteration, ...], StoppedReason]:
    history: list[Iteration] = []
    sh_p: FloatArray = np.full(setting.plain.sh_p.shape, ceil)
    best, least, settled = sh_p, np.inf, 0
    for number in range(1, iters + 1):
        for row in sh_p:
            row[:] = completable(row, setting.ranked, setting.plain, setting.test_length)
        rates = setting.simulated(sh_p, number)
        entry = _iteration(rates, setting.tau, number, iters, alpha / (1 + settled))
        history.append(entry)
        if entry.max_over <= least:
            best, least = sh_p, entry.max_over
        if on_iteration is not None and on_iteration(entry) is False:
            return best, tuple(history), "canceled"
        if entry.max_over <= (tol if settled >= SETTLED else 0.0):
            return best, tuple(history), "converged"
        settled += int(settled > 0 or entry.max_over <= setting.noise())
        sh_p = _moved(sh_p, rates.by_level, setting.tau, entry.gain, floor, ceil)
    return best, tuple(history), "max_iterations"


def _moved(
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


def _iteration(rates: _Rates, tau: float, number: int, total: int, gain: float) -> Iteration:
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
