"""The population that a calibration simulates: the one its request names, or the exam's own.

The exam's own is estimated from answers, with the item parameters in force: first from the sittings
under exposure control, since those are whom its exposure rates are about.

What never lives here: the estimation itself (``calibration.latent_distribution``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from psycopg import Connection

from qbank.requests import SympsonHetter
from qbank.requests.exposure import OWN_POPULATION
from qbank.stores import item_parameters, responses, served
from qbank.stores.item_bank import Exam
from qbank.stores.item_parameters import ItemParameters
from qbank.stores.responses import FirstAttempts
from qbank_orchestration.engine.answers import answers_to_known

if TYPE_CHECKING:
    from calibration import LatentDistribution

ENOUGH_PERSONS = 200
"""With fewer, the standard error of the mean is above a twelfth of an SD."""
WINDOW = timedelta(days=90)
"""Of the sittings that tell who takes the exam now, up to the newest one."""
STANDARD = "normal(0,1)"

Source = Literal["request", "sittings", "first attempts", "default"]


@dataclass(frozen=True)
class ExamPopulation:
    """Whom a calibration simulates, and how that is known.

    Attributes:
        theta_dist: the distribution as the simulation reads it.
        source: "request", "sittings" (under exposure control), "first attempts" (all of the exam)
            or "default".
        reason: why it is this one, in a sentence.
        mean: estimated mean of ability; None where it was not estimated.
        sd: estimated standard deviation.
        se_mean: standard error of the mean.
        se_sd: standard error of the SD.
        persons: behind the estimate.
        answers: behind the estimate.
    """

    theta_dist: str
    source: Source
    reason: str
    mean: float | None = None
    sd: float | None = None
    se_mean: float | None = None
    se_sd: float | None = None
    persons: int = 0
    answers: int = 0


def of_exam(conn: Connection[Any], exam: Exam, request: SympsonHetter) -> ExamPopulation:
    """The population for a calibration of the exam.

    Where the exam's own cannot be estimated it is N(0, 1), and the reason says why.
    """
    if request.theta_dist != OWN_POPULATION:
        return ExamPopulation(request.theta_dist, "request", "named by the request")
    published = item_parameters.in_force(conn, exam.exam_code, exam.irt_model)
    if not responses.in_marts(conn):
        return _default("the marts are not built yet")
    seen = 0
    last = served.newest_day(conn, exam.exam_code)
    if last is not None:
        window = (last - WINDOW, last)
        attempts = responses.first_attempts(conn, exam.exam_code, controlled=window)
        found = estimate(attempts, published)
        if found is not None and _usable(found):
            return _estimated(found, "sittings", f"controlled sittings of {WINDOW.days} days")
    found = estimate(responses.first_attempts(conn, exam.exam_code), published)
    if found is not None:
        seen = found.persons
        if _usable(found):
            return _estimated(found, "first attempts", "all first attempts of the exam")
    if seen < ENOUGH_PERSONS:
        return _default(f"{seen} persons answered calibrated items, {ENOUGH_PERSONS} are enough")
    return _default(f"the answers of {seen} persons do not determine it")


def estimate(
    attempts: FirstAttempts, published: Sequence[ItemParameters]
) -> LatentDistribution | None:
    """The ability of those who answered published items; None where nobody did."""
    import calibration as cal  # kept out of the code location's import

    answers = answers_to_known(attempts, published)
    if answers is None:
        return None
    return cal.latent_distribution(answers.bank, answers.person, answers.item, answers.correct)


def _usable(found: LatentDistribution) -> bool:
    return found.persons >= ENOUGH_PERSONS and found.identified


def _estimated(found: LatentDistribution, source: Source, of: str) -> ExamPopulation:
    import calibration as cal  # kept out of the code location's import

    simulated = cal.Population.of(found.theta_dist)
    return ExamPopulation(
        theta_dist=found.theta_dist,
        source=source,
        reason=f"estimated from {found.persons:,} persons: {of}",
        mean=simulated.mean,
        sd=simulated.sd,
        se_mean=found.se_mean,
        se_sd=found.se_sd,
        persons=found.persons,
        answers=found.answers,
    )


def _default(why: str) -> ExamPopulation:
    return ExamPopulation(STANDARD, "default", why)
