import numpy as np
import pytest
from scipy import stats

from calibration import Population


@pytest.mark.parametrize(
    ("text", "kind", "first", "second"),
    [
        ("normal(0,1)", "normal", 0, 1),
        ("normal0,1", "normal", 0, 1),
        (" Normal( -0.5 , 1.25 ) ", "normal", -0.5, 1.25),
        ("normal-1,2", "normal", -1, 2),
        ("uniform(-2,2)", "uniform", -2, 2),
        ("uniform-3,.5", "uniform", -3, 0.5),
    ],
)
def test_forms_are_read(text, kind, first, second):
    got = Population.of(text)
    assert (got.kind, got.first, got.second) == (kind, first, second)
    assert Population.of(str(got)).second == second


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("normal(0.4,1.3)", stats.norm(0.4, 1.3)),
        ("uniform(-1,3)", stats.uniform(-1, 4)),
    ],
)
def test_draws_follow_the_distribution(text, reference):
    theta = Population.of(text).draw(11, 0, 20_000)
    assert stats.kstest(theta, reference.cdf).pvalue > 1e-3


def test_empirical_draws_are_of_the_values_and_even():
    values = np.array([0.5, -1.0, 2.0, 2.0])
    theta = Population.of(values).draw(3, 0, 8000)
    assert set(theta) == {0.5, -1.0, 2.0}
    assert abs((theta == 2.0).mean() - 0.5) < 0.03


def test_shards_draw_what_the_whole_draws():
    population = Population.of("normal(0,1)")
    whole = population.draw(3, 0, 100)
    np.testing.assert_array_equal(population.draw(3, 40, 60), whole[40:60])
    assert not np.array_equal(population.draw(4, 0, 100), whole)
