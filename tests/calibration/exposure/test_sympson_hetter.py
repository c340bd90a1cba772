"""Sympson–Hetter: invariants, caps, topics, refusals, honesty of its verdicts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration import (
    ExposureControl,
    InfeasibleExposureError,
    InvalidParameterError,
    ItemBank,
    Population,
    simulate,
    sympson_hetter,
)
from calibration.exposure.certificate import upper_bounds
from calibration.exposure.update import completable, updated

QUICK = {"n": 1000, "test_length": 20, "iters": 6, "certificate_n": 2000}


@settings(max_examples=25, deadline=None)
@given(
    tau=st.floats(0.15, 1.0),
    alpha=st.floats(0.2, 1.0),
    floor=st.floats(0, 0.2),
    seed=st.integers(0, 2**32),
)
def test_invariants(by_topic, tau, alpha, floor, seed):
    run = sympson_hetter(by_topic, tau, alpha=alpha, floor=floor, seed=seed, **QUICK)
    assert run.administered.sum() == pytest.approx(20)
    assert (run.administered <= run.selected).all()
    assert ((run.sh_p >= floor) & (run.sh_p <= 1)).all()
    assert (run.sh_p == 1).sum() >= 20
    assert run.certificate.forced == 0
    assert run.certificate.max_exposure_upper >= run.certificate.max_exposure
    assert run.converged == (run.stopped_reason == "converged")
    assert run.best.max_over == min(entry.max_over for entry in run.history)


def test_the_parameters_are_those_that_produced_the_rates(by_topic):
    """Run the best iteration again from its own seed: the same rates, to the last bit."""
    from calibration.cat.population import derived_seed
    from calibration.cat.simulation import draw_examinees

    run = sympson_hetter(by_topic, 0.2, seed=6, **QUICK)
    assert run.best.iter > 1
    seed = derived_seed(6, run.best.iter)
    population = Population.of("normal(0,1)")
    theta = draw_examinees(population, seed, 0, 1000, np.empty(0)).theta
    again = simulate(by_topic, theta, 20, run.sh_p, seed=seed)
    np.testing.assert_array_equal(again.administered, run.administered)
    assert again.administered.max() == run.best.max_exp


def test_same_seed_same_parameters_whatever_the_threads(by_topic):
    first = sympson_hetter(by_topic, 0.2, seed=3, threads=1, **QUICK)
    second = sympson_hetter(by_topic, 0.2, seed=3, threads=3, **QUICK)
    np.testing.assert_array_equal(first.sh_p, second.sh_p)
    assert first.history == second.history
    other = sympson_hetter(by_topic, 0.2, seed=4, **QUICK)
    assert not np.array_equal(first.sh_p, other.sh_p)


def test_no_cap_leaves_all_at_one(by_topic):
    run = sympson_hetter(by_topic, 1.0, seed=1, **QUICK)
    assert (run.sh_p == 1).all()
    assert run.converged
    assert len(run.history) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_certificate_keeps_what_convergence_promised(by_topic, seed):
    run = sympson_hetter(by_topic, 0.2, seed=seed, test_length=25)
    assert run.converged
    assert run.certificate.max_exposure <= 0.21
    assert run.certificate.max_exposure_upper <= 0.22
    assert run.certificate.seed not in (seed, run.best.iter)
    assert run.certificate.rmse > run.certificate.rmse_before
    assert (run.certificate.se > 0).all()


def test_gentle_form_says_that_it_has_not_converged(reference):
    run = sympson_hetter(reference, 0.2, n=400, iters=5, alpha=0.6, seed=1)
    assert not run.converged
    assert run.stopped_reason == "max_iterations"
    assert run.best.max_exp > 0.25


def test_topic_caps_hold_in_their_topics(by_topic):
    run = sympson_hetter(
        by_topic, 0.3, topic_tau={2: 0.15}, topic_weights={1: 3.0, 3: 1.0}, seed=5, test_length=25
    )
    topic = by_topic.bank.topic
    assert set(run.cap[topic == 2]) == {0.15}
    np.testing.assert_allclose(run.cap[topic == 1], 0.3 * 3 / 4)
    np.testing.assert_allclose(run.cap[topic == 3], 0.3 / 4)
    assert run.converged
    assert run.certificate.max_over <= 0.015
    for code in (1, 2, 3):
        rate = run.certificate.administered[topic == code].max()
        assert rate <= run.cap[topic == code][0] + 0.015


def test_topic_tau_wins_over_weights_and_others_have_tau(by_topic):
    run = sympson_hetter(by_topic, 0.4, topic_tau={1: 0.2}, topic_weights={1: 9.0}, seed=5, **QUICK)
    topic = by_topic.bank.topic
    assert set(run.cap[topic == 1]) == {0.2}
    assert set(run.cap[topic != 1]) == {0.4}


def test_quota_of_each_topic_can_be_completed(by_topic):
    quota = {1: (10, 12), 2: (5, 20), 3: (5, 6)}
    run = sympson_hetter(by_topic, 0.25, quota=quota, seed=5, **QUICK)
    topic = by_topic.bank.topic
    for code, (low, _) in quota.items():
        assert (run.sh_p[topic == code] == 1).sum() >= low
    assert run.certificate.forced == 0
    rate = [run.administered[topic == code].sum() for code in (1, 2, 3)]
    assert rate[0] <= 12
    assert rate[2] >= 5


@given(
    sh_p=st.lists(st.floats(0, 0.99), min_size=300, max_size=300),
    low=st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)),
)
@settings(max_examples=30, deadline=None)
def test_ones_suffice_for_length_and_quota(by_topic, sh_p, low):
    quota = {code: (least, least + 4) for code, least in zip((1, 2, 3), low, strict=True)}
    length = sum(low) + 5
    control = ExposureControl.of(by_topic, quota=quota)
    given_sh_p = np.array(sh_p)
    out = completable(given_sh_p, by_topic, control, length)
    topic = by_topic.bank.topic
    ones = {code: int((out[topic == code] == 1).sum()) for code in (1, 2, 3)}
    assert all(ones[code] >= quota[code][0] for code in ones)
    assert sum(min(ones[code], quota[code][1]) for code in ones) >= length
    np.testing.assert_array_equal(out[out < 1], given_sh_p[out < 1])


@given(
    k=st.floats(0.001, 1),
    ps=st.just(0.0) | st.floats(1e-9, 1),
    cap=st.floats(0.01, 1),
    alpha=st.floats(0.05, 1),
)
def test_update_is_its_formula(k, ps, cap, alpha):
    got = updated(np.array([k]), np.array([k * ps]), np.array([cap]), alpha, 0.02, 0.9)[0]
    if k * ps == 0:
        assert got == 0.9
        return
    assert got == pytest.approx(min(max(k * (cap / (k * ps)) ** alpha, 0.02), 0.9))
    if alpha == 1:
        assert got == pytest.approx(min(max(cap / ps, 0.02), 0.9))


def test_bounds_cover_together():
    """The bounds of 60 items hold together in 95 % of repetitions, less binomial error."""
    rng = np.random.default_rng(4)
    rate = rng.uniform(0, 0.3, 60)
    count = rng.binomial(400, rate, (1000, 60))
    held = np.mean([(upper_bounds(row, 400, 0.95) >= rate).all() for row in count])
    assert held >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / 1000)
    assert upper_bounds(np.array([400, 0]), 400, 0.95)[0] == 1.0
    assert upper_bounds(np.array([400, 0]), 400, 0.95)[1] < 0.02


def test_progress_and_cancellation(by_topic):
    seen = []

    def watch(entry):
        seen.append(entry)
        return entry.iter < 3

    run = sympson_hetter(by_topic, 0.2, seed=1, on_iteration=watch, **QUICK)
    assert [entry.iter for entry in seen] == [1, 2, 3]
    assert seen == list(run.history)
    assert run.stopped_reason == "canceled"
    assert run.certificate is None
    assert not run.converged
    assert np.isfinite(run.sh_p).all()


def test_infeasible_caps_are_refused_with_the_way_out(by_topic):
    with pytest.raises(InfeasibleExposureError, match=r"none below 0\.0833") as caught:
        sympson_hetter(by_topic, 0.05, seed=1, test_length=25)
    assert caught.value.shortfall == pytest.approx(25 - 0.05 * 300)
    assert caught.value.least_tau == pytest.approx(25 / 300, abs=2e-6)
    sympson_hetter(by_topic, caught.value.least_tau, seed=1, **(QUICK | {"test_length": 25}))


def test_infeasible_quota_names_the_topic(by_topic):
    with pytest.raises(InfeasibleExposureError, match="topic 3 must give 15") as caught:
        sympson_hetter(by_topic, 0.25, quota={3: (15, 20)}, seed=1, test_length=25)
    assert caught.value.least_tau == pytest.approx(15 / 50, abs=2e-6)


def test_topic_caps_that_no_tau_can_mend(by_topic):
    with pytest.raises(InfeasibleExposureError, match="one common cap") as caught:
        sympson_hetter(by_topic, 0.2, topic_tau={1: 0.05, 2: 0.05, 3: 0.05}, seed=1, test_length=25)
    assert caught.value.least_tau == pytest.approx(25 / 300, abs=2e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tau": 0.0}, "tau is 0"),
        ({"tau": 1.1}, "tau is 1.1"),
        ({"tau": np.nan}, "tau is nan"),
        ({"n": 0}, "n is 0"),
        ({"n": 10.5}, "n is 10.5"),
        ({"iters": 0}, "iters is 0"),
        ({"alpha": 0.0}, "alpha is 0"),
        ({"alpha": 1.5}, "alpha is 1.5"),
        ({"floor": -0.1}, "floor is -0.1"),
        ({"floor": 0.5, "ceil": 0.4}, "floor is 0.5 and ceil 0.4"),
        ({"tol": -1}, "tol is -1"),
        ({"seed": -3}, "seed is -3"),
        ({"topic_tau": {9: 0.1}}, "topic_tau names topic 9"),
        ({"topic_tau": {1: 0.0}}, "topic_tau of topic 1"),
        ({"topic_weights": {9: 1.0}}, "topic_weights names topic 9"),
        ({"topic_weights": {1: -1.0}}, "topic_weights of topic 1"),
        ({"theta_dist": "cauchy(0,1)"}, "theta_dist"),
        ({"theta_dist": [0.0, np.inf]}, r"theta\[1\]"),
        ({"test_length": 301}, "the pool has 300"),
    ],
)
def test_bad_input_is_refused(by_topic, change, words):
    with pytest.raises(InvalidParameterError, match=words):
        sympson_hetter(by_topic, **({"seed": 1} | change))


def test_topics_need_a_bank_with_topics():
    with pytest.raises(InvalidParameterError, match="topic_tau names topic 1"):
        sympson_hetter(ItemBank([1.0] * 30, [0.0] * 30), topic_tau={1: 0.2}, seed=1, test_length=5)
