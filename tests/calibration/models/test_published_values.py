"""The Science data: what R mirt 1.45 publishes in its documentation and its test suite.

Its EM stops at a move of 10⁻⁴, where the log-likelihood is 0.001 below the maximum and the steep
third item a little short of it; its own tests allow a hundredth. The maximum itself is held by a
direct maximisation below.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import calibration as cal
from tests.calibration.models import science
from tests.calibration.models.polytomous import log_likelihood, wide

WITHIN = 1e-2


@pytest.fixture(scope="module")
def graded():
    return cal.fit(*science.responses(), model="grm", D=1.0, priors=None, min_n=0)


@pytest.fixture(scope="module")
def partial_credit():
    return cal.fit(*science.responses(), model="gpcm", D=1.0, priors=None, min_n=0)


def test_graded_parameters(graded):
    assert graded.converged
    assert graded.n_parameters == 16
    assert_allclose(graded.log_likelihood, -1608.870, atol=1e-3)
    assert_allclose(graded.a, [1.04236, 1.22569, 2.29058, 1.09557], rtol=WITHIN)
    intercepts = [
        [4.86544, 2.64044, -1.46621],
        [2.92400, 0.90115, -2.26661],
        [5.22988, 2.21201, -1.96222],
        [3.34845, 0.99190, -1.68846],
    ]
    assert_allclose(-graded.a[:, None] * graded.steps, intercepts, rtol=WITHIN)
    assert_allclose(graded.b, graded.steps.mean(axis=1), rtol=1e-12)


def test_graded_standard_errors(graded):
    """The published ones are by Louis' method, hence also of the observed information."""
    assert_allclose(graded.se_a, [0.18838, 0.18189, 0.48269, 0.18336], rtol=2 * WITHIN)


def test_partial_credit_parameters(partial_credit):
    assert partial_credit.converged
    assert_allclose(partial_credit.log_likelihood, -1612.683, atol=2e-3)
    assert_allclose(partial_credit.a, [0.865, 0.841, 2.204, 0.724], rtol=2 * WITHIN)
    summed = -np.cumsum(partial_credit.a[:, None] * partial_credit.steps, axis=1)
    published = [
        [2.831, 5.324, 3.998],
        [1.711, 2.578, 0.848],
        [4.601, 6.759, 4.918],
        [2.099, 2.899, 1.721],
    ]
    assert_allclose(summed, published, rtol=2 * WITHIN)


@pytest.mark.parametrize("model", ["grm", "gpcm"])
def test_standard_errors_are_those_of_the_likelihood(model):
    """All of them: second differences of the marginal likelihood, written out in full."""
    person, item, answer = science.responses()
    found = cal.fit(person, item, answer, model=model, D=1.0, priors=None, min_n=0, tol=1e-7)
    answers = wide(person, item, answer, 4)
    x = np.column_stack([found.a, found.steps]).ravel()

    def likelihood(point):
        rows = point.reshape(4, 4)
        return log_likelihood(model, answers, rows[:, 0], rows[:, 1:])

    step, size = 1e-3, x.size
    eye = np.eye(size) * step
    hessian = np.empty((size, size))
    for i in range(size):
        for j in range(i, size):
            corners = [
                likelihood(x + u * eye[i] + v * eye[j]) * u * v for u in (1, -1) for v in (1, -1)
            ]
            hessian[i, j] = hessian[j, i] = sum(corners) / (4 * step**2)
    expected = np.linalg.inv(-hessian)
    ours = np.column_stack([found.se_a, found.se_steps])
    assert_allclose(ours.ravel(), np.sqrt(np.diag(expected)), rtol=2e-3)
    cells = expected.reshape(4, 4, 4, 4)
    mean = [np.sqrt(cells[k, 1:, k, 1:].mean()) for k in range(4)]
    assert_allclose(found.se_b, mean, rtol=2e-3)


@pytest.mark.parametrize("model", ["grm", "gpcm"])
def test_no_direction_leads_higher(model):
    """A direct maximisation from another start ends at the same point."""
    from scipy.optimize import minimize

    person, item, answer = science.responses()
    found = cal.fit(person, item, answer, model=model, D=1.0, priors=None, min_n=0)
    answers = wide(person, item, answer, 4)

    def loss(point):
        rows = point.reshape(4, 4)
        gaps = np.exp(rows[:, 2:])  # keeps the steps of the graded model in order
        if model == "grm":
            steps = np.column_stack([rows[:, 1], rows[:, 1:2] + np.cumsum(gaps, axis=1)])
        else:
            steps = rows[:, 1:]
        with np.errstate(divide="ignore", over="ignore"):  # far steps of the line search
            return -log_likelihood(model, answers, np.exp(rows[:, 0]), steps)

    start = np.tile([0.0, -2.0, 0.0, 0.5], 4)
    direct = minimize(loss, start, method="BFGS", options={"gtol": 1e-4})
    assert_allclose(found.log_likelihood, -direct.fun, atol=1e-4)
    assert_allclose(found.a, np.exp(direct.x.reshape(4, 4)[:, 0]), rtol=2e-3)
