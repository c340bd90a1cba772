"""Fit of curves, pairs and persons in any kind of test: planted truth and plain computations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import calibration as cal
from bench.fairness import answered
from calibration import InvalidParameterError


def form(seed: int, persons: int = 2_000, items: int = 25):
    random = np.random.default_rng(seed)
    bank = cal.ItemBank(np.exp(random.normal(0, 0.2, items)), random.normal(0, 1, items), D=1.7)
    theta = random.normal(size=persons)
    p = bank.expected_score(theta)
    right = random.random(p.shape) < p
    person, item = np.divmod(np.arange(right.size), items)
    return bank, theta, person, item, right


def test_the_level_of_the_test_of_shape_holds_in_adaptive_tests():
    found = []
    for seed in range(1, 9):
        data = answered(seed, planted=0, impact=0.0)
        fit = cal.curve_fit(data.bank, data.person, data.item, data.correct)
        assert np.quantile(fit.rmsd[fit.n > 500], 0.9) < 0.05
        found.append(fit.p_value[fit.testable])
    p = np.concatenate(found)
    assert 0.02 < (p < 0.05).mean() < 0.08
    assert 0.4 < p.mean() < 0.6


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_curve_of_another_shape_is_found(seed: int):
    """An item that the able get wrong (overthinking): it rises and falls again."""
    bank, theta, person, item, right = form(seed)
    bank = cal.ItemBank(np.r_[bank.a[:4], 0.5, bank.a[5:]], np.r_[bank.b[:4], 0, bank.b[5:]], D=1.7)
    random = np.random.default_rng(seed + 100)
    shape = 0.85 * np.exp(-0.5 * ((theta - 0.3) / 0.9) ** 2)
    right[:, 4] = random.random(theta.size) < shape
    found = cal.curve_fit(bank, person, item, right.ravel())
    assert found.p_value[4] < 1e-8
    assert found.rmsd[4] > 0.1
    others = np.arange(25) != 4
    assert np.median(found.rmsd[others]) < 0.04
    assert (found.p_value[others] < 0.001).sum() <= 1


def test_a_wrong_level_is_in_the_distance_and_not_in_the_shape():
    bank, _, person, item, right = form(4)
    b = bank.b.copy()
    b[9] += 0.8
    found = cal.curve_fit(cal.ItemBank(bank.a, b, D=1.7), person, item, right.ravel())
    assert found.rmsd[9] > 0.1
    assert found.p_value[9] > 0.001
    assert (found.mean, found.sd) == pytest.approx((0, 1), abs=0.1)


def test_few_answers_are_not_tested():
    bank, _, person, item, right = form(5, persons=99)
    found = cal.curve_fit(bank, person, item, right.ravel())
    assert not found.testable.any()
    assert (found.p_value == 1).all()
    assert (found.n == 99).all()


def test_q3_is_what_plain_numpy_says_and_sparse():
    data = answered(1, persons=300, planted=0)
    found = cal.local_dependence(data.bank, data.person, data.item, data.correct, above=0.0)
    theta = cal.eap(data.bank, data.person, data.item, data.correct).theta
    p = data.bank.expected_score(theta)
    residual = np.full(p.shape, np.nan)
    residual[data.person, data.item] = data.correct - p[data.person, data.item]
    plain = {}
    for j, k in itertools.combinations(range(p.shape[1]), 2):
        both = np.isfinite(residual[:, j] + residual[:, k])
        if both.sum() >= 100:
            plain[j, k] = np.corrcoef(residual[both, j], residual[both, k])[0, 1]
    assert found.tested == len(plain) > 100
    assert found.mean == pytest.approx(np.mean([*plain.values()]))
    pairs = zip(found.first.tolist(), found.second.tolist(), strict=True)
    assert dict(zip(pairs, found.q3.tolist(), strict=True)) == pytest.approx(plain)
    assert (np.diff(np.abs(found.q3 - found.mean)) <= 0).all()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_dependent_pair_is_the_first_of_the_list(seed: int):
    """Item 8 repeats item 3's answer for every third person."""
    bank, theta, person, item, right = form(seed)
    copied = np.random.default_rng(seed).random(theta.size) < 1 / 3
    right[copied, 8] = right[copied, 3]
    found = cal.local_dependence(bank, person, item, right.ravel())
    assert (found.first[0], found.second[0]) == (3, 8)
    assert found.p_value[0] * found.tested < 1e-6
    assert (found.p_value[1:] * found.tested > 0.05).all()
    none = cal.local_dependence(bank, person, item, right.ravel(), min_n=2_001)
    assert (none.tested, none.mean, none.first.size) == (0, 0.0, 0)


def test_person_fit_is_standard_normal_where_people_fit():
    found = []
    for seed in (1, 2, 3):
        bank, _, person, item, right = form(seed, persons=3_000, items=40)
        own = cal.person_fit(bank, person, item, right.ravel())
        assert own.testable.all()
        assert (own.n == 40).all()
        found.append(own.lz_star)
    z = np.concatenate(found)
    assert abs(z.mean()) < 0.1
    assert 0.9 < z.std() < 1.1
    assert 0.005 < (z < -2.326).mean() < 0.025


def test_those_who_guess_half_the_test_are_found():
    bank, theta, person, item, right = form(6, persons=1_000, items=40)
    able = np.flatnonzero(theta > 0.8)
    easy = np.argsort(bank.b)[:15]
    right[np.ix_(able, easy)] = np.random.default_rng(1).random((able.size, 15)) < 0.25
    found = cal.person_fit(bank, person, item, right.ravel())
    assert (found.lz_star[able] < -2.326).mean() > 0.9
    others = theta < 0.5
    assert (found.lz_star[others] < -2.326).mean() < 0.03


def test_one_answer_says_nothing_of_a_person():
    found = cal.person_fit(cal.ItemBank([1.0, 1.0], [0.0, 1.0]), [0, 1, 1], [0, 0, 1], [1, 0, 1])
    assert found.testable.tolist() == [False, True]
    assert found.lz_star[0] == 0
    assert found.n.tolist() == [1, 2]
    with pytest.raises(InvalidParameterError, match="sd > 0"):
        cal.person_fit(cal.ItemBank([1.0], [0.0]), [0], [0], [1], sd=0.0)
