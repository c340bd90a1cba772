"""The ability distribution of a group whose items are known: planted truth, and an oracle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

import calibration as cal
from calibration import InvalidParameterError, InvalidResponsesError, ItemBank
from tests.calibration.irt.planted import draw


def bank_of(data, scale=1.7) -> ItemBank:
    return ItemBank(data.a, data.b, data.c, D=scale)


@pytest.mark.parametrize(("mean", "sd"), [(-1.0, 1.0), (0.5, 1.3), (2.0, 0.6)])
def test_a_planted_distribution_is_found_and_its_errors_are_honest(mean, sd):
    """z of mean and SD over seeds: about as often beyond 1.96 as one of twenty."""
    z = []
    for seed in range(30):
        data = draw(seed, 800, 200, 20, c=0.2, mean=mean, sd=sd)
        found = cal.latent_distribution(bank_of(data), *data.responses)
        assert found.identified
        assert (found.persons, found.answers) == (800, 16_000)
        z.append([(found.mean - mean) / found.se_mean, (found.sd - sd) / found.se_sd])
    z = np.array(z)
    # 30 draws of each: mean of z has an error of .18, its SD one of .13
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.55)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=0.45)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_spread_is_that_of_ability_under_adaptive_selection(seed):
    """EAPs of a short adaptive test are shrunk towards the N(0, 1) that they start from."""
    random = np.random.default_rng(seed)
    bank = ItemBank(np.exp(random.normal(0, 0.3, 300)), random.normal(0, 1, 300), [0.2] * 300)
    taken = cal.simulate(bank, "normal(.8,1.2)", 12, [0.6] * 300, n=3000, seed=seed, record=True)
    person = np.repeat(np.arange(3000), 12)
    found = cal.latent_distribution(bank, person, taken.items.ravel(), taken.correct.ravel())
    assert found.mean == pytest.approx(0.8, abs=4 * found.se_mean)
    assert found.sd == pytest.approx(1.2, abs=4 * found.se_sd)
    assert 0.022 < found.se_mean < 0.026
    assert taken.theta.std() < 0.95 * found.sd
    assert taken.theta.mean() < found.mean - 4 * found.se_mean


def test_it_is_the_maximum_of_the_likelihood():
    """Against a maximisation of the sum over a far finer grid, written out here."""
    data = draw(5, 150, 40, 12, c=0.2, mean=-0.4, sd=1.2)
    found = cal.latent_distribution(bank_of(data), *data.responses)
    theta = np.linspace(-9, 9, 901)
    curve = data.c + (1 - data.c) / (1 + np.exp(-1.7 * data.a * (theta[:, None] - data.b)))
    log_p = np.where(data.correct, np.log(curve[:, data.item]), np.log1p(-curve[:, data.item]))
    log_likelihood = np.zeros((theta.size, 150))
    for at in range(150):
        log_likelihood[:, at] = log_p[:, data.person == at].sum(axis=1)

    def negative(x):
        weight = np.exp(-0.5 * ((theta - x[0]) / np.exp(x[1])) ** 2)
        return -np.log(weight / weight.sum() @ np.exp(log_likelihood)).sum()

    best = minimize(negative, [0.0, 0.0], method="BFGS", options={"gtol": 1e-6})
    assert found.mean == pytest.approx(best.x[0], abs=2e-3)
    assert found.sd == pytest.approx(np.exp(best.x[1]), abs=2e-3)
    assert found.log_likelihood == pytest.approx(-best.fun, abs=1e-3)
    errors = np.sqrt(np.diag(best.hess_inv))
    assert found.se_mean == pytest.approx(errors[0], rel=0.1)
    assert found.se_sd == pytest.approx(errors[1] * np.exp(best.x[1]), rel=0.1)


# weight, mean, SD: apart, skewed to the right, a few who lag behind, all around one centre
SHAPES = {
    "two groups": ((0.5, -1.1, 0.5), (0.5, 1.1, 0.6)),
    "skewed": ((0.7, -0.6, 0.5), (0.3, 0.9, 0.9)),
    "a tail": ((0.85, 0.3, 0.6), (0.15, -1.8, 0.7)),
    "peaked": ((0.7, 0.0, 0.45), (0.3, 0.0, 1.6)),
}
GRID = np.linspace(-6, 6, 1201)


def cdf(parts):
    return sum(weight * norm.cdf(GRID, mean, sd) for weight, mean, sd in parts)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_shape_that_is_not_normal_is_found(shape, seed):
    """Farthest distance of the distribution functions; the normal one's is what it replaces."""
    random = np.random.default_rng(seed)
    weight, mean, sd = (np.array(values) for values in zip(*SHAPES[shape], strict=True))
    part = random.choice(2, 4000, p=weight)
    data = draw(seed, 4000, 120, 30, c=0.2, theta=random.normal(mean[part], sd[part]))
    found = cal.latent_distribution(bank_of(data), *data.responses)
    assert found.identified
    assert len(found.parts) == 2
    assert sum(part.weight for part in found.parts) == pytest.approx(1)
    truth = cdf(SHAPES[shape])
    off = abs(cdf(found.parts) - truth).max()
    off_normal = abs(cdf([(1, found.mean, found.sd)]) - truth).max()
    assert off < 0.025
    assert off < 0.6 * off_normal
    simulated = cal.Population.of(found.theta_dist)
    whole = weight @ mean
    assert simulated.mean == pytest.approx(whole, abs=0.08)
    assert simulated.sd == pytest.approx(np.sqrt(weight @ (sd**2 + (mean - whole) ** 2)), abs=0.08)


def test_a_normal_shape_stays_normal():
    shapes = []
    for seed in range(20):
        data = draw(seed, 1500, 100, 20, c=0.2, mean=-0.5, sd=0.8)
        found = cal.latent_distribution(bank_of(data), *data.responses)
        shapes.append(len(found.parts))
        if shapes[-1] == 1:
            assert found.theta_dist == f"normal({found.mean:.4f},{found.sd:.4f})"
    assert shapes.count(1) >= 19


def test_persons_count_by_their_weight_for_the_shape_too():
    random = np.random.default_rng(4)
    theta = np.where(random.random(2000) < 0.5, -1.2, 1.2) + random.normal(0, 0.5, 2000)
    data = draw(4, 2000, 60, 30, theta=theta)
    twice = [np.concatenate([values, values]) for values in (data.item, data.correct)]
    person = np.concatenate([data.person, data.person + 2000])
    weighted = cal.latent_distribution(bank_of(data), *data.responses, weight=np.full(2000, 2.0))
    doubled = cal.latent_distribution(bank_of(data), person, *twice)
    np.testing.assert_allclose(weighted.parts, doubled.parts, atol=1e-3)
    assert len(doubled.parts) == 2


def test_known_items_of_the_1pl_may_have_been_fitted_at_different_times():
    data = draw(2, 800, 60, 20, mean=-0.5, sd=0.9, a_sd=0.2)
    bank = ItemBank(data.a, data.b, model="1pl")
    assert cal.latent_distribution(bank, *data.responses).mean == pytest.approx(-0.5, abs=0.15)


def test_the_metric_of_the_bank_plays_no_part():
    data = draw(3, 500, 60, 20, mean=0.3)
    normal = cal.latent_distribution(bank_of(data), *data.responses)
    logistic = cal.latent_distribution(
        ItemBank(1.7 * data.a, data.b, data.c, D=1.0), *data.responses
    )
    assert logistic.mean == pytest.approx(normal.mean, abs=1e-9)
    assert logistic.se_sd == pytest.approx(normal.se_sd, rel=1e-6)


@pytest.mark.parametrize("correct", [0, 1])
def test_answers_that_are_all_alike_do_not_determine_it(correct):
    bank = ItemBank([1.0] * 10, np.linspace(-1, 1, 10))
    person, item = np.repeat(np.arange(50), 10), np.tile(np.arange(10), 50)
    found = cal.latent_distribution(bank, person, item, np.full(500, correct))
    assert not found.identified


def test_what_cannot_be_read_is_refused():
    bank = ItemBank([1.0, 1.0], [0.0, 1.0])
    with pytest.raises(InvalidResponsesError, match="there are no answers"):
        cal.latent_distribution(bank, [], [], [])
    with pytest.raises(InvalidParameterError, match="item is 2: the bank has 2"):
        cal.latent_distribution(bank, [0, 0], [0, 2], [1, 0])
    with pytest.raises(InvalidResponsesError):
        cal.latent_distribution(bank, [0, 0], [0, 1], [1, 7])
