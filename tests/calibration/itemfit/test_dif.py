import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

import calibration as cal
from tests.calibration.irt import planted


def two_cohorts(seed, shift, *, slope=None, persons=3000, items=30, each=None, impact=-0.5):
    """A focal cohort of lower ability; `shift` {item: added b}, `slope` {item: factor on a}."""
    reference = planted.draw(seed, persons, items, each)
    a, b = reference.a.copy(), reference.b.copy()
    for j, by in shift.items():
        b[j] += by
    for j, by in (slope or {}).items():
        a[j] *= by
    focal = planted.draw(seed + 1000, persons, items, each, mean=impact, bank=(a, b, reference.c))
    person = np.concatenate([reference.person, focal.person + persons])
    item = np.concatenate([reference.item, focal.item])
    correct = np.concatenate([reference.correct, focal.correct])
    return (person, item, correct), np.arange(2 * persons) >= persons


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_mantel_haenszel_finds_shifted_items_and_no_others(seed):
    responses, focal = two_cohorts(seed, {4: 0.8, 9: -0.8})
    found = cal.mantel_haenszel(*responses, focal)
    assert found.ets_class[4] in "BC"
    assert found.ets_class[9] in "BC"
    assert found.delta[4] < -1
    assert found.delta[9] > 1
    others = [own for j, own in enumerate(found.ets_class) if j not in (4, 9)]
    assert others.count("A") >= 27
    assert "C" not in others


def test_mantel_haenszel_of_one_table_by_hand():
    """One stratum per score: here all matter sits in the stratum of score 1 of 2."""
    counts = {(0, 1): 30, (1, 0): 20, (2, 1): 10, (3, 0): 25}
    person, item, correct, focal = [], [], [], []
    for (kind, first), n in counts.items():
        for _ in range(n):
            who = len(focal)
            person += [who, who]
            item += [0, 1]
            correct += [first, 1 - first]
            focal.append(kind >= 2)
    found = cal.mantel_haenszel(person, item, correct, focal)
    a, b, c, d = 30, 20, 10, 25
    odds = (a * d) / (b * c)
    assert_allclose(found.odds_ratio[0], odds)
    assert_allclose(found.delta[0], -2.35 * np.log(odds))
    # one stratum: the variance of Robins et al. is Woolf's
    assert_allclose(found.se_delta[0], 2.35 * np.sqrt(1 / a + 1 / b + 1 / c + 1 / d))
    n = a + b + c + d
    expected = (a + b) * (a + c) / n
    variance = (a + b) * (c + d) * (a + c) * (b + d) / (n**2 * (n - 1))
    assert_allclose(found.chi2[0], (abs(a - expected) - 0.5) ** 2 / variance)
    assert_allclose(found.delta[1], -found.delta[0])


def test_purification_gives_back_the_good_items():
    responses, focal = two_cohorts(5, dict.fromkeys(range(8), 0.9), impact=0.0)
    naive = cal.mantel_haenszel(*responses, focal, purify=False)
    pure = cal.mantel_haenszel(*responses, focal)
    assert np.abs(pure.delta[8:]).mean() < np.abs(naive.delta[8:]).mean()
    assert abs(pure.delta[8:].mean()) < 0.3


def test_incomplete_data_are_matched_on_ability():
    responses, focal = two_cohorts(6, {4: 1.0}, each=18)
    with pytest.raises(cal.InvalidResponsesError, match=r"match=eap"):
        cal.mantel_haenszel(*responses, focal)
    with pytest.raises(cal.InvalidResponsesError, match=r"match=eap"):
        cal.logistic_dif(*responses, focal)
    bank = cal.fit(*responses, se=False, node_check=False).bank()
    theta = cal.eap(bank, *responses).theta
    by_strata = cal.mantel_haenszel(*responses, focal, match=theta)
    by_regression = cal.logistic_dif(*responses, focal, match=theta)
    assert np.argmin(by_strata.delta) == 4
    assert by_strata.ets_class[4] == "C"
    assert np.argmin(by_regression.effect) == 4
    assert by_regression.uniform_p[4] < 1e-6


def test_logistic_regression_against_a_general_optimiser():
    responses, focal = two_cohorts(7, {2: 0.6}, persons=400, items=8)
    found = cal.logistic_dif(*responses, focal)
    person, item, correct = (np.asarray(column) for column in responses)
    total = np.bincount(person, correct)
    match = (total - total.mean()) / total.std()
    who = person[item == 2]
    x, y = correct[item == 2], match[who]
    g = focal[who].astype(float)
    full = np.column_stack([np.ones(x.size), y, g, y * g])

    def deviance(columns):
        def loss(beta):
            z = full[:, :columns] @ beta
            return np.sum(np.logaddexp(0, z) - x * z)

        return 2 * minimize(loss, np.zeros(columns), method="BFGS", tol=1e-10).fun

    d2, d3, d4 = deviance(2), deviance(3), deviance(4)
    assert_allclose(found.uniform_chi2[2], d2 - d3, atol=1e-5)
    assert_allclose(found.nonuniform_chi2[2], d3 - d4, atol=1e-5)


def test_non_uniform_dif_shows_in_the_interaction_only():
    responses, focal = two_cohorts(8, {}, slope={5: 0.35}, impact=0.0, persons=4000)
    found = cal.logistic_dif(*responses, focal)
    assert np.argmax(found.nonuniform_chi2) == 5
    assert found.nonuniform_p[5] < 1e-6
    # no other item at the level of a Bonferroni test
    assert np.sort(found.nonuniform_p)[1] > 0.05 / 30 / 10


def test_levels_without_dif():
    responses, focal = two_cohorts(9, {}, impact=0.0)
    found = cal.logistic_dif(*responses, focal)
    assert np.mean(found.uniform_p < 0.05) <= 0.2
    assert set(found.jodoin_gierl) == {"A"}
    assert set(cal.mantel_haenszel(*responses, focal).ets_class) == {"A"}


def test_items_that_cannot_be_tested():
    person, item = np.divmod(np.arange(120), 3)
    correct = np.random.default_rng(1).integers(0, 2, 120)
    correct[item == 1] = 1
    focal = np.arange(40) >= 20
    by_strata = cal.mantel_haenszel(person, item, correct, focal, item_count=4, match=focal * 1.0)
    assert not by_strata.testable[1]
    assert by_strata.ets_class[1] == by_strata.ets_class[3] == ""
    assert by_strata.p_value[1] == 1
    match = np.random.default_rng(2).normal(size=40)
    by_regression = cal.logistic_dif(person, item, correct, focal, item_count=4, match=match)
    assert by_regression.testable.tolist() == [True, False, True, False]
    assert by_regression.uniform_p[1] == 1
    for value in (by_strata.delta, by_strata.se_delta, by_strata.chi2, by_regression.r2_change):
        assert np.isfinite(value).all()


def test_complete_separation_is_not_testable():
    person, item = np.divmod(np.arange(80), 2)
    correct = np.where(item == 0, person >= 20, person % 2)
    found = cal.logistic_dif(person, item, correct, person[::2] >= 20, match=np.arange(40) % 7)
    assert not found.testable[0]
    assert found.jodoin_gierl[0] == ""


@pytest.mark.parametrize("dif", [cal.mantel_haenszel, cal.logistic_dif])
@pytest.mark.parametrize(
    ("focal", "match", "message"),
    [
        ([True, True], None, "all persons or none"),
        ([True], None, "focal has shape"),
        ([0, 2], None, "focal has shape"),
        ([True, False], [1.0], "match has shape"),
        ([True, False], [1.0, np.nan], "match has shape"),
    ],
)
def test_bad_cohorts(dif, focal, match, message):
    with pytest.raises(cal.InvalidParameterError, match=message):
        dif([0, 0, 1, 1], [0, 1, 0, 1], [1, 0, 1, 1], focal, match=match)
