"""The planted people: abilities, habits, when they sit, how they answer and how long they take.

Pure functions of a random generator. What never lives here: which items they are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from calibration.models import named
from qbank.demo.content import DAYS, PILOT_DAYS, D, FloatArray, IntArray, Units

USERS = 3_600
PILOT_SESSIONS = (1_600, 1_500)  # by exam
LATER_SESSIONS = (1_700, 1_500)
STILL_AT_RANDOM = 0.12  # of the later ones: new versions need answers from all abilities
ABANDONED = 0.06
OMITTED = 0.02
TUTOR = 0.3


@dataclass(frozen=True, eq=False)
class People:
    """The users, arrays of shape (U,).

    Attributes:
        theta: ability, N(0, 1).
        speed: log-seconds faster than average.
        controlled: whether their adaptive quizzes hold items back (the experiment's cohort).
    """

    theta: FloatArray
    speed: FloatArray
    controlled: npt.NDArray[np.bool_]

    @staticmethod
    def name(user: int) -> str:
        """User id."""
        return f"demo-user-{user + 1:04d}"


@dataclass(frozen=True, eq=False)
class Sittings:
    """Sessions in the order in which they begin, arrays of shape (S,).

    Attributes:
        exam: 0 or 1.
        user: index of the user.
        day: 0 is the first of the 60 days.
        second: start, in seconds after midnight UTC.
        adaptive: whether items are selected; else the form is drawn at random.
        tutor: tutor mode, else exam mode.
        abandoned: the share of the quiz after which it is left; 1 where it is finished.
    """

    exam: IntArray
    user: IntArray
    day: IntArray
    second: IntArray
    adaptive: npt.NDArray[np.bool_]
    tutor: npt.NDArray[np.bool_]
    abandoned: FloatArray

    def __len__(self) -> int:
        return int(self.exam.size)


def draw_people(rng: Generator) -> People:
    """Draws the users; the able are a little faster."""
    theta = rng.normal(0.0, 1.0, USERS)
    theta = (theta - theta.mean()) / theta.std()
    speed = 0.1 * theta + rng.normal(0.0, 0.25, USERS)
    return People(theta, speed, rng.random(USERS) < 0.5)


def draw_sittings(rng: Generator, today: date) -> Sittings:
    """Draws who sits what when; users come back, so items are met again."""
    day_weight = _day_weights(today)
    exam, day = [], []
    for first, end, counts in ((0, PILOT_DAYS, PILOT_SESSIONS), (PILOT_DAYS, DAYS, LATER_SESSIONS)):
        weight = day_weight[first:end] / day_weight[first:end].sum()
        for which, count in enumerate(counts):
            exam.append(np.full(count, which))
            day.append(first + rng.choice(weight.size, count, p=weight))
    exams, days = np.concatenate(exam), np.concatenate(day)
    size = exams.size
    # two study peaks, late morning and evening
    late = rng.random(size) < 0.55
    hour = np.where(late, rng.normal(18.5, 2.0, size), rng.normal(10.5, 1.6, size))
    second = (hour.clip(6.0, 21.5) * 3600).astype(np.int64)
    order = np.lexsort((second, days))
    adaptive = (days >= PILOT_DAYS) & (rng.random(size) >= STILL_AT_RANDOM)
    left = np.where(rng.random(size) < ABANDONED, rng.uniform(0.1, 0.9, size), 1.0)
    return Sittings(
        exam=exams[order],
        user=rng.integers(0, USERS, size),
        day=days[order],
        second=second[order],
        adaptive=adaptive[order],
        tutor=rng.random(size) < TUTOR,
        abandoned=left,
    )


def _day_weights(today: date) -> FloatArray:
    """Weekends are quiet, and use grows towards the exam."""
    first = today - timedelta(days=DAYS)
    weekday = np.array([(first + timedelta(days=k)).weekday() for k in range(DAYS)])
    return np.where(weekday >= 5, 0.45, 1.0) * np.linspace(0.8, 1.2, DAYS)


def answers(
    rng: Generator, units: Units, unit: IntArray, theta: float
) -> tuple[npt.NDArray[np.bool_], IntArray]:
    """Whether a person answers correctly, and which option is chosen.

    Args:
        rng: the generator.
        units: the items.
        unit: item versions met, shape (n,).
        theta: ability.

    Returns:
        Correct, shape (n,), by the 3PL; option index, shape (n,): the key where it is correct,
        else a distractor whose appeal depends on ability.
    """
    rows = np.column_stack([D * units.a[unit], units.b[unit], units.c[unit]])
    p = named("3pl").probabilities(rows, 2, np.array([theta]))[:, 1, 0]
    correct = rng.random(unit.size) < p
    weight = np.exp(units.appeal[unit] + units.lure[unit] * theta)
    column = np.arange(weight.shape[1])
    weight[(column == units.key[unit, None]) | (column >= units.options[unit, None])] = 0.0
    edge = np.cumsum(weight, axis=1)
    draw = rng.random(unit.size)[:, None] * edge[:, -1:]
    wrong = (draw >= edge).sum(axis=1)
    return correct, np.where(correct, units.key[unit], wrong)


def response_ms(rng: Generator, units: Units, unit: IntArray, speed: float) -> IntArray:
    """Response times in ms, lognormal (van der Linden 2006), shape (n,)."""
    log_seconds = units.intensity[unit] - speed + rng.normal(0.0, 0.35, unit.size)
    return (1000.0 * np.exp(log_seconds)).astype(np.int64).clip(800, 20 * 60 * 1000)
