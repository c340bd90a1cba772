"""Sympson–Hetter: exposure parameters by repeated simulation.

What never lives here: the selection rule (calibration.cat), caps, the update formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from calibration.arrays import FloatArray
from calibration.bank import ItemBank
from calibration.cat.control import ExposureControl, Quota
from calibration.cat.population import Population, as_seed, derived_seed
from calibration.cat.ranking import RankedBank
from calibration.cat.results import Simulation
from calibration.cat.rules import SelectionRule
from calibration.cat.simulation import draw_examinees, run
from calibration.exposure.caps import feasible_caps
from calibration.exposure.certificate import Certificate, certify
from calibration.exposure.progress import (
    Iteration,
    OnIteration,
    StoppedReason,
    check_search,
    iteration_of,
)
from calibration.exposure.update import completable, updated

CERTIFICATE_N = 40_000
SETTLED = 3  # updates averaged before `tol` may end a run: a lucky simulation is not convergence
CERTIFICATE_STREAM = 0xCE47


@dataclass(frozen=True, eq=False)
class SympsonHetterRun:
    """Outcome of a Sympson–Hetter run.

    Attributes:
        sh_p: K, shape (J,): the very parameters that produced the rates of `best`.
        cap: r of each item, shape (J,).
        history: one entry per iteration.
        best: the iteration whose parameters are returned, the one with the least `max_over`.
        administered: P(A) in that iteration, shape (J,).
        selected: P(S) in that iteration, shape (J,).
        converged: whether every P(A) came within `tol` of its cap.
        stopped_reason: "converged", "max_iterations" or "canceled".
        certificate: an independent check; None when canceled.
    """

    sh_p: FloatArray
    cap: FloatArray
    history: tuple[Iteration, ...]
    best: Iteration
    administered: FloatArray
    selected: FloatArray
    converged: bool
    stopped_reason: StoppedReason
    certificate: Certificate | None

    @property
    def parameters(self) -> FloatArray:
        """What delivery is to apply, shape (J,): K."""
        return self.sh_p

    @property
    def max_over(self) -> float:
        """Largest P(A) − cap in the iteration whose parameters are returned."""
        return self.best.max_over


def sympson_hetter(
    bank: ItemBank | RankedBank,
    tau: float = 0.2,
    n: int = 10_000,
    test_length: int = 25,
    iters: int = 25,
    alpha: float = 1.0,
    theta_dist: str | npt.ArrayLike | Population = "normal(0,1)",
    floor: float = 0.02,
    ceil: float = 1.0,
    topic_tau: Mapping[int, float] | None = None,
    topic_weights: Mapping[int, float] | None = None,
    *,
    seed: int,
    on_iteration: OnIteration | None = None,
    tol: float = 0.01,
    quota: Quota | None = None,
    cap_topic: npt.ArrayLike | None = None,
    rule: SelectionRule | str | None = None,
    settle: bool = True,
    certificate_n: int | None = None,
    threads: int | None = None,
) -> SympsonHetterRun:
    """Finds exposure parameters under which no item is given to more than its share of examinees.

    Each iteration simulates `n` fresh examinees, and takes K to clip(K·(r/(K·P(S)))^α, floor, ceil)
    (Sympson & Hetter 1985; Barrada, Olea & Ponsoda 2007, Eq. 1–3); the largest K are kept at 1 so
    that every examinee can complete the test.

    Args:
        bank: the items; a RankedBank saves ranking them again, and sets nodes and prior.
        tau: largest exposure rate, in (0, 1].
        n: examinees per iteration.
        test_length: items per test.
        iters: most iterations.
        alpha: exponent of the update; 1 is Sympson–Hetter, less damps.
        theta_dist: population: "normal(0,1)", "normal0,1", "uniform(-2,2)", or an array of θ.
        floor: least K.
        ceil: largest K (apart from those kept at 1).
        topic_tau: topic → its cap; wins over the weights.
        topic_weights: topic → weight w; the topic's cap is τ·w/Σw.
        seed: decides every draw.
        on_iteration: called with each `Iteration`; returning False cancels.
        tol: stop as soon as every P(A) ≤ cap + tol. 0 runs all iterations in practice.
        quota: topic → (fewest, most) items per test.
        cap_topic: codes that `topic_tau` and `topic_weights` name, shape (J,), where they are
            others than the bank's topics, which the quota names.
        rule: selection rule or its name, which K is found for; None: the ranked bank's own, or
            maximum information.
        settle: once the excess stops falling, let the gain fall as 1/k, so that the noise of the
            single simulations averages out of K (Robbins & Monro 1951). False: α throughout.
        certificate_n: examinees of the certificate; None: the larger of n and 40,000.
        threads: cores to use; None: all.

    Raises:
        InvalidParameterError: an argument is out of range.
        InfeasibleExposureError: no exposure parameters can meet the caps.
    """
    check_search(n, iters, alpha, floor, ceil, tol)
    as_seed(seed)
    ranked = RankedBank.of(bank, rule=rule)
    population = Population.of(theta_dist)
    plain, cap = feasible_caps(ranked, test_length, quota, tau, topic_tau, topic_weights, cap_topic)
    setting = _Setting(ranked, plain, population, cap, test_length, n, seed, threads)
    step = _Step(alpha, floor, ceil, settle)
    best, history, reason = _search(setting, step, iters, tol, on_iteration)
    certificate = None
    if reason != "canceled":
        certificate = certify(
            ranked,
            plain.with_sh_p(best.sh_p),
            setting.cap,
            population,
            test_length,
            certificate_n or max(n, CERTIFICATE_N),
            derived_seed(seed, CERTIFICATE_STREAM),
            threads=threads,
        )
    return SympsonHetterRun(
        sh_p=best.sh_p,
        cap=setting.cap,
        history=history,
        best=history[best.number - 1],
        administered=best.sim.administered,
        selected=best.sim.selected,
        converged=reason == "converged",
        stopped_reason=reason,
        certificate=certificate,
    )


@dataclass(frozen=True, eq=False)
class _Setting:
    ranked: RankedBank
    plain: ExposureControl
    population: Population
    cap: FloatArray
    test_length: int
    n: int
    seed: int
    threads: int | None

    def simulated(self, sh_p: FloatArray, number: int) -> Simulation:
        """Fresh examinees for each iteration: its seed is its own."""
        seed = derived_seed(self.seed, number)
        people = draw_examinees(self.population, seed, 0, self.n, np.empty(0))
        control = self.plain.with_sh_p(sh_p)
        closed = np.zeros(len(self.ranked), bool)
        return run(
            self.ranked,
            control,
            people,
            self.test_length,
            seed,
            known=False,
            closed=closed,
            threads=self.threads,
        )

    def noise(self) -> float:
        """Excess over the caps that two simulations' binomial noise alone would show."""
        z = -ndtri(0.5 / self.cap.size)
        return float(z * np.sqrt(2 * (self.cap * (1 - self.cap)).max() / self.n))


@dataclass(frozen=True)
class _Step:
    alpha: float
    floor: float
    ceil: float
    settle: bool


@dataclass(frozen=True, eq=False)
class _Candidate:
    number: int
    sh_p: FloatArray
    sim: Simulation
    excess: float


def _search(
    setting: _Setting, step: _Step, iters: int, tol: float, on_iteration: OnIteration | None
) -> tuple[_Candidate, tuple[Iteration, ...], StoppedReason]:
    history: list[Iteration] = []
    best: _Candidate | None = None
    settled = 0
    sh_p = np.full(setting.cap.size, step.ceil)
    for number in range(1, iters + 1):
        sh_p = completable(sh_p, setting.ranked, setting.plain, setting.test_length)
        sim = setting.simulated(sh_p, number)
        gain = step.alpha / (1 + settled)
        entry = iteration_of(sim, setting.cap, number, iters, gain)
        history.append(entry)
        if best is None or entry.max_over <= best.excess:
            best = _Candidate(number, sh_p, sim, entry.max_over)
        if on_iteration is not None and on_iteration(entry) is False:
            return best, tuple(history), "canceled"
        if entry.max_over <= (tol if not step.settle or settled >= SETTLED else 0.0):
            return best, tuple(history), "converged"
        if step.settle and (settled or entry.max_over <= setting.noise()):
            settled += 1
        rate = sh_p * sim.selected
        sh_p = updated(sh_p, rate, setting.cap, gain, step.floor, step.ceil)
    assert best is not None  # noqa: S101  iters ≥ 1 was checked
    return best, tuple(history), "max_iterations"
