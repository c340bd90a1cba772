"""Selection rules and exposure control compared: what each does to one bank and population.

What never lives here: the rules, the searches, clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

import numpy.typing as npt

from calibration.bank import ItemBank
from calibration.cat.control import ExposureControl, Quota
from calibration.cat.population import Population, derived_seed
from calibration.cat.ranking import RankedBank
from calibration.cat.results import Simulation
from calibration.cat.rules import SelectionRule, selection_rule
from calibration.cat.simulation import STRATA, simulate
from calibration.errors import InvalidParameterError
from calibration.exposure.by_theta import ConditionalRun
from calibration.exposure.conditional import stocking_lewis
from calibration.exposure.conditional_eligibility import item_eligibility_by_theta
from calibration.exposure.eligibility import PASS, item_eligibility
from calibration.exposure.priority import priority_index
from calibration.exposure.restricted import restricted
from calibration.exposure.sympson_hetter import sympson_hetter

ControlName = Literal[
    "none",
    "sympson_hetter",
    "stocking_lewis",
    "item_eligibility",
    "item_eligibility_by_theta",
    "restricted",
    "priority",
]
_EVALUATION_STREAM = 0xE7A1
_PROOF_N = 2_000  # the searches' own certificates are not looked at here


@dataclass(frozen=True)
class RuleArm:
    """What is compared: a selection rule under one kind of exposure control."""

    rule: SelectionRule | str
    control: ControlName = "sympson_hetter"

    def __str__(self) -> str:
        return f"{selection_rule(self.rule)} + {self.control}"


ARMS: Final = (
    RuleArm("maximum_information", "none"),
    RuleArm("maximum_information", "sympson_hetter"),
    RuleArm("maximum_information", "item_eligibility"),
    RuleArm("maximum_information", "stocking_lewis"),
    RuleArm("maximum_information", "item_eligibility_by_theta"),
    RuleArm("randomesque", "sympson_hetter"),
    RuleArm("a_stratified", "sympson_hetter"),
    RuleArm("progressive", "sympson_hetter"),
    RuleArm("progressive_se", "sympson_hetter"),
    RuleArm("progressive_se", "restricted"),
    RuleArm("progressive", "priority"),
    RuleArm("progressive_early", "priority"),
)


@dataclass(frozen=True)
class ComparedRule:
    """A row of the table; less is better in every number.

    Attributes:
        rule: the selection rule, with its constants.
        control: the exposure control that was found for it.
        max_exposure: largest P(A).
        max_conditional: largest P(A) in any stratum of true θ.
        overlap: test overlap.
        unused: share of the pool that nobody was given.
        chi_square: unevenness of use (Chang & Ying 1999).
        rmse: of θ̂.
        max_conditional_rmse: largest in any stratum of true θ.
        forced: forced administrations per examinee.
        on_front: no other row is as good in max_exposure, max_conditional, overlap, unused and
            rmse, and better in one.
    """

    rule: str
    control: ControlName
    max_exposure: float
    max_conditional: float
    overlap: float
    unused: float
    chi_square: float
    rmse: float
    max_conditional_rmse: float
    forced: float
    on_front: bool = False

    @property
    def aims(self) -> tuple[float, ...]:
        """What the front is of."""
        return self.max_exposure, self.max_conditional, self.overlap, self.unused, self.rmse


def compare_rules(
    bank: ItemBank | RankedBank,
    tau: float = 0.2,
    test_length: int = 25,
    theta_dist: str | npt.ArrayLike | Population = "normal(0,1)",
    arms: Sequence[RuleArm] = ARMS,
    *,
    seed: int,
    n: int = 10_000,
    evaluation_n: int = 40_000,
    quota: Quota | None = None,
    topic_tau: Mapping[int, float] | None = None,
    topic_weights: Mapping[int, float] | None = None,
    cap_topic: npt.ArrayLike | None = None,
    strata: npt.ArrayLike = STRATA,
    threads: int | None = None,
    on_row: Callable[[ComparedRule], object] | None = None,
) -> tuple[ComparedRule, ...]:
    """Finds each arm's exposure control and evaluates all on the same fresh examinees.

    Args:
        bank: the items; a RankedBank sets nodes and prior.
        tau: largest exposure rate, of the population or of each stratum as the control has it.
        test_length: items per test.
        theta_dist: population.
        arms: what is compared.
        seed: decides every draw.
        n: examinees per iteration of a search.
        evaluation_n: examinees of the evaluation; those of a `restricted` arm are its own pass.
        quota: topic → (fewest, most) items per test.
        topic_tau: topic → its cap, for controls of the population's rate.
        topic_weights: topic → weight w, likewise; the topic's cap is τ·w/Σw.
        cap_topic: codes that the caps name, shape (J,), where they are others than the bank's.
        strata: true θ between the strata of the conditional columns.
        threads: cores to use; None: all.
        on_row: called with each row as it is found, before `on_front` is known; returning False
            leaves the rest out.

    Raises:
        InvalidParameterError: an argument is out of range.
        InfeasibleExposureError: no exposure parameters can meet the caps.
    """
    for arm in arms:
        if arm.control not in get_args(ControlName):
            raise InvalidParameterError(
                f"control is {arm.control!r}: give one of {', '.join(get_args(ControlName))}"
            )
    ranked, population = RankedBank.of(bank), Population.of(theta_dist)
    caps = {"topic_tau": topic_tau, "topic_weights": topic_weights, "cap_topic": cap_topic}
    test = _Test(ranked, tau, test_length, population, quota, caps, n, seed)
    rows: list[ComparedRule] = []
    for arm in arms:
        sim = test.of(arm, evaluation_n, strata, threads)
        rows.append(_row(arm, sim))
        if on_row is not None and on_row(rows[-1]) is False:
            break
    return tuple(replace(row, on_front=not _dominated(row, rows)) for row in rows)


@dataclass(frozen=True, eq=False)
class _Test:
    ranked: RankedBank
    tau: float
    test_length: int
    population: Population
    quota: Quota | None
    caps: Mapping[str, Any]
    n: int
    seed: int

    def of(
        self, arm: RuleArm, evaluation_n: int, strata: npt.ArrayLike, threads: int | None
    ) -> Simulation:
        """The arm's examinees."""
        ranked = self.ranked.under(arm.rule, threads)
        fresh = derived_seed(self.seed, _EVALUATION_STREAM)
        if arm.control == "restricted":
            return restricted(
                ranked,
                self.tau,
                evaluation_n,
                self.test_length,
                self.population,
                **self.caps,
                seed=fresh,
                quota=self.quota,
                strata=strata,
            ).simulation
        control = None
        if arm.control == "priority":
            ranked = self.prioritised(ranked, threads)
        else:
            control = self.control(arm.control, ranked, threads)
        return simulate(
            ranked,
            self.population,
            self.test_length,
            control,
            seed=fresh,
            n=evaluation_n,
            quota=self.quota,
            strata=strata,
            threads=threads,
        )

    def prioritised(self, ranked: RankedBank, threads: int | None) -> RankedBank:
        """The bank in the order of a rule by priority times information."""
        return priority_index(
            ranked,
            self.tau,
            test_length=self.test_length,
            theta_dist=self.population,
            **self.caps,
            seed=self.seed,
            quota=self.quota,
            certificate_n=_PROOF_N,
            threads=threads,
        ).ranked

    def control(
        self, name: ControlName, ranked: RankedBank, threads: int | None
    ) -> ExposureControl | npt.ArrayLike | None:
        """Exposure parameters for a rule, by the search of that name."""
        if name == "none":
            return None
        of_strata: dict[str, Callable[..., ConditionalRun]] = {
            "stocking_lewis": stocking_lewis,
            "item_eligibility_by_theta": item_eligibility_by_theta,
        }
        search = of_strata.get(name)
        if search is not None:
            return search(
                ranked,
                self.tau,
                test_length=self.test_length,
                theta_dist=self.population,
                seed=self.seed,
                quota=self.quota,
                threads=threads,
            ).control
        if name == "item_eligibility":
            return item_eligibility(
                ranked,
                self.tau,
                PASS * self.n,
                self.test_length,
                self.population,
                **self.caps,
                seed=self.seed,
                quota=self.quota,
                certificate_n=_PROOF_N,
                threads=threads,
            ).sh_p
        return sympson_hetter(
            ranked,
            self.tau,
            self.n,
            self.test_length,
            theta_dist=self.population,
            **self.caps,
            seed=self.seed,
            quota=self.quota,
            certificate_n=_PROOF_N,
            threads=threads,
        ).sh_p


def _row(arm: RuleArm, sim: Simulation) -> ComparedRule:
    given = sim.conditional
    return ComparedRule(
        rule=str(selection_rule(arm.rule)),
        control=arm.control,
        max_exposure=float(sim.administered.max()),
        max_conditional=float(given.administered.max()),
        overlap=sim.overlap,
        unused=sim.unused,
        chi_square=sim.chi_square,
        rmse=sim.rmse,
        max_conditional_rmse=float(given.rmse.max()),
        forced=sim.forced,
    )


def _dominated(row: ComparedRule, rows: Sequence[ComparedRule]) -> bool:
    return any(
        other.aims != row.aims
        and all(theirs <= mine for theirs, mine in zip(other.aims, row.aims, strict=True))
        for other in rows
    )
