"""Restriction: items given too often are closed to the examinees that follow, by running counts.

It needs no parameters and no search: whoever delivers by it counts. The state goes from batch to
batch, so a pass is one run; within a batch the closed items are the same for all, so the result
does not depend on threads.

What never lives here: the selection rule, whose items are closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import BoolArray, FloatArray
from calibration.bank import ItemBank
from calibration.cat.control import ExposureControl, Quota
from calibration.cat.population import Population
from calibration.cat.ranking import RankedBank
from calibration.cat.results import Simulation, SimulationSums
from calibration.cat.rules import SelectionRule
from calibration.cat.simulation import STRATA, draw_examinees, run, strata_edges
from calibration.errors import InvalidParameterError
from calibration.exposure.caps import feasible_caps
from calibration.exposure.progress import check_search
from calibration.exposure.update import completable


@dataclass(frozen=True, eq=False)
class RestrictedRun:
    """Outcome of a pass.

    Attributes:
        simulation: rates over all examinees of the pass; P(A) ≤ cap + batch/n where the open items
            always filled the test.
        cap: r of each item, shape (J,).
        closed: items that would be closed to the next examinee, shape (J,).
    """

    simulation: Simulation
    cap: FloatArray
    closed: BoolArray


def restricted(
    bank: ItemBank | RankedBank,
    tau: float = 0.2,
    n: int = 40_000,
    test_length: int = 25,
    theta_dist: str | npt.ArrayLike | Population = "normal(0,1)",
    topic_tau: Mapping[int, float] | None = None,
    topic_weights: Mapping[int, float] | None = None,
    *,
    seed: int,
    batch: int = 100,
    quota: Quota | None = None,
    cap_topic: npt.ArrayLike | None = None,
    rule: SelectionRule | str | None = None,
    strata: npt.ArrayLike = STRATA,
    threads: int | None = 1,
) -> RestrictedRun:
    """Runs `n` examinees; an item that reached its cap is closed until its rate is below again.

    With the rule `Progressive` it is the progressive-restricted method of Revuelta & Ponsoda
    (1998), with its `target_se` that of Leroux, Lopez, Hembry & Dodd (2013).

    Args:
        bank: the items; a RankedBank saves ranking them again.
        tau: largest exposure rate, in (0, 1].
        n: examinees of the pass.
        test_length: items per test.
        theta_dist: population.
        topic_tau: topic → its cap; wins over the weights.
        topic_weights: topic → weight w; the topic's cap is τ·w/Σw.
        seed: decides every draw.
        batch: examinees between counts: those who sit at the same time, in delivery.
        quota: topic → (fewest, most) items per test.
        cap_topic: codes that the caps name, shape (J,), where they are others than the bank's.
        rule: selection rule or its name; None: the ranked bank's own, or maximum information.
        strata: true θ between the strata of the conditional results.
        threads: cores to use within a batch; None: all.

    Raises:
        InvalidParameterError: an argument is out of range.
        InfeasibleExposureError: the caps add up to less than a test.
    """
    check_search(n, 1, 1.0, 0.0, 1.0, 0.0)
    if isinstance(batch, bool) or not isinstance(batch, int | np.integer) or batch < 1:
        raise InvalidParameterError(f"batch is {batch!r}: give an integer ≥ 1")
    ranked = RankedBank.of(bank, rule=rule)
    population = Population.of(theta_dist)
    plain, cap = feasible_caps(ranked, test_length, quota, tau, topic_tau, topic_weights, cap_topic)
    edges = strata_edges(strata)
    sums = SimulationSums.empty(test_length, edges, len(ranked))
    closed = np.zeros(len(ranked), bool)
    for start in range(0, n, batch):
        people = draw_examinees(population, seed, start, min(start + batch, n), edges)
        part = run(
            ranked, plain, people, test_length, seed, known=False, closed=closed, threads=threads
        )
        sums += part.sums
        closed = _closed(sums, cap, ranked, plain)
    return RestrictedRun(Simulation.of(sums), cap, closed)


def _closed(
    sums: SimulationSums, cap: FloatArray, ranked: RankedBank, plain: ExposureControl
) -> BoolArray:
    """Items at their cap, but for the least used that a test could not be filled without."""
    use = sums.administered / (cap * sums.examinees)
    score = np.where(use < 1, 1.0, -use)
    return completable(score, ranked, plain, sums.test_length) < 1
