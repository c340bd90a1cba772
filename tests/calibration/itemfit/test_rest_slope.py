"""The slope that other items tell: by hand, on planted wrong keys, and on adaptive tests."""

from __future__ import annotations

import numpy as np
import pytest

import calibration as cal
from calibration import InvalidResponsesError


def planted(seed: int, persons: int, items: int, miskeyed: int):
    """A linear form in 3PL; the last few items are scored on a distractor."""
    random = np.random.default_rng(seed)
    a, b = np.exp(random.normal(0, 0.3, items)), random.normal(0, 1, items)
    theta = random.normal(size=(persons, 1))
    knows = random.random((persons, items)) < 0.2 + 0.8 / (1 + np.exp(-1.7 * a * (theta - b)))
    chooses = ~knows & (random.random((persons, items)) < 1 / 3)
    scored = knows.copy()
    scored[:, items - miskeyed :] = chooses[:, items - miskeyed :]
    person, item = np.divmod(np.arange(scored.size), items)
    return person, item, scored.ravel().astype(int)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_wrong_keys_fall_and_right_ones_rise(seed: int):
    """12 of 60 scored on a distractor: the fit gives all of them a slope of about 1.2."""
    person, item, correct = planted(seed, 3000, 60, 12)
    fit = cal.fit(person, item, correct, model="3pl")
    assert (fit.a[48:] > 0.5).all()
    assert not fit.flagged("negative_a").any()
    found = cal.rest_slope(fit.bank(), person, item, correct)
    assert (found.z[48:] < 0).all()
    assert (found.slope[48:] < 0).all()
    assert (found.z[:48] > 3).all()
    assert (found.n == 3000).all()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_good_item_of_an_adaptive_test_is_accused(seed: int):
    """Where item-rest correlations are below 0 for every seventh item or more."""
    random = np.random.default_rng(seed)
    bank = cal.ItemBank(
        np.exp(random.normal(0, 0.3, 200)), random.normal(0, 1, 200), np.full(200, 0.2), D=1.7
    )
    taken = cal.simulate(bank, "normal(0,1)", 20, [0.5] * 200, n=3000, seed=seed, record=True)
    person = np.repeat(np.arange(3000), 20)
    item, correct = taken.items.ravel(), taken.correct.ravel()
    found = cal.rest_slope(bank, person, item, correct)
    often = found.n >= 200
    assert often.sum() > 80
    assert (found.z[often] > 0).all()
    rest = cal.classical(person, item, correct, item_count=200).item_rest[often]
    assert (rest < 0).mean() > 0.1


def test_no_slope_is_standard_normal():
    """Answers that are coins: z has mean 0 and spread 1."""
    random = np.random.default_rng(5)
    person, item, correct = planted(5, 400, 20, 0)
    bank = cal.ItemBank(np.ones(420), np.zeros(420), np.zeros(420), D=1.7)
    coins = np.tile(np.arange(20, 420), 400)
    person = np.concatenate([person, np.repeat(np.arange(400), 400)])
    # a coin that is no information to the others
    bank = cal.ItemBank(np.r_[np.ones(20), np.full(400, 1e-9)], np.zeros(420), np.zeros(420), D=1.7)
    found = cal.rest_slope(
        bank,
        person,
        np.concatenate([item, coins]),
        np.concatenate([correct, random.integers(0, 2, coins.size)]),
    )
    z = found.z[20:]
    assert abs(z.mean()) < 0.15
    assert 0.9 < z.std() < 1.1


def test_by_hand():
    """Two persons, two items: each item is judged by the ability that the other shows."""
    bank = cal.ItemBank([1.0, 1.0], [0.0, 0.0], [0.0, 0.0], D=1.0)
    found = cal.rest_slope(bank, [0, 0, 1, 1, 2], [0, 1, 0, 1, 0], [1, 1, 0, 0, 1])
    np.testing.assert_array_equal(found.n, [2, 2])  # the third person answered nothing else
    np.testing.assert_allclose(found.z, [np.sqrt(2)] * 2)  # a correlation of 1 of two persons
    alone = cal.eap(bank, [0, 1], [1, 1], [1, 0], nodes=41, bounds=(-5, 5)).theta
    centred = alone - alone.mean()
    np.testing.assert_allclose(
        found.slope[0], 0.5 * (centred[0] - centred[1]) / (0.25 * (centred**2).sum()), rtol=1e-6
    )


def test_what_does_not_vary_has_no_slope():
    bank = cal.ItemBank([1.0, 1.0], [0.0, 0.0], [0.0, 0.0])
    found = cal.rest_slope(bank, [0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 0])
    assert (found.z[0], found.slope[0]) == (0.0, 0.0)


def test_graded_items_rise_and_reversed_ones_fall():
    random = np.random.default_rng(3)
    theta = random.normal(size=(2000, 1))
    cuts = np.array([-1.0, 0.0, 1.0])
    above = random.logistic(size=(2000, 12, 1)) < 1.7 * (theta[:, :, None] - cuts)
    score = above.sum(axis=2)  # each threshold of its own: near enough for a sign
    score[:, 11] = 3 - score[:, 11]
    bank = cal.ItemBank(np.ones(12), steps=np.tile(cuts, (12, 1)), model="grm")
    person, item = np.divmod(np.arange(score.size), 12)
    z = cal.rest_slope(bank, person, item, score.ravel()).z
    assert (z[:11] > 10).all()
    assert z[11] < -10


def test_an_item_that_the_bank_has_not_is_named():
    bank = cal.ItemBank([1.0], [0.0], [0.0])
    with pytest.raises(InvalidResponsesError, match="item 1 is not in the bank of 1 items"):
        cal.rest_slope(bank, [0, 0], [0, 1], [1, 1])
