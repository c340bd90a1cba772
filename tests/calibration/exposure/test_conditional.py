import numpy as np
import pytest

from calibration import InfeasibleExposureError, InvalidParameterError, simulate, stocking_lewis


@pytest.fixture(scope="module", params=[1, 2])
def run(reference, request):
    return stocking_lewis(reference, 0.25, seed=request.param)


def test_no_item_is_overused_in_any_stratum(run):
    assert run.converged
    assert run.sh_p.shape == (6, 500)
    assert (run.max_exposure <= 0.25 + 0.03).all()
    assert run.max_exposure_upper <= 0.25 + 0.06
    assert ((run.sh_p == 1).sum(axis=1) >= 25).all()
    assert run.certificate.max_exposure <= 0.25 + 0.01


def test_the_bound_is_one_of_strata_means_not_of_single_levels(reference, run):
    """At θ = 0, between two strata, an item reaches more; at 3.5, beyond the last, far more."""

    def at(theta):
        people = np.full(20_000, theta)
        return simulate(reference, people, 25, run.control, seed=99).administered.max()

    assert at(0.0) > run.max_exposure.max() + 0.02
    assert at(3.5) == pytest.approx(0.63, abs=0.07)
    assert at(3.5) > 2 * run.max_exposure_upper


def test_the_population_cap_alone_does_not_do_that(reference):
    """Why conditional control exists: a marginal cap lets the able see an item nearly always."""
    from calibration import sympson_hetter

    run = sympson_hetter(reference, 0.25, seed=1)
    sim = simulate(reference, "normal(0,1)", 25, run.sh_p, seed=5, n=20_000)
    assert sim.conditional.administered.max() > 0.8


def test_control_is_what_simulate_takes(reference):
    run = stocking_lewis(reference, 0.3, n=1000, iters=8, seed=3)
    theta = np.random.default_rng(1).uniform(1.0, 2.0, 5000)
    sim = simulate(reference, theta, 25, run.control, seed=8)
    assert sim.administered.max() < 0.3 + 0.1
    assert simulate(reference, theta, 25, seed=8).administered.max() > 0.9


def test_same_seed_same_parameters_whatever_the_threads(reference):
    runs = [stocking_lewis(reference, 0.3, n=500, iters=3, seed=3, threads=t) for t in (1, 3)]
    np.testing.assert_array_equal(runs[0].sh_p, runs[1].sh_p)


def test_cancellation(reference):
    run = stocking_lewis(reference, 0.3, n=200, seed=3, on_iteration=lambda entry: False)
    assert run.stopped_reason == "canceled"
    assert len(run.history) == 1
    assert run.certificate is None


def test_bad_input_is_refused(reference):
    with pytest.raises(InfeasibleExposureError):
        stocking_lewis(reference, 0.01, seed=1)
    with pytest.raises(InvalidParameterError, match="strata"):
        stocking_lewis(reference, 0.3, strata=[0.0], seed=1)
    with pytest.raises(InvalidParameterError, match="strata"):
        stocking_lewis(reference, 0.3, strata=[1.0, 0.0], seed=1)
    with pytest.raises(InvalidParameterError, match="alpha"):
        stocking_lewis(reference, 0.3, alpha=2.0, seed=1)
