"""Plays the planted sessions: forms at random at first, then items by the real selection rule.

What never lives here: a rule of its own; ``calibration.cat`` selects, holds back and scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

import calibration as cal
from qbank.demo.content import EXAMS, PILOT_DAYS, D, FloatArray, IntArray, Units
from qbank.demo.people import OMITTED, People, Sittings, answers

FORM_LENGTH = 60
TEST_LENGTH = 25
CAPPED_BY_HAND = 30  # items an exam whose use somebody limits when selection begins
CAP_BY_HAND = 0.4


@dataclass(frozen=True, eq=False)
class Played:
    """What one session served; arrays of shape (n,) in the order served.

    Attributes:
        unit: item versions.
        correct: 1, 0, or -1 where it was not answered.
        option: index of the chosen option.
        theta_before: θ̂ the item was selected at; NaN in a random form.
        sh_p: exposure parameter applied; NaN in a random form.
        held_back: question indices held back at each step.
        forced: whether all items left were held back.
        theta, theta_se: final estimate; 0 and NaN after a random form.
        length: items the quiz was to have.
        controlled: whether exposure control was on.
    """

    unit: IntArray
    correct: IntArray
    option: IntArray
    theta_before: FloatArray
    sh_p: FloatArray
    held_back: list[tuple[int, ...]]
    forced: list[bool]
    theta: float
    theta_se: float
    length: int
    controlled: bool


@dataclass(frozen=True, eq=False)
class Pilot:
    """What delivery selects by: one exam's items as the pilot found them.

    Attributes:
        units: the exam's item versions, shape (K,); an index into these is an item of `ranked`.
        ranked: the pilot's parameters, ranked; a new version has its predecessor's.
        free: no exposure control.
        controlled: the caps set by hand.
    """

    units: IntArray
    ranked: cal.RankedBank
    free: cal.ExposureControl
    controlled: cal.ExposureControl

    @property
    def capped(self) -> IntArray:
        """Item versions whose use is limited by hand."""
        limited: IntArray = self.units[np.asarray(self.controlled.sh_p)[0] < 1.0]
        return limited


def play(
    rng: Generator,
    units: Units,
    people: People,
    sittings: Sittings,
    seed: int,
    on_progress: Callable[[int, int], None],
) -> tuple[list[Played], list[Pilot]]:
    """Plays all sessions; returns them and what each exam selected by."""
    played: list[Played] = []
    pilots: list[Pilot] = []
    for number in range(len(sittings)):
        if not pilots and sittings.day[number] >= PILOT_DAYS:
            pilots = [_pilot(exam, units, sittings, played) for exam in range(len(EXAMS))]
        theta = float(people.theta[sittings.user[number]])
        if sittings.adaptive[number]:
            pilot = pilots[sittings.exam[number]]
            controlled = bool(people.controlled[sittings.user[number]])
            served = _adaptive(
                rng, units, pilot, sittings, number, theta, seed, controlled=controlled
            )
        else:
            served = _random_form(rng, units, sittings, number, theta)
        played.append(served)
        if number % 200 == 0:
            on_progress(number, len(sittings))
    return played, pilots


def _stops_after(sittings: Sittings, number: int, length: int) -> int:
    """Items served: an abandoned quiz has its last one open."""
    return max(1, round(length * float(sittings.abandoned[number])))


def _random_form(
    rng: Generator, units: Units, sittings: Sittings, number: int, theta: float
) -> Played:
    live = np.flatnonzero(units.live(int(sittings.exam[number]), int(sittings.day[number])))
    new = live[units.version[live] > 1]  # new versions are tried out in every form
    old = rng.choice(
        np.setdiff1d(live, new), FORM_LENGTH - min(new.size, FORM_LENGTH // 2), replace=False
    )
    form = rng.permutation(np.concatenate([new, old])[:FORM_LENGTH])
    unit = form[: _stops_after(sittings, number, FORM_LENGTH)]
    right, option = answers(rng, units, unit, theta)
    correct = np.where(rng.random(unit.size) < OMITTED, -1, right)
    if sittings.abandoned[number] < 1.0:
        correct[-1] = -1
    none = np.full(unit.size, np.nan)
    return Played(
        unit=unit,
        correct=correct,
        option=option,
        theta_before=none,
        sh_p=none,
        held_back=[()] * unit.size,
        forced=[False] * unit.size,
        theta=0.0,
        theta_se=float("nan"),
        length=FORM_LENGTH,
        controlled=False,
    )


def _adaptive(
    rng: Generator,
    units: Units,
    pilot: Pilot,
    sittings: Sittings,
    number: int,
    theta: float,
    seed: int,
    *,
    controlled: bool,
) -> Played:
    control = pilot.controlled if controlled else pilot.free
    live = units.live(int(sittings.exam[number]), int(sittings.day[number]))
    excluded = ~live[pilot.units]
    # answers are drawn for all items at once, the rule decides which are given
    right, options = answers(rng, units, pilot.units, theta)
    state = cal.ability(pilot.ranked)
    chosen: list[int] = []
    held: list[int] = []
    steps: list[tuple[float, tuple[int, ...], bool]] = []
    for left in range(TEST_LENGTH, TEST_LENGTH - _stops_after(sittings, number, TEST_LENGTH), -1):
        step = cal.select(
            pilot.ranked,
            state.theta,
            control,
            seed=seed,
            examinee=number,
            administered=chosen,
            held_back=held,
            excluded=excluded,
            left=left,
        )
        if step.item is None:
            break
        steps.append((state.theta, step.rejected, step.forced))
        chosen.append(step.item)
        held.extend(step.rejected)
        state = cal.ability(pilot.ranked, [step.item], [right[step.item]], state.posterior)
    index = np.array(chosen)
    correct = right[index].astype(np.int64)
    if sittings.abandoned[number] < 1.0:
        correct[-1] = -1
        state = cal.ability(pilot.ranked, index[:-1], right[index[:-1]])
    questions = units.question[pilot.units]
    return Played(
        unit=pilot.units[index],
        correct=correct,
        option=options[index],
        theta_before=np.array([theta for theta, _, _ in steps]),
        sh_p=np.asarray(control.sh_p)[0][index],
        held_back=[tuple(questions[list(rejected)].tolist()) for _, rejected, _ in steps],
        forced=[forced for _, _, forced in steps],
        theta=state.theta,
        theta_se=state.sd,
        length=TEST_LENGTH,
        controlled=controlled,
    )


def _pilot(exam: int, units: Units, sittings: Sittings, played: list[Played]) -> Pilot:
    """Calibrates what the random forms gave, each person's first answer to an item only."""
    members = np.flatnonzero(units.in_exam[:, exam])
    mine = [k for k in range(len(played)) if sittings.exam[k] == exam]
    person = np.repeat(sittings.user[mine], [played[k].unit.size for k in mine])
    unit = np.concatenate([played[k].unit for k in mine])
    correct = np.concatenate([played[k].correct for k in mine])
    answered = correct >= 0
    person, unit, correct = person[answered], unit[answered], correct[answered]
    first = np.sort(np.unique(person * units.a.size + unit, return_index=True)[1])
    users, person = np.unique(person[first], return_inverse=True)
    fitted = units.version[members] == 1
    calibrated = members[fitted]
    fit = cal.fit(
        person,
        np.searchsorted(calibrated, unit[first]),
        correct[first],
        model="2pl",
        D=D,
        se=False,
        item_count=calibrated.size,
        person_count=users.size,
        node_check=False,
    )
    # a new version starts from what its predecessor was found to be
    source = np.searchsorted(units.question[calibrated], units.question[members])
    ranked = cal.RankedBank.of(cal.ItemBank(fit.a[source], fit.b[source], D=D))
    expected = cal.simulate(ranked, "normal(0,1)", TEST_LENGTH, n=2_000, seed=exam).administered
    sh_p = np.ones(members.size)
    sh_p[np.argsort(-expected, kind="stable")[:CAPPED_BY_HAND]] = CAP_BY_HAND
    return Pilot(
        units=members,
        ranked=ranked,
        free=cal.ExposureControl.of(ranked),
        controlled=cal.ExposureControl.of(ranked, sh_p),
    )
