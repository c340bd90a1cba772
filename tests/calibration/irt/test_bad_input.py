import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import calibration as cal

GOOD = ([0, 0, 1, 1], [0, 1, 0, 1], [1, 0, 0, 1])


@pytest.mark.parametrize(
    ("person", "item", "correct", "message"),
    [
        ([0, 0, 0], [1, 1, 0], [1, 0, 1], "person 0 answered item 1 twice"),
        ([0, 1, 0], [1, 0, 1], [1, 0, 1], "person 0 answered item 1 twice"),
        ([0, 1], [0, 0], [1, np.nan], r"correct\[1\] is nan \(1 such\): give 0 and 1"),
        ([0, 1], [0, 0], [1, 0.5], r"correct\[1\] is 0\.5"),
        ([0, 1], [0, 0], [1, -1], r"correct\[1\] is -1"),
        ([0, 1], [0, 0], ["1", "0"], "correct has dtype"),
        ([0, -3], [0, 0], [1, 0], r"person\[1\] is -3"),
        ([0, np.nan], [0, 0], [1, 0], r"person\[1\] is nan"),
        ([0, np.inf], [0, 0], [1, 0], r"person\[1\] is inf"),
        ([0, 1], [0, 1.5], [1, 0], r"item\[1\] is 1\.5: codes must be whole"),
        ([0, 1], [0, 2**40], [1, 0], r"item\[1\] is 1099511627776"),
        (["a", "b"], [0, 0], [1, 0], "person has dtype .*integer codes"),
        ([0, 1, 2], [0, 1], [1, 0], "have 3, 2 and 2 entries"),
        ([[0, 1]], [[0, 1]], [[1, 0]], r"person has shape \(1, 2\)"),
        ([], [], [], "there are no responses"),
    ],
)
def test_malformed_responses(person, item, correct, message):
    with pytest.raises(cal.InvalidResponsesError, match=message):
        cal.fit(person, item, correct)


def test_codes_beyond_the_counts_given():
    with pytest.raises(cal.InvalidResponsesError, match=r"item\[1\] is 1: .*from 0 to 0"):
        cal.fit(*GOOD, item_count=1)
    with pytest.raises(cal.InvalidResponsesError, match=r"person\[2\] is 1"):
        cal.fit(*GOOD, person_count=1)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"model": "4pl"}, "model is '4pl': give one of 1pl, 2pl, 3pl"),
        ({"model": ["2pl"]}, "model names 1 items and the responses have 2"),
        ({"D": 0}, "D is 0"),
        ({"D": float("nan")}, "D is nan"),
        ({"priors": "flat"}, "priors is 'flat'"),
        ({"nodes": 3}, "nodes is 3"),
        ({"nodes": 20.5}, r"nodes is 20\.5"),
        ({"bounds": (3, 3)}, "bounds are"),
        ({"min_n": "few"}, "min_n is 'few'"),
        ({"min_n": -1}, "min_n is -1"),
        ({"min_n": {"5pl": 1}}, "unknown models: 5pl"),
        ({"tol": 0}, "tol is 0"),
        ({"max_cycles": 0}, "max_cycles is 0"),
        ({"threads": 0}, "threads is 0"),
        ({"group": "loose"}, "group is 'loose'"),
        ({"group": "free"}, "needs fixed items"),
        ({"fixed": cal.KnownItems([7], [1.0], [0.0])}, "known item 7 is not among the 2"),
        ({"previous": cal.KnownItems([7], [1.0], [0.0])}, "known item 7 is not among the 2"),
    ],
)
def test_options_out_of_range(option, message):
    with pytest.raises(cal.InvalidParameterError, match=message):
        cal.fit(*GOOD, **option)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0], "weight has shape"),
        ([1.0, -1.0], r"weight\[1\] is -1"),
        ([np.nan, 1.0], r"weight\[0\] is nan"),
        ([0.0, 0.0], "all person weights are 0"),
    ],
)
def test_bad_weights(weight, message):
    with pytest.raises(cal.InvalidResponsesError, match=message):
        cal.fit(*GOOD, weight=weight)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0], [0.0], [0.0]), "discriminations must be > 0"),
        (([0], [1.0], [np.nan]), "values must be finite"),
        (([0], [1.0], [0.0], [-0.1]), "lower asymptotes must be in"),
        (([0, 0], [1.0, 1.0], [0.0, 0.0]), "unique"),
        (([-1], [1.0], [0.0]), "≥ 0 and unique"),
        (([0.5], [1.0], [0.0]), "dtype float64"),
        (([0, 1], [1.0], [0.0]), r"shape \(2,\)"),
    ],
)
def test_bad_known_items(arguments, message):
    with pytest.raises(cal.InvalidParameterError, match=message):
        cal.KnownItems(*arguments)


def test_bad_known_errors():
    with pytest.raises(cal.InvalidParameterError, match="se_a has shape"):
        cal.KnownItems([0], [1.0], [0.0], se_a=[0.1, 0.1])
    with pytest.raises(cal.InvalidParameterError, match="se_b must be"):
        cal.KnownItems([0], [1.0], [0.0], se_b=[np.nan])


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (lambda: cal.LogNormal(0, 0), "sigma of the lognormal prior is 0"),
        (lambda: cal.Normal(0, -1), "sd of the normal prior is -1"),
        (lambda: cal.Beta(0.5, 2), "alpha of the beta prior is 0.5"),
        (lambda: cal.Beta(1, 1), "has no mode"),
        (lambda: cal.LogNormal(0, float("nan")), "is nan"),
    ],
)
def test_bad_priors(prior, message):
    with pytest.raises(cal.InvalidParameterError, match=message):
        prior()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    persons=st.integers(1, 30),
    items=st.integers(1, 6),
    share=st.floats(0.1, 1.0),
    right=st.floats(0.0, 1.0),
    model=st.sampled_from(["1pl", "2pl", "3pl"]),
    priors=st.sampled_from(["default", None]),
)
def test_any_well_formed_data_give_numbers(seed, persons, items, share, right, model, priors):
    rng = np.random.default_rng(seed)
    seen = rng.random((persons, items)) < share
    seen[0, 0] = True
    person, item = np.nonzero(seen)
    correct = rng.random(person.size) < right
    fit = cal.fit(
        person, item, correct, model=model, priors=priors, item_count=items, min_n=0, max_cycles=60
    )
    for name in ("a", "b", "c", "se_a", "se_b", "se_c", "intercept", "se_intercept"):
        assert not np.isnan(getattr(fit, name)).any()
    assert np.isfinite([fit.log_likelihood, fit.log_posterior, fit.group_mean]).all()
    assert ((fit.c >= 0) & (fit.c < 1)).all()
    assert fit.log_likelihood <= 0
