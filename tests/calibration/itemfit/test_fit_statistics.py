import numpy as np
import pytest
from numpy.testing import assert_allclose

import calibration as cal
from tests.calibration.irt import lsat7, planted


@pytest.fixture(scope="module")
def lsat_bank():
    return cal.fit(*lsat7.responses(), D=1.0, priors=None).bank()


def test_infit_and_outfit_of_lsat7(lsat_bank):
    """R mirt 1.45.1, at EAP abilities."""
    fit = cal.residual_fit(lsat_bank, *lsat7.responses())
    assert_allclose(fit.infit, [0.958, 0.816, 0.750, 0.881, 0.989], atol=1e-3)
    assert_allclose(fit.outfit, [0.776, 0.737, 0.484, 0.855, 0.866], atol=1e-3)
    assert (fit.n == 1000).all()


def test_s_x2_of_lsat7(lsat_bank):
    """R mirt 1.45.1."""
    fit = cal.s_x2(lsat_bank, *lsat7.responses())
    assert_allclose(fit.statistic, [4.751, 14.453, 1.273, 5.236, 0.941], atol=5e-3)
    assert fit.df.tolist() == [2] * 5
    assert_allclose(fit.p_value, np.exp(-fit.statistic / 2), rtol=1e-9)  # χ² with two degrees
    assert fit.persons == 1000


def test_score_distribution_is_that_of_all_patterns():
    from calibration.itemfit.s_x2 import _score_distribution

    p = np.array([[0.2, 0.5, 0.9]])
    expected = np.zeros(4)
    for pattern in np.ndindex(2, 2, 2):
        x = np.array(pattern)
        expected[x.sum()] += np.prod(np.where(x, p[0], 1 - p[0]))
    assert_allclose(_score_distribution(p)[0], expected, rtol=1e-12)


def test_s_x2_holds_its_level_and_finds_a_wrong_curve():
    data = planted.draw(1, 4000, 30)
    answers = data.correct.copy()
    # two in five who would miss the hardest item guess it right: no 2PL curve does that
    rng = np.random.default_rng(1)
    guessed = int(np.argmax(data.b))
    lucky = (data.item == guessed) & (answers == 0) & (rng.random(answers.size) < 0.4)
    answers[lucky] = 1
    bank = cal.fit(data.person, data.item, answers, priors=None, node_check=False).bank()
    fit = cal.s_x2(bank, data.person, data.item, answers)
    assert fit.p_value[guessed] < 0.01
    good = np.delete(fit.p_value, guessed)
    assert np.mean(good < 0.05) <= 0.2  # .05 expected; .05 + 4·sqrt(.05·.95/29) = .21
    assert 0.6 < np.mean(np.delete(fit.statistic / fit.df, guessed)) < 1.4


def test_s_x2_takes_complete_records_of_the_named_form():
    data = planted.draw(2, 1500, 12)
    bank = cal.ItemBank(data.a, data.b, data.c)
    keep = ~((data.person < 300) & (data.item == 3))
    person, item, correct = data.person[keep], data.item[keep], data.correct[keep]
    whole = cal.s_x2(bank, person, item, correct)
    assert whole.persons == 1200
    without = cal.s_x2(bank, person, item, correct, form=[0, 1, 2, 4, 5, 6])
    assert without.persons == 1500
    assert without.item.tolist() == [0, 1, 2, 4, 5, 6]
    alone = np.isin(item, without.item)
    again = cal.s_x2(bank, person[alone], item[alone], correct[alone])
    assert_allclose(again.statistic, without.statistic)


def test_s_x2_refuses_incomplete_data():
    bank = cal.ItemBank(np.ones(4), np.zeros(4))
    with pytest.raises(cal.InvalidResponsesError, match="nobody answered all 4 items"):
        cal.s_x2(bank, [0, 0, 1, 1], [0, 1, 2, 3], [1, 0, 1, 0])
    with pytest.raises(cal.InvalidParameterError, match="form has 2 items"):
        cal.s_x2(bank, [0, 0], [0, 1], [1, 0])


def test_residuals_at_the_true_abilities_are_one():
    data = planted.draw(3, 5000, 25, 15, c=0.2)
    bank = cal.ItemBank(data.a, data.b, data.c)
    fit = cal.residual_fit(bank, *data.responses, theta=data.theta)
    assert_allclose(fit.infit, 1, atol=0.2)  # 3,000 answers an item; the hardest vary most
    assert abs(fit.infit.mean() - 1) < 0.01
    assert abs(fit.outfit.mean() - 1) < 0.05


def test_ability_bins_hold_the_observed_shares():
    data = planted.draw(4, 3000, 10, 6)
    bank = cal.ItemBank(data.a, data.b)
    edges = [-2, -1, 0, 1, 2]
    bins = cal.ability_bins(bank, *data.responses, theta=data.theta, edges=edges)
    theta = data.theta[data.person]
    inside = (data.item == 2) & (theta >= 0) & (theta < 1)
    assert bins.n[2, 2] == inside.sum()
    assert_allclose(bins.observed[2, 2], data.correct[inside].mean())
    assert_allclose(bins.theta[2, 2], theta[inside].mean())
    outer = (data.item == 2) & (theta >= 1)
    assert bins.n[2, 3] == outer.sum()
    z = bins.standardised[bins.n > 20]
    assert abs(z.mean()) < 4 / np.sqrt(z.size)
    assert 0.6 < z.std() < 1.4


def test_an_item_that_nobody_answered_has_a_curve_and_no_residuals():
    bank = cal.ItemBank([1.0, 1.2], [0.0, 0.5], [0.0, 0.2])
    bins = cal.ability_bins(bank, [0, 1], [0, 0], [1, 0], theta=[0.1, -0.2], edges=[-3, 0, 3])
    assert not bins.n[1].any()
    assert_allclose(bins.observed[1], bins.expected[1])
    assert not bins.standardised[1].any()
    fit = cal.residual_fit(bank, [0, 1], [0, 0], [1, 0])
    assert fit.infit[1] == fit.outfit[1] == 0


def test_bad_abilities_and_edges():
    bank = cal.ItemBank([1.0], [0.0])
    with pytest.raises(cal.InvalidParameterError, match="theta has shape"):
        cal.residual_fit(bank, [0], [0], [1], theta=[np.nan])
    with pytest.raises(cal.InvalidParameterError, match="edges must be"):
        cal.ability_bins(bank, [0], [0], [1], edges=[1, 0])
