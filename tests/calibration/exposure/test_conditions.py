"""A certificate speaks of one population, length and quota: of others its K do not hold.

The bank of the reference scenario in five topics, as `python -m bench --only sh` prints it for the
docs.
"""

from __future__ import annotations

import numpy as np
import pytest

from calibration import (
    ExposureControl,
    InfeasibleExposureError,
    InvalidParameterError,
    Population,
    RankedBank,
    sympson_hetter,
)
from calibration.exposure.certificate import certify
from tests.calibration.exposure.conftest import reference_items

QUOTA = {0: (9, 11), 1: (6, 8), 2: (4, 6), 3: (2, 4), 4: (1, 2)}
CONDITIONS = [  # with the largest rate under the K for N(0, 1), 25 items and no quota
    ("normal(-1,1)", 25, None, 0.462),
    ("normal(.5,1)", 25, None, 0.351),
    ("normal(0,1)", 25, QUOTA, 0.577),
    ("normal(0,1)", 40, None, 0.490),
]


@pytest.fixture(scope="module")
def bank() -> RankedBank:
    topic = np.random.default_rng(7).integers(0, 5, 500)
    return RankedBank.of(reference_items(500, 1.0, topic), nodes=81)


@pytest.fixture(scope="module")
def found(bank):
    """K for N(0, 1), 25 items and no quota."""
    return sympson_hetter(bank, 0.2, test_length=25, seed=1)


def rate(bank, sh_p, population, length, quota) -> float:
    control = ExposureControl.of(bank, sh_p, quota=quota)
    cap, people = np.full(500, 0.2), Population.of(population)
    return certify(bank, control, cap, people, length, 40_000, 99).max_exposure


def test_a_certificate_says_what_it_is_of(found, bank):
    own = found.certificate
    assert (own.population, own.test_length, own.quota) == ("normal(0,1)", 25, {})
    assert own.max_exposure <= 0.21
    assert own.max_exposure_se == pytest.approx(np.sqrt(0.2 * 0.8 / 40_000), rel=0.03)
    run = sympson_hetter(bank, 0.3, quota={1: (0, 8), 2: (4, 6)}, seed=1, n=500, iters=1)
    assert run.certificate.quota == {1: (0, 8), 2: (4, 6)}


@pytest.mark.parametrize(("population", "length", "quota", "without"), CONDITIONS)
def test_k_holds_for_what_it_was_found_for_and_for_nothing_else(
    found, bank, population, length, quota, without
):
    reached = rate(bank, found.sh_p, population, length, quota)
    assert reached == pytest.approx(without, abs=0.015)
    own = sympson_hetter(bank, 0.2, test_length=length, theta_dist=population, quota=quota, seed=1)
    assert own.certificate.max_exposure <= 0.215
    assert rate(bank, own.sh_p, population, length, quota) <= 0.215


def test_caps_may_go_by_other_topics_than_the_quota(bank):
    by_chapter = np.arange(500) % 2
    run = sympson_hetter(
        bank, 0.3, test_length=25, quota=QUOTA, topic_tau={1: 0.15}, cap_topic=by_chapter, seed=2
    )
    np.testing.assert_array_equal(run.cap, np.where(by_chapter, 0.15, 0.3))
    assert run.certificate.quota == QUOTA
    assert run.certificate.max_over <= 0.015


def test_what_caps_go_by_is_checked(bank):
    with pytest.raises(InvalidParameterError, match=r"cap_topic has shape \(3,\)"):
        sympson_hetter(bank, cap_topic=[1, 2, 3], seed=1)
    with pytest.raises(InvalidParameterError, match="topic_tau names topic 4"):
        sympson_hetter(bank, cap_topic=np.arange(500) % 2, topic_tau={4: 0.1}, seed=1)
    with pytest.raises(InfeasibleExposureError, match="topic 4 must give 8"):
        # half of the topic's items are capped at .001
        sympson_hetter(
            bank, 0.1, quota={4: (8, 9)}, topic_tau={1: 0.001}, cap_topic=np.arange(500) % 2, seed=1
        )
