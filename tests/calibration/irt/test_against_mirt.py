"""Never below the PyPI `mirt` package at the same nodes (a bench dependency; absent: skipped)."""

import numpy as np
import pytest

import calibration as cal
from tests.calibration.irt import oracle, planted


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_log_likelihood_and_recovery(seed):
    mirt = pytest.importorskip("mirt")
    data = planted.draw(seed, 800, 15, scale=1.0)
    answers = oracle.wide(data, 15).astype(int)
    theirs = mirt.fit_mirt(answers, model="2PL", n_quadpts=61).model.parameters
    ours = cal.fit(*data.responses, D=1.0, priors=None)
    a, b = np.ravel(theirs["discrimination"]), np.ravel(theirs["difficulty"])
    # both measured by the same ruler, the likelihood written out in full
    reached = oracle.log_likelihood(oracle.wide(data, 15), a, b, np.zeros(15), 1.0)
    assert ours.log_likelihood >= reached - 1e-6
    assert planted.rmse(ours.a, data.a) <= planted.rmse(a, data.a) * 1.05
    assert planted.rmse(ours.b, data.b) <= planted.rmse(b, data.b) * 1.05
