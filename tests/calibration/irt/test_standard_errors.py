"""Standard errors against second differences of the marginal likelihood written out in full."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import calibration as cal
from tests.calibration.irt import oracle, planted


def errors_of(objective, x):
    return np.sqrt(np.diag(np.linalg.inv(-oracle.hessian(objective, x))))


@pytest.mark.parametrize("each", [7, 5], ids=["complete", "sparse"])
def test_two_pl(each):
    data = planted.draw(33, 1200, 7, each)
    fit = cal.fit(*data.responses, priors=None, min_n=0)
    answers = oracle.wide(data, 7)

    def objective(x):
        return oracle.log_likelihood(answers, x[:7], x[7:], np.zeros(7), 1.7)

    x = np.concatenate([fit.a, fit.b])
    assert_allclose(fit.log_likelihood, objective(x), rtol=1e-10)
    assert_allclose(np.concatenate([fit.se_a, fit.se_b]), errors_of(objective, x), rtol=2e-3)


def test_three_pl_with_all_priors():
    data = planted.draw(4, 1500, 5, c=0.2)
    priors = cal.default_priors(1.7)
    fit = cal.fit(*data.responses, model="3pl", min_n=0)
    answers = oracle.wide(data, 5)

    def objective(x):
        a, b, c = x.reshape(3, 5)
        return oracle.log_likelihood(answers, a, b, c, 1.7) + oracle.log_prior(priors, a, b, c)

    x = np.concatenate([fit.a, fit.b, fit.c])
    assert_allclose(fit.log_posterior, objective(x), rtol=1e-10)
    assert_allclose(
        np.concatenate([fit.se_a, fit.se_b, fit.se_c]), errors_of(objective, x), rtol=2e-3
    )


def test_mixed_models_share_the_one_pl_slope():
    data = planted.draw(5, 1200, 6, c=0.15)
    model = ["1pl", "1pl", "1pl", "2pl", "2pl", "3pl"]
    priors = cal.Priors(a=cal.LogNormal(0.0, 0.5), c=cal.Beta(5, 17))
    fit = cal.fit(*data.responses, model=model, priors=priors, min_n=0)
    answers = oracle.wide(data, 6)

    def objective(x):
        a = x[[0, 0, 0, 1, 2, 3]]
        c = np.append(np.zeros(5), x[10])
        likelihood = oracle.log_likelihood(answers, a, x[4:10], c, 1.7)
        return likelihood + oracle.log_prior(priors, x[:4], x[4:10], x[10:])

    x = np.concatenate([fit.a[2:], fit.b, fit.c[5:]])
    assert fit.n_parameters == x.size
    assert_allclose(fit.log_posterior, objective(x), rtol=1e-10)
    errors = errors_of(objective, x)
    assert_allclose(fit.se_a, errors[[0, 0, 0, 1, 2, 3]], rtol=2e-3)
    assert_allclose(fit.se_b, errors[4:10], rtol=2e-3)
    assert_allclose(fit.se_c, [0, 0, 0, 0, 0, errors[10]], rtol=2e-3)


def test_fixed_items_with_a_free_group():
    data = planted.draw(6, 900, 8, mean=0.7, sd=1.3)
    fixed = cal.KnownItems(np.arange(5), data.a[:5], data.b[:5])
    fit = cal.fit(*data.responses, priors=None, fixed=fixed, min_n=0)
    answers = oracle.wide(data, 8)

    def objective(x):
        a, b = np.append(data.a[:5], x[:3]), np.append(data.b[:5], x[3:6])
        return oracle.log_likelihood(answers, a, b, np.zeros(8), 1.7, x[6], x[7])

    x = np.concatenate([fit.a[5:], fit.b[5:], [fit.group_mean, fit.group_sd]])
    assert_allclose(fit.log_likelihood, objective(x), rtol=1e-10)
    errors = errors_of(objective, x)
    assert_allclose(fit.se_a, np.append(np.zeros(5), errors[:3]), rtol=2e-3)
    assert_allclose(fit.se_b, np.append(np.zeros(5), errors[3:6]), rtol=2e-3)
    assert_allclose([fit.se_group_mean, fit.se_group_sd], errors[6:], rtol=2e-3)


def test_sparse_and_dense_sums_agree(monkeypatch):
    data = planted.draw(7, 800, 20, 12, c=0.2)
    keywords = {"model": ["2pl"] * 10 + ["3pl"] * 10, "min_n": 0}
    dense = cal.fit(*data.responses, **keywords)
    monkeypatch.setattr("calibration.irt.oakes.DENSE_SHARE", 2.0)
    sparse = cal.fit(*data.responses, **keywords)
    for name in ("se_a", "se_b", "se_c"):
        assert_allclose(getattr(sparse, name), getattr(dense, name), rtol=1e-5)


def test_too_many_parameters_give_no_error_and_say_so(monkeypatch):
    monkeypatch.setattr("calibration.irt.oakes.MOST_PARAMETERS", 3)
    data = planted.draw(8, 300, 5)
    fit = cal.fit(*data.responses, min_n=0)
    assert np.isinf(fit.se_a).all()
    assert fit.flagged("se_not_available").all()
    assert fit.converged


def test_unidentified_items_lose_their_errors_only():
    """Two items answered by nobody who answered another say one thing together, not four."""
    data = planted.draw(9, 800, 6)
    rng = np.random.default_rng(1)
    person = np.concatenate([data.person, np.repeat(np.arange(800, 1200), 2)])
    item = np.concatenate([data.item, np.tile([6, 7], 400)])
    correct = np.concatenate([data.correct, rng.integers(0, 2, 800)])
    fit = cal.fit(person, item, correct, priors=None, min_n=0, max_cycles=200)
    assert np.isfinite(fit.se_a[:6]).all()
    assert fit.flagged("se_not_available")[6:].any()
    assert not fit.flagged("se_not_available")[:6].any()
    assert np.isfinite(fit.a).all()
    assert np.isfinite(fit.b).all()
