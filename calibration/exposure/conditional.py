"""Exposure parameters by stratum of θ: no item is over-used at any level of ability.

Sympson–Hetter caps the rate over the whole population; among able examinees alone an item may still
reach nearly all. Stocking & Lewis (1998) condition on θ: here on strata of it. What is bounded is
the mean rate of each stratum; at a single θ inside it, or beyond the outermost, a rate may be
higher.

What never lives here: the selection rule, which looks the stratum of θ̂ up (calibration.cat).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray
from calibration.bank import ItemBank
from calibration.cat.control import Quota
from calibration.cat.population import Population
from calibration.cat.ranking import RankedBank
from calibration.cat.rules import SelectionRule
from calibration.exposure.by_theta import (
    STRATA,
    ConditionalRun,
    Setting,
    iteration_of_rates,
    moved,
)
from calibration.exposure.progress import Iteration, OnIteration, StoppedReason, check_search
from calibration.exposure.sympson_hetter import SETTLED
from calibration.exposure.update import completable


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
    rule: SelectionRule | str | None = None,
    certificate_n: int | None = None,
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
        rule: selection rule or its name; None: the ranked bank's own, or maximum information.
        certificate_n: examinees of the certificate; None: the larger of n and 40,000.
        threads: cores to use; None: all.

    Raises:
        InvalidParameterError: an argument is out of range.
        InfeasibleExposureError: no exposure parameters can meet τ.
    """
    check_search(n, iters, alpha, floor, ceil, tol)
    ranked = RankedBank.of(bank, rule=rule)
    setting = Setting.of(ranked, tau, test_length, strata, quota, n, seed, threads)
    population = Population.of(theta_dist)
    sh_p, history, reason = _search(setting, alpha, floor, ceil, iters, tol, on_iteration)
    return setting.outcome(sh_p, history, population, reason, certificate_n=certificate_n)


def _search(
    setting: Setting,
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
        entry = iteration_of_rates(rates, setting.tau, number, iters, alpha / (1 + settled))
        history.append(entry)
        if entry.max_over <= least:
            best, least = sh_p, entry.max_over
        if on_iteration is not None and on_iteration(entry) is False:
            return best, tuple(history), "canceled"
        if entry.max_over <= (tol if settled >= SETTLED else 0.0):
            return best, tuple(history), "converged"
        settled += int(settled > 0 or entry.max_over <= setting.noise())
        sh_p = moved(sh_p, rates.by_level, setting.tau, entry.gain, floor, ceil)
    return best, tuple(history), "max_iterations"
