"""Items that cannot be estimated come back flagged, and bend nothing."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import calibration as cal
from tests.calibration.irt import planted


def no_nan(fit):
    arrays = (fit.a, fit.b, fit.c, fit.se_a, fit.se_b, fit.se_c, fit.intercept, fit.se_intercept)
    numbers = (fit.log_likelihood, fit.log_posterior, fit.group_mean, fit.group_sd, fit.step)
    return not any(np.isnan(values).any() for values in (*arrays, fit.p, np.array(numbers)))


@pytest.fixture(scope="module")
def data():
    return planted.draw(1, 600, 10)


def with_item(data, persons, answers):
    """`data` and an eleventh item."""
    return (
        np.concatenate([data.person, persons]),
        np.concatenate([data.item, np.full(len(persons), 10)]),
        np.concatenate([data.correct, answers]),
    )


@pytest.mark.parametrize(
    ("persons", "answers", "flag"),
    [
        (range(199), [0, 1] * 99 + [1], "below_min_n"),
        ([3], [1], "below_min_n"),
        (range(300), [1] * 300, "all_correct"),
        (range(300), [0] * 300, "all_incorrect"),
    ],
)
@pytest.mark.parametrize("priors", ["default", None])
def test_a_poor_item_is_flagged_and_the_others_stay(data, persons, answers, flag, priors):
    fit = cal.fit(*with_item(data, list(persons), answers), priors=priors)
    alone = cal.fit(*data.responses, priors=priors)
    assert fit.converged
    assert flag in fit.flags[10]
    assert no_nan(fit)
    assert not any(fit.flags[:10])
    if "kept_prior" in fit.flags[10]:  # out of the likelihood altogether
        assert_allclose(fit.a[:10], alone.a, atol=1e-6)
        assert_allclose(fit.log_likelihood, alone.log_likelihood)
        assert not fit.estimated[10]
    else:  # priors make all-right items estimable
        assert priors == "default"
        assert np.isfinite(fit.se_b[10])
    if flag.startswith("all"):
        assert abs(fit.b[10]) > 1.5
        assert (fit.b[10] < 0) == (flag == "all_correct")


def test_an_item_nobody_answered(data):
    fit = cal.fit(*data.responses, item_count=12)
    assert fit.a.size == 12
    assert fit.flags[11] == ("unanswered", "kept_prior")
    assert fit.n[11] == fit.p[11] == 0
    assert fit.b[11] == 0
    assert_allclose(fit.a[11], np.exp(-0.25))  # the mode of lognormal(0, 0.5)
    assert fit.se_b[11] == 3
    assert no_nan(fit)


def test_a_person_who_answered_nothing_changes_nothing(data):
    more = cal.fit(*data.responses, person_count=650)
    assert_allclose(more.a, cal.fit(*data.responses).a)


def test_answers_without_weight_do_not_count(data):
    weight = np.ones(600)
    weight[:450] = 0
    fit = cal.fit(*data.responses, weight=weight)
    assert fit.flagged("below_min_n").all()
    assert (fit.n == 150).all()
    some = cal.fit(*data.responses, weight=weight, min_n=0)
    rest = data.person >= 450
    chosen = data.person[rest] - 450, data.item[rest], data.correct[rest]
    assert_allclose(some.a, cal.fit(*chosen, min_n=0).a, atol=1e-9)


def test_previous_parameters_are_kept_bit_for_bit(data):
    previous = cal.KnownItems([4, 10], [0.7, 1.1], [0.3, -1.7], se_a=[0.1, 0.2], se_b=[0.3, 0.4])
    fit = cal.fit(*with_item(data, [0, 1], [1, 0]), previous=previous)
    assert fit.flags[10] == ("below_min_n", "kept_previous")
    assert (fit.a[10], fit.b[10], fit.c[10]) == (1.1, -1.7, 0.0)
    assert (fit.se_a[10], fit.se_b[10]) == (0.2, 0.4)
    assert not fit.flags[4]  # which can be estimated
    assert fit.a[4] != 0.7


def test_gates_by_model(data):
    model = ["1pl"] * 3 + ["2pl"] * 3 + ["3pl"] * 4
    chosen = data.person < 150
    fit = cal.fit(data.person[chosen], data.item[chosen], data.correct[chosen], model=model)
    assert fit.flagged("below_min_n").tolist() == [False] * 3 + [True] * 7
    fit = cal.fit(*data.responses, model=model, min_n={"3pl": 601})
    assert fit.flagged("below_min_n").tolist() == [False] * 6 + [True] * 4


def test_nothing_to_estimate():
    fit = cal.fit([0, 0, 1], [0, 1, 0], [1, 0, 0])
    assert fit.stopped_reason == "nothing_to_estimate"
    assert not fit.converged
    assert fit.n_parameters == 0
    assert fit.log_likelihood == 0
    assert no_nan(fit)
    assert all("below_min_n" in own for own in fit.flags)


@pytest.mark.parametrize("priors", ["default", None])
@pytest.mark.parametrize("model", ["1pl", "2pl", "3pl"])
@pytest.mark.parametrize(
    ("person", "item", "correct"),
    [
        ([0], [0], [1]),
        ([0, 0, 0], [0, 1, 2], [1, 0, 1]),
        ([0, 1, 2, 3], [0, 0, 0, 0], [1, 0, 1, 1]),
        ([0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 1]),
        ([0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0]),
        ([0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1], [1, 0, 0, 1, 1, 0]),
    ],
    ids=["one answer", "one person", "one item", "all right", "all wrong", "two items"],
)
def test_tiny_data_never_give_nan(person, item, correct, model, priors):
    fit = cal.fit(person, item, correct, model=model, priors=priors, min_n=0, max_cycles=300)
    assert no_nan(fit)
    assert (fit.c >= 0).all()
    assert (fit.c < 1).all()


def test_an_item_answered_alone_has_no_slope():
    """Persons who answered one item only tell its share correct, not its slope."""
    data = planted.draw(2, 500, 6)
    person = np.concatenate([data.person, np.arange(500, 900)])
    item = np.concatenate([data.item, np.full(400, 6)])
    correct = np.concatenate([data.correct, np.tile([1, 0], 200)])
    fit = cal.fit(person, item, correct, priors=None)
    assert fit.flags[6] == ("unlinked", "kept_prior")


def test_a_negative_slope_is_estimated_and_flagged_without_a_prior(data):
    correct = np.where(data.item == 3, 1 - data.correct, data.correct)
    free = cal.fit(data.person, data.item, correct, priors=None)
    assert free.flags[3] == ("negative_a",)
    assert free.a[3] < 0
    straight = cal.fit(*data.responses, priors=None)
    assert_allclose(free.a[3], -straight.a[3], atol=1e-4)
    assert_allclose(free.log_likelihood, straight.log_likelihood, rtol=1e-9)
    with pytest.raises(cal.InvalidParameterError, match=r"a\[3\]"):
        free.bank()
    assert (cal.fit(data.person, data.item, correct).a > 0).all()


def test_a_step_function_stops_at_the_bound():
    """A perfect Guttman scale has no finite slopes."""
    person, item = np.divmod(np.arange(250 * 5), 5)
    correct = (person % 6 > item).astype(int)
    fit = cal.fit(person, item, correct, priors=None)
    assert no_nan(fit)
    assert fit.flagged("a_at_bound").any()
    assert np.isinf(fit.se_a[fit.flagged("a_at_bound")]).all()
    assert np.isfinite(cal.fit(person, item, correct).se_a).all()  # priors tame it


def test_fixed_one_pl_items_lend_their_slope():
    data = planted.draw(3, 800, 10, a_sd=0.0)
    fixed = cal.KnownItems(np.arange(4), np.full(4, 1.3), data.b[:4])
    fit = cal.fit(*data.responses, model="1pl", fixed=fixed, priors=None)
    assert_allclose(fit.a, 1.3)
    assert not fit.se_a.any()
    assert (fit.se_b[4:] > 0).all()
    uneven = cal.KnownItems([0, 1], [1.0, 1.1], [0.0, 0.0])
    with pytest.raises(cal.InvalidParameterError, match="the 1PL has one"):
        cal.fit(*data.responses, model="1pl", fixed=uneven)


def test_held_back_one_pl_items_take_the_common_slope():
    data = planted.draw(4, 400, 5, a_sd=0.0)
    keep = (data.item != 2) | (data.person < 50)
    fit = cal.fit(data.person[keep], data.item[keep], data.correct[keep], model="1pl")
    assert "kept_prior" in fit.flags[2]
    assert np.ptp(fit.a) < 1e-12
