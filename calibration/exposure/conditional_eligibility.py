"""Item eligibility by θ: conditional exposure control that learns as it goes.

P(E) of an item has one value a stratum of θ (van der Linden & Veldkamp 2007), kept up to date from
the examinees so far. As there, it is looked up by the stratum of θ̂.

What never lives here: the selection rule, the conditional search by iterations (``conditional``).
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
from calibration.errors import InvalidParameterError
from calibration.exposure.by_theta import (
    STRATA,
    ConditionalRun,
    Rates,
    Setting,
    iteration_of_rates,
    moved,
)
from calibration.exposure.progress import Iteration, OnIteration, check_search
from calibration.exposure.update import completable

REPORTS = 20


def item_eligibility_by_theta(
    bank: ItemBank | RankedBank,
    tau: float = 0.2,
    n: int = 20_000,
    test_length: int = 25,
    strata: npt.ArrayLike = STRATA,
    theta_dist: str | npt.ArrayLike | Population = "normal(0,1)",
    floor: float = 0.02,
    ceil: float = 1.0,
    *,
    seed: int,
    batch: int = 20,
    memory: float = 5_000.0,
    tol: float = 0.02,
    on_iteration: OnIteration | None = None,
    quota: Quota | None = None,
    rule: SelectionRule | str | None = None,
    certificate_n: int | None = None,
    threads: int | None = None,
) -> ConditionalRun:
    """Runs `n` examinees of each stratum once, adapting eligibility after each batch.

    P(E)[t, i] ← r·ε/α, ε the faded mean of P(E)[t, i] and α the faded rate of item i in the most
    exposed stratum of true θ that gets a fair share of it while θ̂ is in t.

    Args:
        bank: the items; a RankedBank saves ranking them again.
        tau: largest exposure rate in any stratum of θ, in (0, 1].
        n: examinees per stratum, spread evenly within it.
        test_length: items per test.
        strata: θ that bound the strata, shape (S + 1,); θ̂ beyond the ends counts with the last.
        theta_dist: population of the certificate.
        floor: least P(E).
        ceil: largest P(E).
        seed: decides every draw.
        batch: examinees per stratum between updates.
        memory: examinees per stratum that the faded counts remember.
        tol: `converged` says whether every stratum's rate of fresh examinees is ≤ τ + tol.
        on_iteration: called for each twentieth of the pass; returning False cancels.
        quota: topic → (fewest, most) items per test.
        rule: selection rule or its name; None: the ranked bank's own, or maximum information.
        certificate_n: examinees of the certificate; None: the larger of n and 40,000.
        threads: cores of the checks; None: all.

    Raises:
        InvalidParameterError: an argument is out of range.
        InfeasibleExposureError: no exposure parameters can meet τ.
    """
    check_search(n, 1, 1.0, floor, ceil, tol)
    if batch < 1 or not memory >= batch:
        raise InvalidParameterError(f"batch is {batch}, memory {memory}: give 1 ≤ batch ≤ memory")
    ranked = RankedBank.of(bank, rule=rule)
    setting = Setting.of(ranked, tau, test_length, strata, quota, n, seed, threads)
    sh_p, history, canceled = _passed(setting, n, batch, memory, floor, ceil, on_iteration)
    return setting.outcome(
        sh_p,
        history,
        Population.of(theta_dist),
        "canceled" if canceled else "max_iterations",
        tol=tol,
        certificate_n=certificate_n,
    )


def _passed(
    setting: Setting,
    n: int,
    batch: int,
    memory: float,
    floor: float,
    ceil: float,
    on_iteration: OnIteration | None,
) -> tuple[FloatArray, tuple[Iteration, ...], bool]:
    shape = setting.plain.sh_p.shape
    sh_p = np.full(shape, ceil)
    eligible, given, weight = np.zeros(shape), np.zeros((shape[0], *shape)), 0.0
    history: list[Iteration] = []
    batches = -(-n // batch)
    kept = (1 - 1 / memory) ** batch
    for number in range(1, batches + 1):
        for row in sh_p:
            row[:] = completable(row, setting.ranked, setting.plain, setting.test_length)
        rates = setting.simulated(sh_p, number, batch, threads=1)
        eligible = kept * eligible + sh_p
        given = kept * given + rates.by_level
        weight = kept * weight + 1
        faded = given / weight
        if number * REPORTS // batches > (number - 1) * REPORTS // batches:
            seen = Rates(faded, rates.overlap, rates.rmse, rates.bias)
            entry = iteration_of_rates(seen, setting.tau, number * REPORTS // batches, REPORTS, 1.0)
            history.append(entry)
            if on_iteration is not None and on_iteration(entry) is False:
                return sh_p, tuple(history), True
        sh_p = moved(eligible / weight, faded, setting.tau, 1.0, floor, ceil)
    return sh_p, tuple(history), False
