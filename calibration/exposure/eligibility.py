"""Item eligibility: exposure control that learns as it goes, with no iterations.

Each examinee finds an item eligible with probability P(E); P(E) ← min(1, r·P(E)/P(A)) is kept up to
date from the examinees so far (van der Linden & Veldkamp 2004). Whether eligibility is drawn before
the test or when the item is about to be selected is the same thing, so the selection rule is the
one of Sympson–Hetter with sh_p = P(E). While it adapts, P(E) swings around the value that keeps an
item at its cap; what is to be held fixed is its mean (Polyak & Juditsky 1992).

What never lives here: the selection rule, the nightly update from real sessions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from calibration.arrays import FloatArray
from calibration.bank import ItemBank
from calibration.cat.control import ExposureControl, Quota
from calibration.cat.population import Population, derived_seed
from calibration.cat.ranking import RankedBank
from calibration.cat.results import Simulation, SimulationSums
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
from calibration.exposure.update import completable, updated

REPORTS = 20
YOUNG = 4
"""The counts remember this part of the pass so far at most."""
PASS = 10
"""Examinees of the pass for each one of a Sympson–Hetter iteration, where both are asked for."""


@dataclass(frozen=True, eq=False)
class EligibilityResult:
    """Outcome of a pass of item eligibility.

    Attributes:
        sh_p: mean P(E) of the second half of the pass, what is to be held fixed, shape (J,).
        latest: P(E) after the last examinee, where it goes on from as more come, shape (J,).
        cap: r of each item, shape (J,).
        history: rates of successive twentieths of the examinees.
        administered: P(A) over the second half of the pass, shape (J,).
        converged: whether every P(A) of the certificate came within `tol` of its cap.
        stopped_reason: "converged", "max_iterations" or "canceled".
        certificate: an independent check of `sh_p` held fixed; None when canceled.
    """

    sh_p: FloatArray
    latest: FloatArray
    cap: FloatArray
    history: tuple[Iteration, ...]
    administered: FloatArray
    converged: bool
    stopped_reason: StoppedReason
    certificate: Certificate | None

    @property
    def parameters(self) -> FloatArray:
        """What delivery is to apply, shape (J,): P(E)."""
        return self.sh_p

    @property
    def max_over(self) -> float:
        """Largest P(A) − cap of the certificate; of the pass when canceled."""
        proof = self.certificate
        rates = self.administered if proof is None else proof.administered
        return float((rates - self.cap).max())


def item_eligibility(
    bank: ItemBank | RankedBank,
    tau: float = 0.2,
    n: int = 40_000,
    test_length: int = 25,
    theta_dist: str | npt.ArrayLike | Population = "normal(0,1)",
    floor: float = 0.02,
    ceil: float = 1.0,
    topic_tau: Mapping[int, float] | None = None,
    topic_weights: Mapping[int, float] | None = None,
    *,
    seed: int,
    batch: int = 100,
    memory: float = 5_000.0,
    on_iteration: OnIteration | None = None,
    tol: float = 0.01,
    quota: Quota | None = None,
    cap_topic: npt.ArrayLike | None = None,
    rule: SelectionRule | str | None = None,
    certificate_n: int | None = None,
    threads: int | None = None,
) -> EligibilityResult:
    """Runs `n` examinees once, adapting eligibility after each batch.

    Args:
        bank: the items; a RankedBank saves ranking them again.
        tau: largest exposure rate, in (0, 1].
        n: examinees of the pass.
        test_length: items per test.
        theta_dist: population.
        floor: least P(E).
        ceil: largest P(E).
        topic_tau: topic → its cap; wins over the weights.
        topic_weights: topic → weight w; the topic's cap is τ·w/Σw.
        seed: decides every draw.
        batch: examinees between updates.
        memory: examinees that the faded counts remember; 1/memory is 1 − the fading factor.
        on_iteration: called for each twentieth of the pass; returning False cancels.
        tol: `converged` says whether every P(A) of the certificate is ≤ cap + tol.
        quota: topic → (fewest, most) items per test.
        cap_topic: codes that the caps name, shape (J,), where they are others than the bank's.
        rule: selection rule or its name; None: the ranked bank's own, or maximum information.
        certificate_n: examinees of the certificate; None: the larger of n and 40,000.
        threads: cores of the certificate; None: all.

    Raises:
        InvalidParameterError: an argument is out of range.
        InfeasibleExposureError: no exposure parameters can meet the caps.
    """
    check_search(n, 1, 1.0, floor, ceil, tol)
    if batch < 1 or not memory >= batch:
        raise InvalidParameterError(f"batch is {batch}, memory {memory}: give 1 ≤ batch ≤ memory")
    ranked = RankedBank.of(bank, rule=rule)
    population = Population.of(theta_dist)
    plain, cap = feasible_caps(ranked, test_length, quota, tau, topic_tau, topic_weights, cap_topic)
    stream = _Pass(ranked, plain, population, cap, test_length, seed, floor, ceil)
    history, canceled = stream.run(n, batch, memory, on_iteration)
    certificate, sh_p = None, stream.mean
    if not canceled:
        certificate = certify(
            ranked,
            plain.with_sh_p(sh_p),
            cap,
            population,
            test_length,
            certificate_n or max(n, CERTIFICATE_N),
            derived_seed(seed, CERTIFICATE_STREAM),
            threads=threads,
        )
    converged = certificate is not None and certificate.max_over <= tol
    ended: StoppedReason = "converged" if converged else "max_iterations"
    return EligibilityResult(
        sh_p=sh_p,
        latest=stream.sh_p,
        cap=cap,
        history=history,
        administered=stream.late.administered / max(stream.late.examinees, 1),
        converged=converged,
        stopped_reason="canceled" if canceled else ended,
        certificate=certificate,
    )


class _Pass:
    """The examinees one batch after another; P(E) is the state between them."""

    def __init__(
        self,
        ranked: RankedBank,
        plain: ExposureControl,
        population: Population,
        cap: FloatArray,
        test_length: int,
        seed: int,
        floor: float,
        ceil: float,
    ) -> None:
        self.ranked, self.plain, self.population, self.cap = ranked, plain, population, cap
        self.test_length, self.seed, self.floor, self.ceil = test_length, seed, floor, ceil
        self.sh_p = np.full(cap.size, ceil)
        self.eligible = np.zeros(cap.size)
        self.given = np.zeros(cap.size)
        self.late = SimulationSums.empty(test_length, np.empty(0), cap.size)
        self.total = np.zeros(cap.size)

    @property
    def mean(self) -> FloatArray:
        """P(E) over the second half of the pass, with a test's length of items at 1."""
        if not self.late.examinees:
            return self.sh_p
        wanted = self.total / self.late.examinees
        return completable(wanted, self.ranked, self.plain, self.test_length)

    def run(
        self, n: int, batch: int, memory: float, on_iteration: OnIteration | None
    ) -> tuple[tuple[Iteration, ...], bool]:
        history: list[Iteration] = []
        bounds = np.linspace(0, n, REPORTS + 1).astype(np.int64)
        for number, (low, high) in enumerate(pairwise(bounds.tolist()), 1):
            if high == low:
                continue
            sums = SimulationSums.empty(self.test_length, np.empty(0), self.cap.size)
            for start in range(low, high, batch):
                stop = min(start + batch, high)
                sums += self.step(start, stop, memory)
                if number > REPORTS // 2:
                    self.total += (stop - start) * self.applied
            if number > REPORTS // 2:
                self.late += sums
            entry = iteration_of(Simulation.of(sums), self.cap, number, REPORTS, 1.0)
            history.append(entry)
            if on_iteration is not None and on_iteration(entry) is False:
                return tuple(history), True
        return tuple(history), False

    def step(self, start: int, stop: int, memory: float) -> SimulationSums:
        """One batch; then P(E) ← r·ε/α, ε and α the faded counts of eligible and administered."""
        self.applied = completable(self.sh_p, self.ranked, self.plain, self.test_length)
        people = draw_examinees(self.population, self.seed, start, stop, np.empty(0))
        closed = np.zeros(self.cap.size, bool)
        control = self.plain.with_sh_p(self.applied)
        sums = run(
            self.ranked,
            control,
            people,
            self.test_length,
            self.seed,
            known=False,
            closed=closed,
            threads=1,
        ).sums
        # the first examinees met other P(E): they are forgotten sooner
        remembered = min(memory, max(start / YOUNG, float(stop - start)))
        kept = (1 - 1 / remembered) ** (stop - start)
        self.eligible = kept * self.eligible + (stop - start) * self.applied
        self.given = kept * self.given + sums.administered
        everyone = np.divide(
            self.given, self.eligible, out=np.zeros_like(self.given), where=self.eligible > 0
        )
        self.sh_p = updated(np.ones_like(self.cap), everyone, self.cap, 1.0, self.floor, self.ceil)
        return sums
