"""Predicted against observed exposure: few false alarms where the prediction holds, and power."""

from __future__ import annotations

import numpy as np
import pytest

from calibration import InvalidParameterError, observed_exposure, simulate, sympson_hetter


@pytest.fixture(scope="module")
def certified(reference):
    """K for N(0, 1) and 25 items, with the rates that the certificate predicts."""
    run = sympson_hetter(reference, 0.2, test_length=25, seed=1, certificate_n=100_000)
    return run.sh_p, run.certificate.administered


def sittings_of(reference, sh_p, population, seed, days=(300, 150, 250, 300)):
    """Counts by day of sittings that the population takes."""
    n = sum(days)
    taken = simulate(reference, population, 25, sh_p, seed=seed, n=n, record=True).items
    day = np.repeat(np.arange(len(days)), days)
    counts = [np.bincount(taken[day == d].ravel(), minlength=500) for d in range(len(days))]
    return np.array(counts), np.array(days)


def test_under_the_assumed_population_alarms_are_rare(reference, certified):
    """40 nights of 1,000 sittings: at a false-discovery rate of .01, .4 nights alarm on average."""
    sh_p, predicted = certified
    alarms, beyond = 0, []
    for seed in range(40):
        served, days = sittings_of(reference, sh_p, "normal(0,1)", 1000 + seed)
        found = observed_exposure(predicted, served, days, predicted_n=100_000)
        alarms += bool(found.parted.any())
        used = predicted > 0.01
        beyond.append(np.mean(found.p[used] < 0.05))
        assert found.dispersion < 1.6
    assert alarms <= 2
    # calibrated: one in twenty below .05, whichever items depend on which
    assert np.mean(beyond) == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_population_that_moved_is_seen(reference, certified, seed):
    sh_p, predicted = certified
    served, days = sittings_of(reference, sh_p, "normal(1,1)", seed)
    found = observed_exposure(predicted, served, days, predicted_n=100_000)
    assert found.parted.sum() >= 40
    assert found.largest > 0.15
    assert (np.abs(found.observed - found.predicted)[found.parted] > 0.01).all()


def test_days_that_differ_widen_what_is_expected():
    """Days of classes of their own: binomial tests would alarm in most of these nights."""
    rng = np.random.default_rng(3)
    predicted = np.full(60, 0.2)
    alarms = {"honest": 0, "binomial": 0}
    for _ in range(40):
        days = np.full(12, 80)
        # a day's class shares its ability, and so its items
        rate = rng.beta(0.2 * 25, 0.8 * 25, (12, 60))
        served = rng.binomial(days[:, None], rate)
        found = observed_exposure(predicted, served, days, predicted_n=10**6)
        assert 2.5 < found.dispersion < 6
        alarms["honest"] += bool(found.parted.any())
        one_day = observed_exposure(
            predicted, served.sum(axis=0)[None], days.sum()[None], predicted_n=10**6
        )
        assert one_day.dispersion == 1.0
        alarms["binomial"] += bool(one_day.parted.any())
    assert alarms["honest"] <= 3
    assert alarms["binomial"] >= 20


def test_the_predictions_own_error_counts():
    """1,000 sittings like those of a simulation of 1,000: z is too large by √2 without it."""
    rng = np.random.default_rng(8)
    p = []
    for _ in range(200):
        predicted = rng.binomial(1000, 0.2, 50) / 1000
        served = rng.binomial(1000, 0.2, 50)[None]
        p.append(observed_exposure(predicted, served, [1000], predicted_n=1000).p)
    assert np.mean(np.concatenate(p) < 0.05) == pytest.approx(0.05, abs=0.008)


def test_a_difference_that_does_not_matter_is_none():
    served = np.array([[20_500, 20_000]])
    found = observed_exposure([0.2, 0.2], served, [100_000], predicted_n=10**8)
    assert found.p[0] < 1e-4
    assert not found.parted.any()
    strict = observed_exposure([0.2, 0.2], served, [100_000], predicted_n=10**8, margin=0.001)
    assert strict.parted.tolist() == [True, False]


def test_an_item_that_was_never_expected_parts_when_it_is_served():
    found = observed_exposure([0.0, 0.5], [[30, 500]], [1000], predicted_n=100_000)
    assert found.parted.tolist() == [True, False]
    seldom = observed_exposure([0.0, 0.5], [[1, 500]], [1000], predicted_n=100_000)
    assert not seldom.parted.any()
    everybody = observed_exposure([1.0, 0.5], [[1000, 500]], [1000], predicted_n=100_000)
    assert everybody.p[0] > 0.5


def test_without_sittings_nothing_parts():
    found = observed_exposure([0.2], np.zeros((2, 1), int), [0, 0], predicted_n=100)
    assert (found.sittings, found.p.tolist(), found.parted.tolist()) == (0, [1.0], [False])
    assert observed_exposure([], np.zeros((1, 0), int), [5], predicted_n=100).largest == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"predicted": [0.2, 0.3]}, "give .J,., .D, J. and .D,."),
        ({"predicted": [1.2]}, r"predicted\[0\] is 1.2"),
        ({"served": [[11]]}, r"served\[0, 0\] is 11 of 10 sittings"),
        ({"served": [[-1]]}, "is -1 of 10"),
        ({"predicted_n": 0}, "predicted_n is 0"),
        ({"fdr": 1.0}, "fdr 1.0"),
        ({"margin": -0.1}, "margin -0.1"),
    ],
)
def test_what_cannot_be_is_refused(change, words):
    given = {"predicted": [0.2], "served": [[3]], "sittings": [10], "predicted_n": 100} | change
    with pytest.raises(InvalidParameterError, match=words):
        observed_exposure(
            given.pop("predicted"), given.pop("served"), given.pop("sittings"), **given
        )
