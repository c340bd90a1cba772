"""The reference scenario: 500 items, θ ~ N(0,1), 25 items, EAP on 81 nodes, 40,000 examinees."""

import numpy as np
import pytest

from calibration import simulate, sympson_hetter


def test_without_control(reference):
    sim = simulate(reference, "normal(0,1)", 25, seed=2026, n=40_000)
    assert sim.administered.max() == pytest.approx(1.0)
    assert sim.overlap == pytest.approx(0.4513, abs=0.005)
    assert sim.unused == pytest.approx(0.768, abs=0.02)
    assert sim.rmse == pytest.approx(0.3154, abs=0.006)


def test_with_a_cap_of_a_fifth(reference):
    run = sympson_hetter(reference, 0.2, n=10_000, test_length=25, floor=0.0, seed=2026)
    certificate = run.certificate
    assert certificate.n == 40_000
    assert certificate.max_exposure == pytest.approx(0.2092, abs=0.01)
    assert certificate.overlap == pytest.approx(0.1857, abs=0.005)
    assert certificate.unused == pytest.approx(0.620, abs=0.02)
    assert certificate.rmse == pytest.approx(0.3582, abs=0.006)
    assert (run.sh_p < 1).sum() == pytest.approx(105, abs=6)
    assert run.converged
    reached = [entry.max_exp for entry in run.history[:8]]
    expected = [1, 0.468, 0.399, 0.350, 0.304, 0.258, 0.221, 0.211]
    np.testing.assert_allclose(reached, expected, atol=0.035)
