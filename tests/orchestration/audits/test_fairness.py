"""Fairness and fit of a form, without a database: what is found, told, and left out."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime

import numpy as np
import pytest

import calibration as cal
from qbank.stores.item_bank import Exam
from qbank.stores.item_parameters import ItemParameters
from qbank.stores.responses import FirstAttempts
from qbank_orchestration.engine import examination, fairness

ITEMS, PERSONS, UNFAIR = 12, 600, 4
EXAM = Exam("EX", "t", "Exam", "2pl", 0.2, ITEMS, {}, datetime.now(UTC))


@pytest.fixture(scope="module")
def given():
    """A form whose fifth item most of the second language miss; and what is known of people."""
    random = np.random.default_rng(3)
    other = random.random(PERSONS) < 0.5
    b = np.linspace(-1, 1, ITEMS)
    odds = 1.7 * (random.normal(size=(PERSONS, 1)) - b)
    odds[:, UNFAIR] -= 1.8 * other
    right = random.random(odds.shape) < 1 / (1 + np.exp(-odds))
    person, item = np.divmod(np.arange(right.size), ITEMS)
    attempts = FirstAttempts(
        person=person,
        item=item,
        correct=right.ravel().astype(np.int8),
        question_id=np.arange(100, 100 + ITEMS),
        version=np.ones(ITEMS, np.int64),
        persons=PERSONS,
    )
    people = [
        {"language": "other" if second else "english", "school": f"school {n}"}
        for n, second in enumerate(other.tolist())
    ]
    published = tuple(
        ItemParameters(100 + j, 1, 1.0, float(b[j]), 0.0, 0.1, 0.1, None, PERSONS, converged=True)
        for j in range(ITEMS)
    )
    return attempts, people, published


def test_a_new_item_of_class_c_is_told_with_whom_it_favours(given):
    attempts, people, _ = given
    fit = cal.fit(attempts.person, attempts.item, attempts.correct, model="2pl", min_n=100)
    (found,) = fairness.large_on_new(attempts, fit, people, set()).items()
    assert found[0] == UNFAIR
    assert found[1].startswith("harder for language other than for english of equal ability (Δ")
    known = {(100 + UNFAIR, 1)}
    assert fairness.large_on_new(attempts, fit, people, known) == {}
    assert fairness.large_on_new(attempts, fit, [{}] * PERSONS, set()) == {}


def test_an_examination_says_what_was_compared_and_what_was_not(given):
    attempts, people, published = given
    found = examination.examine(EXAM, attempts, published, people)
    assert (found.responses, found.persons) == (ITEMS * PERSONS, PERSONS)
    assert len(found.fairness) == len(found.fit) == ITEMS
    (large,) = [row for row in found.fairness if row.ets_class == "C"]
    assert (large.question_id, large.attribute) == (100 + UNFAIR, "language")
    # the larger language is the reference
    assert (large.delta < -1.5) == (large.focal == "other")
    assert found.summary["attributes"]["school"]["skipped"].startswith("0 groups have 100 persons")
    assert all(row.s_x2_p is not None for row in found.fit)  # everybody answered everything
    checks = {one.check: one for one in examination.audit(found, {100 + UNFAIR: "L-5"})}
    assert not checks["no_large_dif"].passed
    assert checks["no_large_dif"].summary.startswith("item L-5 is harder for language other")
    assert checks["figures_are_numbers"].passed
    assert checks["persons_fit"].passed
    again = examination.examine(EXAM, attempts, published, people)
    assert again == found


def test_what_is_no_number_is_not_written(given):
    found = examination.examine(EXAM, *given[:1], given[2], given[1])
    broken = dataclasses.replace(found.fit[2], infit=math.nan)
    wrong = dataclasses.replace(found, fit=(*found.fit[:2], broken))
    first = examination.audit(wrong, {})[0]
    assert (first.check, first.passed, first.blocking) == ("figures_are_numbers", False, True)
    assert first.summary == "infit of question 102 v1 is nan"


def test_an_exam_whose_items_nobody_answered_is_examined_empty(given):
    attempts, people, _ = given
    found = examination.examine(EXAM, attempts, (), people)
    assert (found.responses, found.fairness, found.fit) == (0, (), ())
    assert all(one.passed for one in examination.audit(found, {}))
