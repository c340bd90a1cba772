"""Each reason to hold an estimate back: what passes, what does not, and the limit between them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

import calibration as cal
from qbank.stores.responses import FirstAttempts
from qbank_orchestration.engine import item_gates
from qbank_orchestration.engine.item_gates import FALLS, LARGE_DIF, REASONS

ITEMS, PERSONS = 8, 400
REFS = {103: "M-3"}


def answers(seed: int = 1) -> FirstAttempts:
    """A linear form whose items are all good; question 100 is the first."""
    random = np.random.default_rng(seed)
    right = random.random((PERSONS, ITEMS)) < 1 / (
        1 + np.exp(-1.7 * (random.normal(size=(PERSONS, 1)) - np.linspace(-1, 1, ITEMS)))
    )
    person, item = np.divmod(np.arange(right.size), ITEMS)
    return FirstAttempts(
        person=person,
        item=item,
        correct=right.ravel().astype(np.int8),
        question_id=np.arange(100, 100 + ITEMS),
        version=np.ones(ITEMS, np.int64),
        persons=PERSONS,
    )


@pytest.fixture(scope="module")
def fitted():
    given = answers()
    return given, cal.fit(given.person, given.item, given.correct, model="2pl", min_n=100)


def changed(fit: cal.FitResult, item: int, *flags: str, se_b: float | None = None) -> cal.FitResult:
    own = [*fit.flags]
    own[item] = flags
    errors = fit.se_b.copy()
    errors[item] = errors[item] if se_b is None else se_b
    return dataclasses.replace(fit, flags=tuple(own), se_b=errors)


def test_good_items_are_used(fitted):
    given, fit = fitted
    assert item_gates.held_back(given, fit, REFS, {}) == ()
    assert item_gates.usable(given, fit, ()).all()


@pytest.mark.parametrize(
    "reason", [r for r in REASONS if r not in ("se_b_too_large", FALLS, LARGE_DIF)]
)
def test_a_flag_of_the_fit_holds_its_item_back(fitted, reason: str):
    given, fit = fitted
    (held,) = item_gates.held_back(given, changed(fit, 3, "fixed_elsewhere", reason), REFS, {})
    own = given.correct[given.item == 3]
    assert (held.question_id, held.version, held.reason) == (103, 1, reason)
    assert (held.n, held.p_value) == (PERSONS, own.mean())
    assert str(held).startswith(f"item M-3, question 103 v1 ({PERSONS} answers, ")
    assert held.z > 3
    used = item_gates.usable(given, fit, (held,))
    assert used.tolist() == [item != 3 for item in range(ITEMS)]


@pytest.mark.parametrize(
    ("error", "reason"), [(1.0, None), (math.nextafter(1, 2), "se_b_too_large"), (0.9, None)]
)
def test_a_difficulty_must_be_known(fitted, error: float, reason: str | None):
    given, fit = fitted
    held = item_gates.held_back(given, changed(fit, 5, se_b=error), REFS, {})
    assert [item.reason for item in held] == ([reason] if reason else [])


def test_the_gravest_reason_is_told(fitted):
    given, fit = fitted
    (held,) = item_gates.held_back(
        given, changed(fit, 2, "b_extreme", "all_correct", se_b=9.0), REFS, {2: "a"}
    )
    assert held.reason == "all_correct"
    assert str(held).startswith("question 102 v1 (")


def test_a_new_item_that_is_harder_for_a_group_says_for_whom(fitted):
    given, fit = fitted
    told = "harder for sex f than for m of equal ability"
    (held,) = item_gates.held_back(given, fit, REFS, {3: told})
    assert (held.question_id, held.reason, held.seen) == (103, LARGE_DIF, told)
    assert f": {told}; {REASONS[LARGE_DIF].remedy}" in str(held)


def test_an_item_that_was_not_estimated_is_not_held_back(fitted):
    given, fit = fitted
    kept = changed(fit, 4, "below_min_n", "kept_prior", "b_extreme", se_b=9.0)
    assert item_gates.held_back(given, kept, REFS, {}) == ()
    assert item_gates.usable(given, kept, ()).tolist() == [item != 4 for item in range(ITEMS)]


@pytest.mark.parametrize("turned", [0, 7])
def test_answers_that_fall_with_ability(turned: int):
    given = answers()
    correct = np.where(given.item == turned, 1 - given.correct, given.correct).astype(np.int8)
    given = dataclasses.replace(given, correct=correct)
    fit = cal.fit(given.person, given.item, given.correct, model="2pl", min_n=100)
    (held,) = item_gates.held_back(given, fit, REFS, {})
    assert (held.question_id, held.reason) == (100 + turned, FALLS)
    assert held.z < -3


def test_no_slope_at_all_is_none(fitted):
    """Everybody right: nothing rises; and without another item nothing is known."""
    given, fit = fitted
    flat = dataclasses.replace(
        given, correct=np.where(given.item == 1, 1, given.correct).astype(np.int8)
    )
    assert [item.reason for item in item_gates.held_back(flat, fit, REFS, {})] == [FALLS]
    alone = given.item == 6
    lonely = dataclasses.replace(
        given, person=given.person[alone], item=given.item[alone], correct=given.correct[alone]
    )
    held = item_gates.held_back(lonely, fit, REFS, {})
    assert 106 not in {item.question_id for item in held}
