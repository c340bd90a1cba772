"""Published values (R mirt 1.45.1 for 1PL and 2PL, direct optimisation for the 3PL)."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import calibration as cal
from tests.calibration.irt import lsat7

WITHIN = 1e-3


@pytest.fixture(scope="module")
def two_pl():
    return cal.fit(*lsat7.responses(), model="2pl", D=1.0, priors=None)


def test_two_pl_parameters(two_pl):
    assert two_pl.converged
    assert two_pl.stopped_reason == "converged"
    assert_allclose(two_pl.log_likelihood, -2658.80511, atol=1e-4)
    assert_allclose(two_pl.a, [0.98755, 1.08084, 1.70748, 0.76499, 0.73567], atol=WITHIN)
    intercept = [1.85586, 0.80797, 1.80521, 0.48600, 1.85446]
    assert_allclose(two_pl.intercept, intercept, atol=WITHIN)
    b = [-1.87926, -0.74754, -1.05724, -0.63530, -2.52076]
    assert_allclose(two_pl.b, b, atol=WITHIN)
    assert not two_pl.c.any()


def test_two_pl_standard_errors(two_pl):
    assert_allclose(two_pl.se_a, [0.1772, 0.1688, 0.3211, 0.1341, 0.1511], atol=WITHIN)
    assert_allclose(two_pl.se_intercept, [0.1315, 0.0912, 0.2048, 0.0749, 0.1144], atol=WITHIN)
    assert not two_pl.se_c.any()


def test_rasch_log_likelihood():
    one_pl = cal.fit(*lsat7.responses(), model="1pl", D=1.0, priors=None)
    assert_allclose(one_pl.log_likelihood, -2664.90089, atol=1e-4)
    assert np.ptp(one_pl.a) == 0
    assert one_pl.n_parameters == 6


def test_three_pl_with_a_prior_on_c():
    priors = cal.Priors(c=cal.Beta(5, 17))
    three = cal.fit(*lsat7.responses(), model="3pl", D=1.0, priors=priors)
    assert_allclose(three.log_likelihood, -2659.13248, atol=WITHIN)
    assert_allclose(three.log_posterior, -2651.61423, atol=1e-4)
    assert_allclose(three.a, [1.0826, 1.4962, 2.0698, 0.8730, 0.8066], atol=WITHIN)
    assert_allclose(three.b, [-1.4734, -0.2428, -0.7581, -0.1416, -1.9767], atol=WITHIN)
    assert_allclose(three.c, [0.1933, 0.2146, 0.1866, 0.1691, 0.1979], atol=WITHIN)


def test_eap(two_pl):
    patterns = np.array([[0, 0, 0, 0, 0], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1]])
    person, item = np.divmod(np.arange(15), 5)
    score = cal.eap(two_pl.bank(), person, item, patterns.ravel())
    assert_allclose(score.theta, [-1.870, 0.141, 0.727], atol=WITHIN)
    assert_allclose(score.sd, [0.693, 0.741, 0.801], atol=WITHIN)


def test_the_normal_metric_rescales_a_and_nothing_else(two_pl):
    normal = cal.fit(*lsat7.responses(), model="2pl", D=1.7, priors=None)
    assert_allclose(normal.a * 1.7, two_pl.a, atol=1e-6)
    assert_allclose(normal.b, two_pl.b, atol=1e-6)
    assert_allclose(normal.log_likelihood, two_pl.log_likelihood, atol=1e-8)


def test_node_check_finds_61_nodes_enough(two_pl):
    check = two_pl.node_check
    assert check.nodes == 121
    assert abs(check.log_likelihood_change) < 1e-5
    assert max(check.largest_a_change, check.largest_b_change) < 1e-5


def test_node_check_finds_7_nodes_too_few():
    coarse = cal.fit(*lsat7.responses(), D=1.0, priors=None, nodes=7)
    assert abs(coarse.node_check.log_likelihood_change) > 0.01
    assert coarse.node_check.largest_a_change > 0.005
