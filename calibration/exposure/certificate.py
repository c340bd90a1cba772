"""The certificate: what exposure parameters do to examinees that had no part in finding them.

What never lives here: the search for the parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from calibration.arrays import FloatArray, IntArray
from calibration.cat.control import ExposureControl
from calibration.cat.population import Population
from calibration.cat.ranking import RankedBank
from calibration.cat.results import Simulation
from calibration.cat.simulation import STRATA, draw_examinees, run


@dataclass(frozen=True, eq=False)
class Certificate:
    """An independent simulation with and without control, on the same fresh examinees.

    It speaks of tests of this rule, length and quota, taken by this population; of others it says
    nothing. Without control is the rule alone: sh_p, or priority, 1.

    Attributes:
        rule: the selection rule, with its constants.
        population: of the examinees, as it is written.
        test_length: items per test.
        quota: topic code → (fewest, most) items per test, of the topics that are bounded.
        n: examinees.
        seed: of this simulation; derived from the run's, used by no iteration.
        confidence: of the simultaneous bounds.
        max_exposure: largest P(A).
        max_exposure_se: its standard error as a binomial rate.
        max_exposure_upper: bound that all true P(A) stay below together, with `confidence`
            (Clopper–Pearson by item, Bonferroni over the items).
        max_over: largest P(A) − cap.
        max_over_upper: the same with the bounds in place of the rates.
        overlap: test overlap.
        unused: share of the pool that nobody was given.
        forced: forced administrations per examinee.
        rmse: of θ̂, with control.
        bias: of θ̂, with control.
        max_exposure_before: largest P(A) without control.
        overlap_before: overlap without control.
        unused_before: share of the pool unused without control.
        rmse_before: RMSE without control; rmse − rmse_before is the price in precision.
        bias_before: bias without control.
        strata: θ between the strata of the next three, shape (B − 1,).
        se: conditional standard error of θ̂ by stratum of θ, shape (B,).
        se_before: the same without control.
        administered: P(A), shape (J,).
    """

    rule: str
    population: str
    test_length: int
    quota: dict[int, tuple[int, int]]
    n: int
    seed: int
    confidence: float
    max_exposure: float
    max_exposure_se: float
    max_exposure_upper: float
    max_over: float
    max_over_upper: float
    overlap: float
    unused: float
    forced: float
    rmse: float
    bias: float
    max_exposure_before: float
    overlap_before: float
    unused_before: float
    rmse_before: float
    bias_before: float
    strata: FloatArray
    se: FloatArray
    se_before: FloatArray
    administered: FloatArray


def upper_bounds(count: IntArray, n: int, confidence: float) -> FloatArray:
    """Upper bounds of binomial rates that hold for all items together.

    Clopper & Pearson (1934) with Bonferroni's share of the error for each of the J items: valid
    however the items depend on one another.

    Args:
        count: examinees who got each item, shape (J,).
        n: examinees.
        confidence: that no bound is exceeded.

    Returns:
        shape (J,).
    """
    level = 1 - (1 - confidence) / count.size
    below = count < n
    bound = betaincinv(count + 1.0, np.where(below, n - count, 1), level)
    return np.asarray(np.where(below, bound, 1.0))


def certify(
    ranked: RankedBank,
    control: ExposureControl,
    cap: FloatArray,
    population: Population,
    test_length: int,
    n: int,
    seed: int,
    confidence: float = 0.95,
    threads: int | None = None,
    free: RankedBank | None = None,
) -> Certificate:
    """Simulates `n` fresh examinees with and without exposure control.

    Args:
        ranked: the bank.
        control: exposure parameters and quota under test.
        cap: r of each item, shape (J,).
        population: of the examinees.
        test_length: items per test.
        n: examinees.
        seed: fresh: no iteration of the search may have used it.
        confidence: of the simultaneous bounds.
        threads: cores to use; None: all.
        free: the bank without control, where that is another order of it; None: `ranked`.
    """
    people = draw_examinees(population, seed, 0, n, np.array(STRATA))
    plain = control.with_sh_p(np.ones(len(ranked)))
    closed = np.zeros(len(ranked), bool)

    def simulated(order: RankedBank, with_control: ExposureControl) -> Simulation:
        return run(
            order,
            with_control,
            people,
            test_length,
            seed,
            known=False,
            closed=closed,
            threads=threads,
        )

    before, after = simulated(free or ranked, plain), simulated(ranked, control)
    return certificate_of(ranked, control, cap, population, before, after, seed, confidence)


def certificate_of(
    ranked: RankedBank,
    control: ExposureControl,
    cap: FloatArray,
    population: Population,
    before: Simulation,
    after: Simulation,
    seed: int,
    confidence: float = 0.95,
) -> Certificate:
    """The certificate that two simulations of equally many fresh examinees give.

    Args:
        ranked: the bank.
        control: with the quota.
        cap: r of each item, shape (J,).
        population: of the examinees.
        before: without control.
        after: with it.
        seed: of both.
        confidence: of the simultaneous bounds.
    """
    n, test_length = after.sums.examinees, after.sums.test_length
    upper = upper_bounds(after.sums.administered, n, confidence)
    largest = float(after.administered.max())
    return Certificate(
        rule=str(ranked.rule) if ranked.priority is None else f"{ranked.rule} by priority",
        population=str(population),
        test_length=test_length,
        quota=control.quota(ranked),
        n=n,
        seed=seed,
        confidence=confidence,
        max_exposure=largest,
        max_exposure_se=float(np.sqrt(largest * (1 - largest) / n)),
        max_exposure_upper=float(upper.max()),
        max_over=float((after.administered - cap).max()),
        max_over_upper=float((upper - cap).max()),
        overlap=after.overlap,
        unused=after.unused,
        forced=after.forced,
        rmse=after.rmse,
        bias=after.bias,
        max_exposure_before=float(before.administered.max()),
        overlap_before=before.overlap,
        unused_before=before.unused,
        rmse_before=before.rmse,
        bias_before=before.bias,
        strata=after.sums.edges,
        se=after.conditional.se,
        se_before=before.conditional.se,
        administered=after.administered,
    )
