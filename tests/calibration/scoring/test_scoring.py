import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar

import calibration as cal
from tests.calibration.irt import planted

NODES = np.linspace(-6, 6, 61)


@pytest.fixture(scope="module")
def data():
    return planted.draw(1, 400, 30, 20, c=0.2)


@pytest.fixture(scope="module")
def bank(data):
    return cal.ItemBank(data.a, data.b, data.c)


def one_person(data, person):
    chosen = data.person == person
    return data.item[chosen], data.correct[chosen]


def log_likelihood(theta, data, item, correct):
    p = data.c[item] + (1 - data.c[item]) / (
        1 + np.exp(-1.7 * data.a[item] * (theta - data.b[item]))
    )
    return np.sum(np.where(correct == 1, np.log(p), np.log(1 - p)))


def test_eap_is_the_posterior_mean(data, bank):
    score = cal.eap(bank, *data.responses, mean=0.3, sd=1.2)
    for person in range(0, 400, 57):
        item, correct = one_person(data, person)
        log_post = np.array([log_likelihood(t, data, item, correct) for t in NODES])
        weight = np.exp(log_post - 0.5 * ((NODES - 0.3) / 1.2) ** 2)
        weight /= weight.sum()
        mean = weight @ NODES
        assert_allclose(score.theta[person], mean, atol=1e-10)
        assert_allclose(score.sd[person], np.sqrt(weight @ (NODES - mean) ** 2), atol=1e-10)
    assert (score.n == 20).all()


def test_eap_recovers_ability_with_an_honest_sd(data, bank):
    score = cal.eap(bank, *data.responses)
    z = (score.theta - data.theta) / score.sd
    assert abs(z.mean()) < 4 / np.sqrt(400)
    assert 0.8 < z.std() < 1.2


def test_incremental_updates_arrive_at_the_batch_score(data, bank):
    ranked = cal.RankedBank.of(bank)
    batch = cal.eap(bank, *data.responses, nodes=ranked.nodes.size, bounds=(-4, 4))
    for person in range(0, 400, 91):
        now = cal.ability(ranked)
        for j, x in zip(*one_person(data, person), strict=True):
            now = cal.ability(ranked, [j], [x], now.posterior)
        expected = [batch.theta[person], batch.sd[person]]
        assert_allclose([now.theta, now.sd], expected, atol=1e-5)  # delivery's is single precision


def test_threads_and_order_do_not_matter(data, bank):
    order = np.random.default_rng(1).permutation(data.person.size)
    straight = cal.eap(bank, *data.responses, threads=1)
    shuffled = cal.eap(bank, data.person[order], data.item[order], data.correct[order], threads=2)
    assert_allclose(shuffled.theta, straight.theta, atol=1e-12)


def test_who_answered_nothing_gets_the_prior(bank):
    score = cal.eap(bank, [1], [0], [1], mean=0.5, sd=0.8, person_count=3)
    assert score.theta[0] == score.theta[2] == 0.5
    assert score.sd[0] == score.sd[2] == 0.8
    nobody = cal.eap(bank, [], [], [], person_count=2)
    assert nobody.theta.tolist() == [0.0, 0.0]


def test_mle_is_the_highest_point(data, bank):
    estimate = cal.mle(bank, *data.responses)
    inside = np.flatnonzero(~estimate.at_bound)
    assert inside.size > 300
    for person in inside[::29]:
        item, correct = one_person(data, person)
        best = max(
            (
                minimize_scalar(
                    lambda t, i=item, x=correct: -log_likelihood(t, data, i, x),
                    bounds=(low, low + 2),
                    method="bounded",
                    options={"xatol": 1e-9},
                )
                for low in np.arange(-6, 6, 1.0)
            ),
            key=lambda found: -found.fun,
        )
        assert_allclose(estimate.theta[person], best.x, atol=1e-5)


def test_mle_of_a_perfect_score_is_at_the_bound_and_wle_is_not():
    bank = cal.ItemBank(np.ones(10), np.linspace(-2, 2, 10))
    person, item = np.divmod(np.arange(20), 10)
    correct = np.repeat([1, 0], 10)
    likelihood = cal.mle(bank, person, item, correct)
    assert likelihood.at_bound.tolist() == [True, True]
    assert likelihood.theta.tolist() == [6.0, -6.0]
    weighted = cal.wle(bank, person, item, correct)
    assert not weighted.at_bound.any()
    assert_allclose(weighted.theta[0], -weighted.theta[1], atol=1e-9)
    assert 2 < weighted.theta[0] < 4


def test_wle_solves_warms_equation():
    """d/dθ log L + J/(2I) = 0 by finite differences (Warm 1989, equation 9)."""
    data = planted.draw(5, 50, 15)
    bank = cal.ItemBank(data.a, data.b)
    estimate = cal.wle(bank, *data.responses)

    def curve(theta, item):
        return 1 / (1 + np.exp(-1.7 * data.a[item] * (theta - data.b[item])))

    h = 1e-4
    for person in range(50):
        item, correct = one_person(data, person)
        t = estimate.theta[person]
        p, up, down = curve(t, item), curve(t + h, item), curve(t - h, item)
        first, second = (up - down) / (2 * h), (up - 2 * p + down) / h**2
        score = np.sum((correct - p) * first / (p * (1 - p)))
        information = np.sum(first**2 / (p * (1 - p)))
        warm = np.sum(first * second / (p * (1 - p)))
        assert abs(score + warm / (2 * information)) < 1e-3
        assert_allclose(estimate.se[person], 1 / np.sqrt(information), rtol=1e-5)


def test_wle_is_less_biased_than_mle():
    data = planted.draw(6, 4000, 20, sd=0.0, mean=1.5)
    bank = cal.ItemBank(data.a, data.b)
    weighted = cal.wle(bank, *data.responses).theta
    likelihood = cal.mle(bank, *data.responses).theta
    assert abs(weighted.mean() - 1.5) < 0.03
    assert abs(likelihood.mean() - 1.5) > abs(weighted.mean() - 1.5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 1), min_size=1, max_size=12), st.integers(0, 2**31))
def test_a_right_answer_never_lowers_the_eap(answers, seed):
    rng = np.random.default_rng(seed)
    count = len(answers) + 1
    bank = cal.ItemBank(np.exp(rng.normal(0, 0.4, count)), rng.normal(0, 1.5, count))
    item = np.arange(count)
    theta = [
        cal.eap(bank, np.zeros(count, int), item, [*answers, last]).theta[0] for last in (0, 1)
    ]
    assert theta[0] < theta[1]


@pytest.mark.parametrize("score", [cal.eap, cal.mle, cal.wle])
@pytest.mark.parametrize(
    ("person", "item", "correct", "message"),
    [
        ([0], [30], [1], "item 30 is not in the bank"),
        ([0], [-1], [1], r"item\[0\] is -1"),
        ([0, 0], [1, 1], [1, 0], "person 0 answered item 1 twice"),
        ([0], [1], [np.nan], r"correct\[0\] is nan"),
        ([0], [1], [2], r"correct\[0\] is 2"),
        ([0, 1], [1], [1], "2, 1 and 1"),
        ([], [], [], "no responses"),
        ([0.5], [1], [1], r"person\[0\] is 0.5"),
    ],
)
def test_bad_responses(bank, score, person, item, correct, message):
    with pytest.raises(cal.InvalidResponsesError, match=message):
        score(bank, person, item, correct)


def test_bad_options(bank):
    with pytest.raises(cal.InvalidParameterError, match="sd > 0"):
        cal.eap(bank, [0], [0], [1], sd=0)
    with pytest.raises(cal.InvalidParameterError, match="nodes is 2"):
        cal.eap(bank, [0], [0], [1], nodes=2)
    with pytest.raises(cal.InvalidParameterError, match="bounds"):
        cal.mle(bank, [0], [0], [1], bounds=(2, -2))
