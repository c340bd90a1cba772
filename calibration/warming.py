"""Compiles all kernels before they are needed: once on a machine, part by part.

What never lives here: what a process compiles at its start (``cat.warm_up``, for delivery).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

import calibration as cal
from calibration.arrays import IntArray
from calibration.models import MODELS

_PERSONS, _ITEMS = 300, 8


def compile_all() -> Iterator[str]:
    """Compiles every kernel, or loads it from disk: a minute on a machine that never did.

    Yields:
        What is compiled next, before it is.
    """
    for name, work in _PARTS.items():
        yield name
        work()


def _answers(categories: int = 2) -> tuple[IntArray, IntArray, IntArray]:
    """Made-up responses in which each item and category occurs."""
    person = np.repeat(np.arange(_PERSONS), _ITEMS)
    item = np.tile(np.arange(_ITEMS), _PERSONS)
    ability = (person * 7919 % _PERSONS) / _PERSONS
    luck = (person * 31 + item * 17) % 101 / 101
    return person, item, np.floor(categories * (ability + luck) / 2).astype(np.int64)


def _fits(*, dichotomous: bool) -> Iterator[cal.FitResult]:
    categories = 2 if dichotomous else 3
    for name, model in MODELS.items():
        if model.dichotomous == dichotomous:
            yield cal.fit(*_answers(categories), model=name, max_cycles=20)


def _dichotomous() -> None:
    *_, last = _fits(dichotomous=True)
    known = last.bank()
    held = cal.KnownItems(np.arange(4), known.a[:4], known.b[:4])
    cal.fit(*_answers(), fixed=held, weight=np.full(_PERSONS, 1.5), max_cycles=5)
    cal.latent_distribution(known, *_answers())
    # as adaptive tests leave it: each person answered few of the items
    person, item, correct = _answers()
    cal.fit(person, (item + 8 * person) % (40 * _ITEMS), correct, min_n=0, max_cycles=5)


def _polytomous() -> None:
    for each in _fits(dichotomous=False):
        for score in (cal.eap, cal.mle, cal.wle):
            score(each.bank(), *_answers(3))


def _bank() -> cal.ItemBank:
    return cal.ItemBank(
        np.linspace(0.6, 1.6, 40), np.linspace(-2, 2, 40), np.full(40, 0.2), topic=np.arange(40) % 4
    )


def _scores() -> None:
    bank = _bank()
    for score in (cal.eap, cal.mle, cal.wle):
        score(bank, *_answers())
        score(cal.ItemBank(bank.a, bank.b), *_answers())


def _exposure() -> None:
    quota = {0: (1, 4), 1: (1, 4)}
    for bank in (_bank(), cal.RankedBank.of(_bank())):
        cal.simulate(bank, "normal(0,1)", 5, n=100, seed=1)
    cal.sympson_hetter(_bank(), 0.5, n=200, iters=2, test_length=5, quota=quota, seed=1)
    cal.stocking_lewis(_bank(), 0.9, n=200, iters=2, test_length=5, seed=1)
    cal.item_eligibility(_bank(), 0.5, n=200, test_length=5, seed=1)
    cal.priority_index(_bank(), 0.5, n=200, iters=2, test_length=5, rule="progressive", seed=1)


def _statistics() -> None:
    answers, bank = _answers(), _bank()
    group = np.arange(_PERSONS) % 2
    cal.classical(*answers)
    cal.distractors(answers[0], answers[1], answers[2] * 2, np.full(_ITEMS, 2))
    cal.residual_fit(bank, *answers)
    cal.ability_bins(bank, *answers)
    cal.rest_slope(bank, *answers)
    cal.compromise(bank, *answers, answers[0], time=answers[0] + 1.0)
    cal.s_x2(bank, *answers)
    cal.mantel_haenszel(*answers, group)
    cal.logistic_dif(*answers, group)
    cal.latent_dif(bank, *answers, group, min_n=10)
    cal.curve_fit(bank, *answers)
    cal.local_dependence(bank, *answers)
    cal.person_fit(bank, *answers)


def _selection() -> None:
    cal.warm_up()
    ranked = cal.RankedBank.of(_bank())
    control = cal.ExposureControl.of(ranked, np.full(40, 0.5))
    cal.select(ranked, 0.0, control, seed=1)


_PARTS: dict[str, Callable[[], None]] = {
    "estimation of items scored right or wrong": _dichotomous,
    "estimation of items scored in steps": _polytomous,
    "scores": _scores,
    "simulation and exposure control": _exposure,
    "item statistics": _statistics,
    "selection": _selection,
}
