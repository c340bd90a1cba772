"""What an answer adds to what is known of an item, against determinants and differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from calibration import InvalidParameterError, ItemBank
from calibration.cat import correlation_of_errors, precision_gain, relative_gain

BANK = ItemBank([0.7, 1.0, 1.6], [-1.2, 0.1, 1.4])
SE_A, SE_B, TOGETHER = np.array([0.2, 0.3, 0.4]), np.array([0.4, 0.2, 0.3]), [0.5, 0.0, -0.6]
THETA = np.linspace(-3, 3, 13)


def probability(a: float, b: float, theta: float) -> float:
    return 1 / (1 + np.exp(-1.7 * a * (theta - b)))


def of_one_answer(a: float, b: float, theta: float) -> np.ndarray:
    """Information on (a, b), by differences of the probability."""
    step = 1e-5
    p = probability(a, b, theta)
    slope = np.array(
        [
            (probability(a + step, b, theta) - probability(a - step, b, theta)) / (2 * step),
            (probability(a, b + step, theta) - probability(a, b - step, theta)) / (2 * step),
        ]
    )
    return np.outer(slope, slope) / (p * (1 - p))


def test_the_gain_is_that_of_the_determinant_of_the_precision():
    found = precision_gain(BANK, SE_A, SE_B, TOGETHER, THETA)
    for j in range(3):
        off = SE_A[j] * SE_B[j] * TOGETHER[j]
        precision = np.linalg.inv([[SE_A[j] ** 2, off], [off, SE_B[j] ** 2]])
        before = np.linalg.slogdet(precision)[1]
        expected = [
            np.linalg.slogdet(precision + of_one_answer(BANK.a[j], BANK.b[j], at))[1] - before
            for at in THETA
        ]
        assert_allclose(found[:, j], expected, rtol=1e-6)


def test_relative_to_a_random_examinee_the_mean_is_one():
    draws = np.random.default_rng(3).normal(0.5, 1.2, 40_000)
    found = relative_gain(BANK, SE_A, SE_B, TOGETHER, draws, mean=0.5, sd=1.2)
    assert_allclose(found.mean(axis=0), 1, atol=0.02)
    # of a known slope the best examinee is one of the item's own difficulty
    alone = relative_gain(BANK, 0.0, SE_B, 0.0, THETA)
    assert_allclose(THETA[alone.argmax(axis=0)], BANK.b, atol=0.26)


def test_errors_go_together_as_the_inverse_information_says():
    rng = np.random.default_rng(5)
    item, theta = rng.integers(0, 3, 900), rng.normal(0.4, 1, 900)
    found = correlation_of_errors(BANK, item, theta)
    for j in range(3):
        total = sum(of_one_answer(BANK.a[j], BANK.b[j], at) for at in theta[item == j])
        covariance = np.linalg.inv(total)
        expected = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
        assert found[j] == pytest.approx(expected, rel=1e-5)
    assert correlation_of_errors(BANK, [0], [0.3])[1] == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (([-0.1, 1, 1], SE_B, 0), "standard error is negative or no number"),
        ((SE_A, [np.nan, 1, 1], 0), "standard error is negative or no number"),
        ((SE_A, SE_B, [0, 1.2, 0]), "correlation lies beyond ±1"),
    ],
)
def test_errors_that_cannot_be_are_refused(given, said):
    with pytest.raises(InvalidParameterError, match=said):
        precision_gain(BANK, *given, THETA)
