"""Parameters of a real licensure examination."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import calibration as cal
from tests.credential import FILE

pytestmark = pytest.mark.skipif(FILE is None, reason="the credential data are not here")


@pytest.fixture(scope="module")
def scored():
    """The 170 items that everybody saw: (person, item, correct), items in order of name."""
    table = pd.read_csv(FILE, dtype={"user": str, "item": str, "attempt": str})
    everybody = table.groupby("item")["user"].transform("size") == table["user"].nunique()
    table = table[everybody]
    person = pd.factorize(table["user"])[0]
    item, names = pd.factorize(table["item"], sort=True)
    return person, item, table["correct"].to_numpy(), names


def test_two_pl_without_priors(scored):
    """R mirt 1.45.1: log-likelihood −140930.237 at 61 nodes."""
    person, item, correct, _ = scored
    fit = cal.fit(person, item, correct, priors=None, D=1.0)
    assert fit.a.size == 170
    assert fit.converged
    assert fit.log_likelihood > -140930.238
    assert_allclose(fit.log_likelihood, -140930.237, atol=0.05)
    # that EM stopped .004 below the maximum, where intercepts are still .0015 away
    assert_allclose([fit.a[0], fit.intercept[0]], [0.6268, 2.2721], atol=2e-3)
    assert_allclose([fit.se_a[0], fit.se_intercept[0]], [0.0865, 0.0923], atol=1e-3)
    assert fit.flagged("negative_a").sum() == 2


def test_rasch(scored):
    person, item, correct, _ = scored
    fit = cal.fit(person, item, correct, model="1pl", priors=None, D=1.0, se=False)
    assert_allclose(fit.log_likelihood, -142426.560, atol=0.05)


def test_classical(scored):
    person, item, correct, _ = scored
    found = cal.classical(person, item, correct)
    assert_allclose(found.p[0], 0.8930, atol=1e-4)
    assert_allclose(found.item_rest[0], 0.1714, atol=1e-4)
    assert np.sum(found.item_rest < 0.10) == 21
