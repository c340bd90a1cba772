"""Restriction: items given too often are closed to the examinees that follow, by running counts.

It needs no parameters and no search: whoever delivers by it counts, and asks `closed_items`. The
state goes from batch to batch, so a pass is one run; within a batch the closed items are the same
for all, so the result does not depend on threads.

What never lives here: the selection rule, whose items are closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

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
from calibration.exposure.certificate import Certificate, certificate_of
from calibration.exposure.progress import (
    Iteration,
    OnIteration,
    StoppedReason,
    check_search,
    iteration_of,
)
from calibration.exposure.update import completable

REPORTS = 20
BATCH = 100


@dataclass(frozen=True, eq=False)
class RestrictedRun:
    """Outcome of a pass.

    Attributes:
        simulation: rates over all examinees of the pass; P(A) ≤ cap + batch/n where the open items
            always filled the test.
        cap: r of each item, shape (J,).
        closed: items that would be closed to the next examinee, shape (J,).
        history: rates of successive twentieths of the examinees.
        converged: whether every P(A) came within `tol` of its cap.
        stopped_reason: "converged", "max_iterations" or "canceled".
        certificate: the pass itself beside the rule alone, since nothing was found from it; None
            where it was not asked for, or when canceled. Restriction holds counts at their caps, so
            rates vary less than its binomial bounds allow for.
    """

    simulation: Simulation
    cap: FloatArray
    closed: BoolArray
    history: tuple[Iteration, ...]
    converged: bool
    stopped_reason: StoppedReason
    certificate: Certificate | None

    @property
    def parameters(self) -> FloatArray:
        """Probability of administering a selected item, shape (J,): 1, for none is held back."""
        return np.ones(self.cap.size)

    @property
    def administered(self) -> FloatArray:
        """P(A), shape (J,)."""
        return self.simulation.administered

    @property
    def max_over(self) -> float:
        """Largest P(A) − cap."""
        return float((self.administered - self.cap).max())


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
    batch: int = BATCH,
    on_iteration: OnIteration | None = None,
    tol: float = 0.01,
    quota: Quota | None = None,
    cap_topic: npt.ArrayLike | None = None,
    rule: SelectionRule | str | None = None,
    strata: npt.ArrayLike = STRATA,
    certificate: bool = False,
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
        on_iteration: called for each twentieth of the pass; returning False cancels.
        tol: `converged` says whether every P(A) is ≤ cap + tol.
        quota: topic → (fewest, most) items per test.
        cap_topic: codes that the caps name, shape (J,), where they are others than the bank's.
        rule: selection rule or its name; None: the ranked bank's own, or maximum information.
        strata: true θ between the strata of the conditional results.
        certificate: whether to simulate the rule alone as well, for a certificate.
        threads: cores to use within a batch; None: all.

    Raises:
        InvalidParameterError: an argument is out of range.
        InfeasibleExposureError: the caps add up to less than a test.
    """
    check_search(n, 1, 1.0, 0.0, 1.0, tol)
    if isinstance(batch, bool) or not isinstance(batch, int | np.integer) or batch < 1:
        raise InvalidParameterError(f"batch is {batch!r}: give an integer ≥ 1")
    ranked = RankedBank.of(bank, rule=rule)
    population = Population.of(theta_dist)
    plain, cap = feasible_caps(ranked, test_length, quota, tau, topic_tau, topic_weights, cap_topic)
    edges = strata_edges(strata)
    sums = SimulationSums.empty(test_length, edges, len(ranked))
    closed, history, canceled = np.zeros(len(ranked), bool), list[Iteration](), False
    # a report ends with a batch: batches are the same however many reports there are
    ends = np.unique(np.linspace(0, -(-n // batch), REPORTS + 1).astype(np.int64)) * batch

    def simulated(start: int, end: int, closed: BoolArray) -> Simulation:
        people = draw_examinees(population, seed, start, end, edges)
        return run(
            ranked,
            plain,
            people,
            test_length,
            seed,
            known=False,
            closed=closed,
            threads=threads,
        )

    for number, (low, high) in enumerate(pairwise(ends.tolist()), 1):
        since = SimulationSums.empty(test_length, edges, len(ranked))
        for start in range(low, high, batch):
            part = simulated(start, min(start + batch, n), closed)
            sums, since = sums + part.sums, since + part.sums
            closed = closed_items(
                sums.administered, sums.examinees, cap, ranked, plain, test_length
            )
        history.append(iteration_of(Simulation.of(since), cap, number, ends.size - 1, 1.0))
        if on_iteration is not None and on_iteration(history[-1]) is False:
            canceled = True
            break
    simulation, proof = Simulation.of(sums), None
    if certificate and not canceled:
        alone = simulated(0, n, np.zeros(len(ranked), bool))
        proof = certificate_of(ranked, plain, cap, population, alone, simulation, seed)
    over = float((simulation.administered - cap).max())
    ended: StoppedReason = "converged" if over <= tol else "max_iterations"
    return RestrictedRun(
        simulation,
        cap,
        closed,
        tuple(history),
        converged=over <= tol and not canceled,
        stopped_reason="canceled" if canceled else ended,
        certificate=proof,
    )


def closed_items(
    given: npt.ArrayLike,
    examinees: npt.ArrayLike,
    cap: FloatArray,
    ranked: RankedBank,
    control: ExposureControl,
    test_length: int,
    among: BoolArray | None = None,
) -> BoolArray:
    """Items at their cap, but for the least used that a test could not be filled without.

    Args:
        given: how often each item was given so far, shape (J,).
        examinees: to how many it could be given, shape (J,) or one number.
        cap: r of each item, shape (J,).
        ranked: the bank.
        control: with the quota.
        test_length: items per test.
        among: items that may be given at all, shape (J,); None: all.

    Returns:
        shape (J,); nothing is closed before somebody was given anything.
    """
    people = np.broadcast_to(np.asarray(examinees, np.float64), cap.shape)
    use = np.divide(given, cap * people, out=np.zeros(cap.size), where=people > 0)
    if not use.any():
        return np.zeros(cap.size, bool)
    score = np.where(use < 1, 1.0, -use)
    if among is not None:
        score = np.where(among, score, -np.inf)
    closed = completable(score, ranked, control, test_length) < 1
    return closed if among is None else closed & among
