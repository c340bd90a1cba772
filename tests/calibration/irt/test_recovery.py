"""Recovery of planted parameters, over several seeds and with thresholds from sampling theory."""

import numpy as np
import pytest

import calibration as cal
from tests.calibration.irt import planted

SEEDS = (11, 12, 13)


def coverage(estimate, truth, se):
    """Share of items whose 95 % interval holds the truth."""
    return np.mean(np.abs(estimate - truth) < 1.96 * se)


@pytest.mark.parametrize("seed", SEEDS)
def test_two_pl_intervals_cover(seed):
    data = planted.draw(seed, 3000, 60, 30)
    fit = cal.fit(*data.responses, priors=None)
    # 60 items: a share of .95 has a standard error of .028; four of them below
    assert coverage(fit.a, data.a, fit.se_a) > 0.84
    assert coverage(fit.b, data.b, fit.se_b) > 0.84
    # and the errors are no wider than the misses: mean squared z is 1 ± 4·sqrt(2/60)
    assert 0.4 < np.mean(((fit.a - data.a) / fit.se_a) ** 2) < 1.8
    assert 0.4 < np.mean(((fit.b - data.b) / fit.se_b) ** 2) < 1.8


@pytest.mark.parametrize("seed", SEEDS)
def test_three_pl_with_priors(seed):
    data = planted.draw(seed, 4000, 40, c=0.22)
    fit = cal.fit(*data.responses, model="3pl")
    assert fit.converged
    assert planted.rmse(fit.b, data.b) < 0.25
    assert np.corrcoef(fit.b, data.b)[0, 1] > 0.98
    assert np.corrcoef(fit.a, data.a)[0, 1] > 0.75
    assert abs(np.mean(fit.c - data.c)) < 0.04


@pytest.mark.parametrize("seed", SEEDS)
def test_one_pl(seed):
    data = planted.draw(seed, 2000, 40, 20, a_sd=0.0)
    fit = cal.fit(*data.responses, model="1pl", priors=None)
    assert abs(fit.a[0] - 1) < 4 * fit.se_a[0]
    assert coverage(fit.b, data.b, fit.se_b) > 0.8


@pytest.mark.parametrize("seed", SEEDS)
def test_adaptive_data_recover_planted_parameters(seed):
    """Who was given an item depends on the answers before it, and the estimates do not care."""
    data = planted.draw_adaptive(seed, 6000, 80, 20)
    fit = cal.fit(*data.responses, priors=None, min_n=300)
    done = fit.estimated
    assert done.sum() > 50
    z_a = ((fit.a - data.a) / fit.se_a)[done]
    z_b = ((fit.b - data.b) / fit.se_b)[done]
    assert np.mean(np.abs(z_a) < 1.96) > 0.84
    assert np.mean(np.abs(z_b) < 1.96) > 0.84
    # a method that took missing answers for wrong, or the sample for one level, would drift here
    precise = done & (fit.se_b < 0.2)
    assert precise.sum() > 40
    assert abs(np.mean(fit.b[precise] - data.b[precise])) < 0.06
    assert 0.95 < np.polyfit(data.b[precise], fit.b[precise], 1)[0] < 1.05


def test_person_weights_are_repeated_persons():
    data = planted.draw(21, 400, 10)
    weight = np.tile([1.0, 3.0], 200)
    weighted = cal.fit(*data.responses, weight=weight, min_n=0)
    copies = np.repeat(np.arange(400), weight.astype(int))
    answers = data.correct[np.lexsort((data.item, data.person))].reshape(400, 10)[copies]
    person, item = np.divmod(np.arange(answers.size), 10)
    repeated = cal.fit(person, item, answers.ravel(), min_n=0)
    np.testing.assert_allclose(weighted.a, repeated.a, atol=1e-6)
    np.testing.assert_allclose(weighted.se_b, repeated.se_b, rtol=1e-3)
    np.testing.assert_allclose(weighted.log_likelihood, repeated.log_likelihood, rtol=1e-10)
