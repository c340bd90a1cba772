"""Re-estimation: both rules by hand, the dead band, fading, and what must never move."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration import InvalidParameterError, reestimate
from calibration.reestimation.wilson import wilson_interval


def test_nudge_by_hand():
    new = reestimate(
        [1.0, 0.8, 0.5, 0.06, 1.0, 0.5],
        [500, 400, 100, 900, 50, 0],
        1000,
        tau=0.2,
        floor=0.05,
    )
    np.testing.assert_allclose(
        new.sh_p,
        [
            1.0 * 0.2 / 0.5,
            0.8 * 0.2 / 0.4,
            0.5 * (1 + 0.25 * (0.2 - 0.1)),
            0.05,  # 0.06·0.2/0.9 is below the floor
            1.0,  # raised beyond the ceiling
            0.5 * (1 + 0.25 * 0.2),
        ],
    )
    np.testing.assert_array_equal(np.asarray(new), new.sh_p)
    np.testing.assert_allclose(new.rate, [0.5, 0.4, 0.1, 0.9, 0.05, 0.0])
    assert new.changed.tolist() == [True, True, True, True, False, True]


def test_eligibility_by_hand():
    new = reestimate([1.0, 0.5, 0.5, 0.4], [500, 400, 50, 100], 1000, tau=0.2, rule="eligibility")
    np.testing.assert_allclose(
        new.sh_p,
        [
            0.2 / 0.5,
            0.2 / (0.4 / 0.5),
            1.0,  # P(S) = 0.1 is within τ
            0.2 / (0.1 / 0.4),
        ],
    )


def test_logged_hold_backs_give_the_selection_rate():
    new = reestimate([0.5, 0.5], [400, 400], 1000, rule="eligibility", held_back=[100, 0], tau=0.2)
    np.testing.assert_allclose(new.selection_rate, [0.5, 0.8])
    np.testing.assert_allclose(new.sh_p, [0.2 / 0.5, 0.2 / 0.8])


@pytest.mark.parametrize(("rule", "at_cap"), [("nudge", 0.15), ("eligibility", 0.15)])
def test_each_item_has_its_own_cap(rule: str, at_cap: float):
    """On its cap of .10 an item stays, where one cap of .2 for all would let it rise."""
    seen = {"served": [100, 100, 300], "sessions": 1000, "rule": rule, "confidence": None}
    new = reestimate([0.15, 0.15, 1.0], tau=[0.1, 0.05, 0.4], **seen)
    np.testing.assert_allclose(new.sh_p[:2], [at_cap, at_cap / 2])
    assert reestimate([0.15, 0.15, 1.0], tau=0.2, **seen).sh_p[0] > at_cap
    band = reestimate([0.15] * 3, [100, 100, 300], 1000, [0.1, 0.05, 0.4], rule=rule)
    assert band.held_still.tolist() == [True, False, False]


@pytest.mark.parametrize("rule", ["nudge", "eligibility"])
def test_no_limit_raises_an_item(rule: str):
    """Over its cap and below the floor it stays; below both it rises by the rule alone."""
    new = reestimate([0.03, 0.03, 0.03], [250, 190, 2], 1000, 0.2, floor=0.05, rule=rule)
    assert new.sh_p[0] == 0.03
    assert new.sh_p[1] == 0.03  # within the dead band
    assert new.sh_p[2] >= 0.03
    at_once = reestimate([0.03], [190], 1000, 0.2, floor=0.05, confidence=None)
    assert at_once.sh_p[0] < 0.031


@pytest.mark.parametrize(
    ("tau", "said"),
    [
        ([0.2, 0.3], r"tau has shape \(2,\): give a number, or \(3,\)"),
        ([0.2, 0.3, 1.2], r"tau is 1.2: give an exposure rate in \(0, 1\]"),
        ([0.2, 0.3, float("nan")], "tau is nan"),
        (0.0, "tau is 0.0"),
    ],
)
def test_a_cap_that_is_none_is_named(tau: object, said: str):
    with pytest.raises(InvalidParameterError, match=said):
        reestimate([0.5] * 3, [1] * 3, 10, tau)


def test_repeated_application_reaches_the_target():
    """In a world where P(A) = K·P(S), eligibility lands on τ at once and nudge gets there."""
    selection = np.array([0.9, 0.5, 0.21, 0.05])
    for rule, rounds in (("eligibility", 1), ("nudge", 400)):
        sh_p = np.ones(4)
        for _ in range(rounds):
            served = np.rint(sh_p * selection * 10**7)
            sh_p = np.asarray(reestimate(sh_p, served, 10**7, rule=rule, confidence=None))
        np.testing.assert_allclose(sh_p * selection, [0.2, 0.2, 0.2, 0.05], atol=0.002)


def test_noise_in_few_sessions_moves_nothing():
    few = reestimate([0.7, 0.7], [3, 1], 10, tau=0.2)
    assert few.held_still.all()
    np.testing.assert_array_equal(few.sh_p, [0.7, 0.7])
    many = reestimate([0.7, 0.7], [3000, 1000], 10_000, tau=0.2)
    assert not many.held_still.any()
    assert (many.sh_p != 0.7).all()
    at_once = reestimate([0.7, 0.7], [3, 1], 10, tau=0.2, confidence=None)
    assert (at_once.sh_p != 0.7).all()


def test_the_dead_band_rarely_moves_an_item_that_is_on_target():
    rng = np.random.default_rng(7)
    served = rng.binomial(300, 0.2, 20_000)
    moved = reestimate(np.full(20_000, 0.6), served, 300).changed.mean()
    assert 0.02 < moved < 0.07


def test_no_sessions_move_nothing():
    for confidence in (0.95, None):
        new = reestimate([0.3, 1.0], [0, 0], 0, confidence=confidence)
        np.testing.assert_array_equal(new.sh_p, [0.3, 1.0])
        assert np.isfinite(new.rate).all()


def test_pinned_items_stay_even_outside_the_limits():
    new = reestimate([0.01, 0.9], [900, 900], 1000, pinned=np.array([True, False]))
    assert new.sh_p[0] == 0.01
    assert new.sh_p[1] == pytest.approx(0.2)


def test_fading_weighs_late_days_more():
    served = np.array([[90, 10], [10, 90]])
    even = reestimate([1.0, 1.0], served, [100, 100])
    np.testing.assert_allclose(even.rate, [0.5, 0.5])
    assert even.trials == 200
    faded = reestimate([1.0, 1.0], served, [100, 100], fading=0.5)
    np.testing.assert_allclose(faded.rate, [(45 + 10) / 150, (5 + 90) / 150])
    assert faded.trials == pytest.approx(150**2 / 125)


def test_basis_attempts_is_the_share_of_all_that_was_served():
    new = reestimate([1.0, 1.0], [300, 700], 1000, basis="attempts", tau=0.5)
    np.testing.assert_allclose(new.rate, [0.3, 0.7])
    assert new.sh_p[1] == pytest.approx(0.5 / 0.7)


@settings(max_examples=80, deadline=None)
@given(
    items=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 500), st.integers(0, 500), st.floats(0.001, 1)),
        min_size=1,
    ),
    limits=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    rule=st.sampled_from(["nudge", "eligibility"]),
    basis=st.sampled_from(["sessions", "attempts"]),
    confidence=st.sampled_from([None, 0.5, 0.95]),
)
def test_invariants(items, limits, rule, basis, confidence):
    before, served, held, tau = (np.array(column) for column in zip(*items, strict=True))
    floor, ceil = sorted(limits)
    new = reestimate(
        before,
        served,
        500,
        tau,
        floor,
        ceil,
        rule,
        held_back=np.minimum(held, 500 - served),
        basis=basis,
        confidence=confidence,
    )
    assert np.isfinite(new.sh_p).all()
    moved = new.changed
    assert ((new.sh_p >= np.minimum(floor, before)) & (new.sh_p <= ceil))[moved].all()
    assert (new.sh_p <= before)[new.rate > tau].all()
    assert not (moved & new.held_still).any()
    assert (new.lower <= new.rate + 1e-12).all()
    assert (new.rate <= new.upper + 1e-12).all()


def test_the_arguments_are_left_alone():
    before, served = np.array([0.5, 0.6]), np.array([400, 10])
    reestimate(before, served, 1000)
    assert before.tolist() == [0.5, 0.6]
    assert served.tolist() == [400, 10]


def test_wilson_against_published_values():
    """Newcombe (1998), Table I: 81/263, 15/148, 0/20, 1/29."""
    lower, upper = wilson_interval(
        np.array([81 / 263, 15 / 148, 0.0, 1 / 29]), np.array([263, 148, 20, 29]), 0.95
    )
    np.testing.assert_allclose(lower, [0.2553, 0.0624, 0.0, 0.0061], atol=5e-5)
    np.testing.assert_allclose(upper, [0.3662, 0.1605, 0.1611, 0.1718], atol=5e-5)


GOOD = {"sh_p": [0.5, 0.5], "served": [10, 10], "sessions": 100}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sh_p": [0.5, np.nan]}, r"sh_p\[1\] is nan"),
        ({"sh_p": [0.5, 1.3]}, r"sh_p\[1\] is 1.3"),
        ({"sh_p": []}, "sh_p has shape"),
        ({"served": [10]}, "served has shape"),
        ({"served": [10, -1]}, "served of item 1 is -1"),
        ({"served": [10, 101]}, "item 1 was served 101 times in 100 sessions"),
        ({"sessions": -5}, "sessions are"),
        ({"sessions": [100, 100]}, "sessions has shape"),
        ({"held_back": [1]}, "held_back has shape"),
        ({"held_back": [[1, 1], [1, 1]]}, "held_back has shape"),
        ({"pinned": [1, 0]}, "pinned has"),
        ({"tau": 0}, "tau is 0"),
        ({"floor": 0.5, "ceil": 0.2}, "floor is 0.5"),
        ({"rule": "guess"}, "rule is 'guess'"),
        ({"basis": "days"}, "basis is 'days'"),
        ({"fading": 0.0}, "fading is 0"),
        ({"confidence": 1.0}, "confidence is 1"),
    ],
)
def test_bad_input_is_refused(change, words):
    with pytest.raises(InvalidParameterError, match=words):
        reestimate(**(GOOD | change))
