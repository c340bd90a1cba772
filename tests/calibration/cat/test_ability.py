"""EAP against a plain float64 computation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration import InvalidParameterError, ItemBank, RankedBank, ability


def eap(bank, items, correct, nodes, mean=0.0, sd=1.0):
    theta = np.linspace(-4, 4, nodes)
    weight = np.exp(-0.5 * ((theta - mean) / sd) ** 2)
    for i, right in zip(items, correct, strict=True):
        p = bank.c[i] + (1 - bank.c[i]) / (1 + np.exp(-bank.D * bank.a[i] * (theta - bank.b[i])))
        weight = weight * (p if right else 1 - p)
    weight /= weight.sum()
    estimate = (weight * theta).sum()
    return estimate, np.sqrt((weight * (theta - estimate) ** 2).sum())


@settings(max_examples=60, deadline=None)
@given(
    answers=st.lists(
        st.tuples(st.integers(0, 119), st.booleans()), max_size=120, unique_by=lambda pair: pair[0]
    ),
    nodes=st.sampled_from([2, 15, 16, 41, 81]),
)
def test_running_eap_is_the_eap(small_bank, answers, nodes):
    ranked = RankedBank.of(small_bank, nodes=nodes)
    items = [item for item, _ in answers]
    correct = [right for _, right in answers]
    got = ability(ranked, items, correct)
    theta, sd = eap(small_bank, items, correct, nodes)
    assert got.theta == pytest.approx(theta, abs=2e-4)
    assert got.sd == pytest.approx(sd, abs=2e-4)
    assert got.posterior.sum() == pytest.approx(1, abs=1e-5)


def test_one_by_one_is_all_at_once(small_bank):
    ranked = RankedBank.of(small_bank)
    items, correct = [5, 9, 40, 77], [1, 0, 1, 1]
    step = ability(ranked)
    for item, right in zip(items, correct, strict=True):
        step = ability(ranked, [item], [right], step.posterior)
    whole = ability(ranked, items, correct)
    assert step.theta == whole.theta
    np.testing.assert_array_equal(step.posterior, whole.posterior)


def test_prior_is_where_it_starts(small_bank):
    start = ability(RankedBank.of(small_bank, prior_mean=0.5, prior_sd=0.7))
    assert start.theta == pytest.approx(0.5, abs=1e-5)
    assert start.sd == pytest.approx(0.7, abs=1e-3)


def test_answers_that_no_ability_explains_leave_a_finite_posterior():
    bank = ItemBank([4.0, 4.0], [-30.0, 30.0])
    got = ability(RankedBank.of(bank), [0, 1] * 50, [0, 1] * 50)
    assert np.isfinite([got.theta, got.sd]).all()


@pytest.mark.parametrize(
    ("items", "correct", "words"),
    [([120], [1], "outside 0 … 119"), ([1, 2], [1], "shape"), ([1], [2], "neither 0 nor 1")],
)
def test_bad_answers_are_refused(small_bank, items, correct, words):
    with pytest.raises(InvalidParameterError, match=words):
        ability(RankedBank.of(small_bank), items, correct)
