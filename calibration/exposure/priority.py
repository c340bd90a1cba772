"""Priorities: exposure control that makes an item less wanted the more it is used.

Cheng & Chang (2009) multiply an item's information by what is left of its exposure, (R − n/N)/R.
There n/N is counted as tests are given; here the priorities that agree with the rates they lead to
are found by simulation, so that delivery applies fixed numbers and a certificate can be given, and
R is found with them: as large as leaves the largest rate at its cap. Where Sympson–Hetter turns
selections down at random, a priority lets the next best item pass.

What never lives here: the selection rule, which ranks by priority times information.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray, check_numbers
from calibration.bank import ItemBank
from calibration.cat.control import ExposureControl, Quota
from calibration.cat.population import Population, as_seed, derived_seed
from calibration.cat.ranking import RankedBank
from calibration.cat.rules import SelectionRule
from calibration.cat.simulation import draw_examinees, run
from calibration.errors import InvalidParameterError
from calibration.exposure.caps import feasible_caps
from calibration.exposure.certificate import Certificate, certify
from calibration.exposure.progress import (
    Iteration,
    OnIteration,
    StoppedReason,
    check_search,
    iteration_of,
)
from calibration.exposure.sympson_hetter import CERTIFICATE_N, CERTIFICATE_STREAM
from calibration.exposure.update import completable

GAIN, SETTLING = 0.1, 10
"""Weight of the k-th iteration in a rate's moving mean is GAIN/(1 + k/SETTLING) (Robbins & Monro
1951): with a constant weight of 0.1, items swing between too wanted and forgotten."""
STRETCHING = 2.0


@dataclass(frozen=True, eq=False)
class PriorityRun:
    """Outcome of a search for priorities.

    Attributes:
        priority: of each item, shape (J,), in [floor, 1].
        ranked: the bank in the order of priority times information, ready for `simulate`, `select`.
        cap: r of each item, shape (J,).
        history: one entry per iteration.
        administered: P(A) of the certificate, shape (J,); of the last iteration when canceled.
        converged: whether every P(A) there came within `tol` of its cap.
        stopped_reason: "converged", "max_iterations" or "canceled".
        certificate: an independent check; None when canceled.
    """

    priority: FloatArray
    ranked: RankedBank
    cap: FloatArray
    history: tuple[Iteration, ...]
    administered: FloatArray
    converged: bool
    stopped_reason: StoppedReason
    certificate: Certificate | None

    @property
    def parameters(self) -> FloatArray:
        """What delivery is to apply, shape (J,): the priorities."""
        return self.priority

    @property
    def max_over(self) -> float:
        """Largest P(A) − cap."""
        return float((self.administered - self.cap).max())


def priority_index(
    bank: ItemBank | RankedBank,
    tau: float = 0.2,
    n: int = 500,
    test_length: int = 25,
    iters: int = 200,
    theta_dist: str | npt.ArrayLike | Population = "normal(0,1)",
    floor: float = 0.02,
    exponent: float = 0.7,
    topic_tau: Mapping[int, float] | None = None,
    topic_weights: Mapping[int, float] | None = None,
    *,
    seed: int,
    on_iteration: OnIteration | None = None,
    tol: float = 0.01,
    quota: Quota | None = None,
    cap_topic: npt.ArrayLike | None = None,
    rule: SelectionRule | str | None = None,
    certificate_n: int | None = None,
    threads: int | None = None,
) -> PriorityRun:
    """Finds priorities (1 − P(A)/(s·r))^γ that lead to the very rates P(A) that they follow from.

    Each iteration simulates `n` fresh examinees under the priorities of the rates so far, a moving
    mean; s moves until the largest P(A)/r is 1. The rule must leave something to chance: by maximum
    information alone the first item is the same for everybody, whatever its priority.

    Args:
        bank: the items; a RankedBank saves ranking them for the first time.
        tau: largest exposure rate, in (0, 1].
        n: examinees per iteration.
        test_length: items per test.
        iters: iterations; the priorities of the second half are averaged.
        theta_dist: population.
        floor: least priority.
        exponent: γ > 0; 1 is Cheng & Chang's, with less an item keeps more of its weight until it
            is near its cap, which costs less precision and evens out less.
        topic_tau: topic → its cap; wins over the weights.
        topic_weights: topic → weight w; the topic's cap is τ·w/Σw.
        seed: decides every draw.
        on_iteration: called with each `Iteration`; returning False cancels.
        tol: `converged` says whether every P(A) of the certificate is ≤ cap + tol.
        quota: topic → (fewest, most) items per test.
        cap_topic: codes that the caps name, shape (J,), where they are others than the bank's.
        rule: selection rule or its name, of those by information; None: the ranked bank's own, or
            maximum information.
        certificate_n: examinees of the certificate; None: 40,000.
        threads: cores to use; None: all.

    Raises:
        InvalidParameterError: an argument is out of range, or the rule goes by no information.
        InfeasibleExposureError: no exposure parameters can meet the caps.
    """
    check_search(n, iters, 1.0, floor, 1.0, tol)
    check_numbers(exponent=exponent)
    if not (np.isfinite(exponent) and exponent > 0):
        raise InvalidParameterError(f"exponent is {exponent}: give a finite value > 0")
    as_seed(seed)
    free = RankedBank.of(bank, rule=rule)
    population = Population.of(theta_dist)
    plain, cap = feasible_caps(free, test_length, quota, tau, topic_tau, topic_weights, cap_topic)
    rates, stretch = np.full(len(free), test_length / len(free)), 1.0
    total, kept, history = np.zeros(len(free)), 0, list[Iteration]()
    for number in range(1, iters + 1):
        priority = _priority(rates, stretch * cap, floor, exponent, free, plain, test_length)
        ranked = free.under(free.rule, threads, priority=priority)
        part = derived_seed(seed, number)
        people = draw_examinees(population, part, 0, n, np.empty(0))
        nobody = np.zeros(len(free), bool)
        sim = run(
            ranked, plain, people, test_length, part, known=False, closed=nobody, threads=threads
        )
        gain = GAIN / (1 + number / SETTLING)
        rates = rates + gain * (sim.administered - rates)
        if 4 * number > iters:  # before, the rates are still those of the start
            stretch *= float((rates / cap).max()) ** (-STRETCHING * gain)
        if 2 * number > iters:
            total, kept = total + rates / stretch, kept + 1
        history.append(iteration_of(sim, cap, number, iters, gain))
        if on_iteration is not None and on_iteration(history[-1]) is False:
            return PriorityRun(
                priority,
                ranked,
                cap,
                tuple(history),
                sim.administered,
                converged=False,
                stopped_reason="canceled",
                certificate=None,
            )
    priority = _priority(total / kept, cap, floor, exponent, free, plain, test_length)
    ranked = free.under(free.rule, threads, priority=priority)
    proof = certify(
        ranked,
        plain,
        cap,
        population,
        test_length,
        certificate_n or CERTIFICATE_N,
        derived_seed(seed, CERTIFICATE_STREAM),
        threads=threads,
        free=free,
    )
    converged = proof.max_over <= tol
    return PriorityRun(
        priority=priority,
        ranked=ranked,
        cap=cap,
        history=tuple(history),
        administered=proof.administered,
        converged=converged,
        stopped_reason="converged" if converged else "max_iterations",
        certificate=proof,
    )


def _priority(
    rates: FloatArray,
    cap: FloatArray,
    floor: float,
    exponent: float,
    ranked: RankedBank,
    plain: ExposureControl,
    test_length: int,
) -> FloatArray:
    """(1 − rate/cap)^γ, and 1 for a test's length of the least used, as K has it."""
    wanted = np.maximum(np.maximum(1.0 - rates / cap, 0.0) ** exponent, floor)
    return completable(wanted, ranked, plain, test_length)
