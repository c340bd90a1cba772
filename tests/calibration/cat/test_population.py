import re

import numpy as np
import pytest
from scipy import stats

from calibration import InvalidParameterError, Population


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


MIXTURE = "0.7*normal(-1,0.5) + 0.3*normal(1.2,0.6)"


def test_a_mixture_is_read_and_told_as_it_was_given():
    got = Population.of(MIXTURE)
    assert got.kind == "mixture"
    assert str(got) == MIXTURE
    assert got.mean == pytest.approx(0.7 * -1 + 0.3 * 1.2)
    assert got.sd**2 == pytest.approx(0.7 * 0.25 + 0.3 * 0.36 + 0.7 * 0.3 * 2.2**2)
    spaced = Population.of(" .7 * Normal( -1 , 5e-1 )+0.3*normal(+1.2,.6) ")
    np.testing.assert_array_equal(spaced.parts, got.parts)


def test_weights_that_were_rounded_add_up_to_one():
    got = Population.of("0.3333*normal(-1,1) + 0.3333*normal(0,1) + 0.3333*normal(1,1)")
    assert got.parts[:, 0].sum() == pytest.approx(1, abs=1e-15)


def test_draws_of_a_mixture_follow_it_in_shards_too():
    population = Population.of(MIXTURE)
    theta = population.draw(11, 0, 20_000)

    def cdf(x):
        return 0.7 * stats.norm(-1, 0.5).cdf(x) + 0.3 * stats.norm(1.2, 0.6).cdf(x)

    assert stats.kstest(theta, cdf).pvalue > 1e-3
    assert stats.kstest(theta, stats.norm(theta.mean(), theta.std()).cdf).pvalue < 1e-9
    np.testing.assert_array_equal(population.draw(11, 400, 600), theta[400:600])
    assert abs(np.corrcoef(theta[:-1], theta[1:])[0, 1]) < 0.03


@pytest.mark.parametrize(
    "given", ["normal(0.4,1.3)", "uniform(-1,3)", MIXTURE, np.linspace(-2, 3, 5000)]
)
def test_the_distribution_function_is_that_of_the_draws(given):
    population = Population.of(given)
    theta = np.sort(population.draw(5, 0, 40_000))
    at = np.linspace(-3, 3, 41)
    drawn = np.searchsorted(theta, at, side="right") / theta.size
    np.testing.assert_allclose(population.cdf(at), drawn, atol=0.01)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0.7*normal(-1,.5)", "the weights add up to 0.7"),
        ("0.7*normal(-1,.5) + 0.4*normal(1,1)", "the weights add up to 1.1"),
        ("1.5*normal(-1,.5) + -.5*normal(1,1)", "give numbers above 0"),
        ("0.7*normal(-1,0) + 0.3*normal(1,1)", "the sd must be > 0"),
        ("0.7*normal(-1,1) + 0.3*normal(1e9,1)", "give logits from -100 to 100"),
        ("0.7*normal(-1,1) + 0.3*uniform(0,1)", "or a mixture as"),
        ("0.7*normal(-1,1) + normal(1,1)", "or a mixture as"),
        ("0.7*normal(-1,1) 0.3*normal(1,1)", "or a mixture as"),
        ("*", "or a mixture as"),
    ],
)
def test_what_is_no_mixture_is_refused(text, said):
    with pytest.raises(InvalidParameterError, match=re.escape(said)):
        Population.of(text)
