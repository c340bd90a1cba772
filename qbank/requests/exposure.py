"""Requests of exposure control: a Sympson–Hetter calibration, a re-estimation, a rollback."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from qbank.requests.base import About, DryRun, ExamColumn, ExamPolicy, Request, Unit
from qbank.vocabulary import Basis, ByTheta, Controlled, Kind, Quota, Rule, SearchedControl, words

OWN_POPULATION = "exam"
"""Stands for the exam's own ability distribution, which a run estimates."""


def _population(text: str) -> str:
    """Lets the science read an ability distribution, whose grammar is its own."""
    if text == OWN_POPULATION:
        return text
    from calibration import CalibrationError, Population  # its import takes a second

    try:
        Population.of(text)
    except CalibrationError as error:
        raise ValueError(f'{error} (or "{OWN_POPULATION}", its own population)') from error
    return text


Rate = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Weight = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
Topic = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]
FLOOR, CEIL = 0.02, 1.0
_SHARE = Unit("share of examinees", 0.01)
_PROBABILITY = Unit("probability", 0.01)


class SympsonHetter(Request):
    """A Sympson–Hetter calibration; what is left out is the exam's."""

    kind: ClassVar[Kind] = "sympson_hetter"

    exam_code: Annotated[str, About()]
    tau: Annotated[Rate, ExamColumn("tau"), _SHARE] = Field(
        title="τ, largest exposure rate",
        description="Target maximum exposure rate: no item may be given to more examinees.",
    )
    test_len: Annotated[int, Field(ge=1, le=1000), ExamColumn("test_length"), Unit("items", 1)] = (
        Field(title="Test length", description="Items in one test.")
    )
    selector: Annotated[Controlled, ExamColumn("selector")] = Field(
        default="sympson_hetter",
        title="Selector",
        description="The selection rule that sh_p is found for.",
    )
    exposure_control: Annotated[SearchedControl, ExamColumn("exposure_control")] = Field(
        default="sympson_hetter",
        title="Exposure control",
        description="How sh_p is found: by iterations, in one pass that learns as it goes, or by"
        " stratum of θ. By θ, τ bounds the mean rate of each stratum, not that at a single θ."
        " restricted finds none: sittings count, and what reached τ is closed to the next.",
    )
    quota: Annotated[Quota, ExamPolicy()] = Field(
        default="none",
        title="Quota",
        description="Of topics in one test: the exam's blueprint, as its quizzes keep to it.",
    )
    n: Annotated[int, Field(ge=1, le=1_000_000), ExamPolicy(), Unit("examinees", 1000)] = Field(
        default=10_000,
        title="Examinees per iteration",
        description="Simulated examinees per iteration; a pass has ten times as many. By θ each"
        " stratum has half as many, or twice as many in a pass. More is steadier and slower.",
    )
    iters: Annotated[int, Field(ge=1, le=1000), ExamPolicy(), Unit("iterations", 1)] = Field(
        default=25,
        title="Most iterations",
        description="At most; the search ends once every rate is within tolerance of its cap.",
    )
    alpha: Annotated[Rate, ExamPolicy(), Unit("exponent", 0.05)] = Field(
        default=1.0,
        title="α, size of the update",
        description="Exponent of the update: 1 is Sympson–Hetter, less damps each step.",
    )
    theta_dist: Annotated[
        str, Field(max_length=100), AfterValidator(_population), ExamPolicy(), Unit("logits", 0)
    ] = Field(
        default=OWN_POPULATION,
        title="Ability distribution",
        description="Of the simulated examinees: exam (its own, estimated from answers),"
        " normal(mean,sd), uniform(low,high), or a mixture of normal ones.",
        examples=["exam", "normal(0,1.2)", "uniform(-3,3)", "0.7*normal(-1,.5) + 0.3*normal(1,.6)"],
    )
    floor: Annotated[Probability, ExamPolicy(), _PROBABILITY] = Field(
        default=FLOOR, title="Least sh_p", description="No item is held back more than this."
    )
    ceil: Annotated[Probability, ExamPolicy(), _PROBABILITY] = Field(
        default=CEIL, title="Largest sh_p", description="1: an item may be free of control."
    )
    seed: Annotated[int, Field(ge=0, le=2**53)] | None = Field(
        default=None,
        title="Seed",
        description="Decides every draw. Without one the same input gives the same answer.",
    )
    topic_tau: Annotated[
        Annotated[dict[Topic, Rate], Field(max_length=200)] | None, ExamPolicy(), _SHARE
    ] = Field(
        default=None,
        title="Caps by topic",
        description="Own cap of some topics, by id, blueprint code or name.",
    )
    topic_weights: Annotated[
        Annotated[dict[Topic, Weight], Field(max_length=200)] | None, ExamPolicy(), Unit("parts", 1)
    ] = Field(
        default=None,
        title="Weights by topic",
        description="Shares of τ for some topics, named alike: a topic's cap is τ·w/Σw.",
    )
    dry_run: DryRun = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        _ordered(self.floor, self.ceil)
        if self.selector == "priority" and self.exposure_control != "sympson_hetter":
            raise ValueError(
                f"exposure_control is {self.exposure_control!r} and the selector priority, which is"
                " a control of its own: give another selector, or sympson_hetter"
            )
        if self.exposure_control in words(ByTheta) and (self.topic_tau or self.topic_weights):
            raise ValueError(
                f"exposure_control is {self.exposure_control!r}, whose τ is one for all items:"
                " leave topic_tau and topic_weights out, or give sympson_hetter"
            )
        return self

    def seeded(self, input_fingerprint: str) -> Self:
        """The same request with a seed: its own, or one that follows from the input."""
        if self.seed is not None:
            return self
        params = self.params()
        for name, usual in (
            ("quota", "none"),
            ("selector", "sympson_hetter"),
            ("exposure_control", "sympson_hetter"),
        ):
            if params[name] == usual:  # as before there were others
                del params[name]
        text = json.dumps([input_fingerprint, params], sort_keys=True)
        seed = int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)
        return self.model_copy(update={"seed": seed})


class Reestimation(Request):
    """A re-estimation of sh_p from what was served; what is left out is the exam's."""

    kind: ClassVar[Kind] = "reestimation"
    policy_key: ClassVar[str] = "reestimation"

    exam_code: Annotated[str, About()]
    day: Annotated[date, About()]
    tau: Annotated[Rate, ExamColumn("tau"), ExamPolicy(), _SHARE] = Field(
        title="τ, largest exposure rate", description="Target maximum exposure rate."
    )
    days: Annotated[int, Field(ge=1, le=365), ExamPolicy(), Unit("days", 1)] = Field(
        default=7, title="Window", description="Days before the day that are looked at."
    )
    floor: Annotated[Probability, ExamPolicy(shared=True), _PROBABILITY] = Field(
        default=FLOOR, title="Least sh_p", description="No item is held back more than this."
    )
    ceil: Annotated[Probability, ExamPolicy(shared=True), _PROBABILITY] = Field(
        default=CEIL, title="Largest sh_p", description="1: an item may be free of control."
    )
    rule: Annotated[Rule, ExamPolicy()] = Field(
        default="nudge", title="Rule", description="How sh_p moves towards the target."
    )
    basis: Annotated[Basis, ExamPolicy()] = Field(
        default="sessions", title="Basis", description="What a rate is a share of."
    )
    fading: Annotated[Rate, ExamPolicy(), Unit("weight", 0.01)] = Field(
        default=1.0, title="Fading", description="Weight of a day relative to the next."
    )
    dry_run: DryRun = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        _ordered(self.floor, self.ceil)
        return self


class Rollback(Request):
    """Back to the exposure control that an earlier run had published."""

    kind: ClassVar[Kind] = "rollback"

    run_id: Annotated[UUID, Field(strict=False), About()]
    note: Annotated[str, Field(max_length=2000)] | None = Field(
        default=None, title="Note", description="Why; kept with the history."
    )


def _ordered(floor: float, ceil: float) -> None:
    if floor > ceil:
        raise ValueError(f"floor {floor} lies above ceil {ceil}: swap them")
