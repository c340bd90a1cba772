"""Polytomous items from fit to score: planted truth, mirt, sparse data, mixed tests, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import calibration as cal
from tests.calibration.irt import planted
from tests.calibration.models import polytomous, science

BOTH = pytest.mark.parametrize("model", ["grm", "gpcm"])


@BOTH
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_truth_comes_back(model, seed):
    """From sparse answers, 12 of 24 items each; errors are as large as they say."""
    a, steps, theta, *data = polytomous.draw(model, seed, 3000, 24, 4, each=12)
    found = cal.fit(*data, model=model, node_check=False)
    assert found.converged
    assert all(flags == () for flags in found.flags)
    assert planted.rmse(found.a, a) < 0.08
    assert planted.rmse(found.steps, steps) < 0.16
    z = np.concatenate(
        [(found.a - a) / found.se_a, ((found.steps - steps) / found.se_steps).ravel()]
    )
    assert 0.75 < np.sqrt(np.mean(z**2)) < 1.3
    score = cal.eap(found.bank(), *data)
    assert np.corrcoef(score.theta, theta)[0, 1] > 0.9
    assert_allclose(np.mean((score.theta - theta) ** 2), np.mean(score.sd**2), rtol=0.12)


@BOTH
@pytest.mark.parametrize("seed", [4, 5])
def test_never_below_mirt(model, seed):
    mirt = pytest.importorskip("mirt")
    _, _, _, *data = polytomous.draw(model, seed, 800, 8, 4, scale=1.0)
    answers = polytomous.wide(*data, 8)
    theirs = mirt.fit_mirt(
        answers, model=model.upper(), n_quadpts=61, compute_standard_errors=False
    )
    ours = cal.fit(*data, model=model, D=1.0, priors=None)
    a = np.ravel(theirs.model.parameters["discrimination"])
    name = "thresholds" if "thresholds" in theirs.model.parameters else "steps"
    steps = np.asarray(theirs.model.parameters[name])[:, -3:]
    reached = polytomous.log_likelihood(model, answers, a, steps)
    own = polytomous.log_likelihood(model, answers, ours.a, ours.steps)
    assert_allclose(own, ours.log_likelihood, atol=1e-6)
    assert own >= reached - 1e-6
    assert_allclose(ours.a, a, rtol=0.03)


@BOTH
def test_two_categories_are_the_2pl(model):
    data = planted.draw(1, 1500, 12)
    two = cal.fit(*data.responses, model="2pl")
    other = cal.fit(*data.responses, model=model, min_n=0)
    for name in ("a", "b", "se_a", "se_b", "log_likelihood", "log_posterior"):
        assert_allclose(getattr(other, name), getattr(two, name), rtol=1e-5, atol=1e-5)
    for score in (cal.eap, cal.mle, cal.wle):
        same = score(other.bank(), *data.responses), score(two.bank(), *data.responses)
        assert_allclose(same[0].theta, same[1].theta, atol=1e-4)


def test_a_mixed_test_is_one_calibration():
    """Items of every model answered together: each comes back, and none disturbs the others."""
    dichotomous = planted.draw(7, 2500, 10, a_sd=0.2)
    rng = np.random.default_rng(8)
    person, item, answer = (list(part) for part in dichotomous.responses)
    steps = np.array([[-1.0, 0.0, 1.0], [-0.5, 0.4, 0.9]])
    a = np.array([0.9, 1.1])
    for k, model in enumerate(["grm", "gpcm"]):
        p = polytomous.category_probabilities(
            model, a[k : k + 1], steps[k : k + 1], dichotomous.theta, 1.7
        )[:, 0]
        own = (rng.random((2500, 1)) > np.cumsum(p, axis=1)[:, :-1]).sum(axis=1)
        person += list(range(2500))
        item += [10 + k] * 2500
        answer += own.tolist()
    models = ["1pl"] * 5 + ["2pl"] * 5 + ["grm", "gpcm"]
    found = cal.fit(person, item, answer, model=models, min_n=0)
    assert found.converged
    assert found.model == tuple(models)
    assert np.ptp(found.a[:5]) == 0
    assert_allclose(found.a[10:], a, atol=0.15)
    assert_allclose(found.steps[10:], steps, atol=0.15)
    assert (found.steps[:10, 1:] == np.inf).all()
    alone = cal.fit(*dichotomous.responses, model=models[:10], min_n=0)
    assert_allclose(found.b[:10], alone.b, atol=0.06)
    bank = found.bank()
    assert bank.categories.tolist() == [2] * 10 + [4, 4]
    fit = cal.residual_fit(bank, person, item, answer, dichotomous.theta)
    assert ((fit.infit > 0.9) & (fit.infit < 1.1)).all()
    moved = cal.link(bank, bank.rescaled(1.2, -0.4), purify=False)
    assert_allclose([moved.A, moved.B], [1 / 1.2, 0.4 / 1.2], atol=1e-5)


@pytest.mark.parametrize("score", [cal.eap, cal.mle, cal.wle])
def test_answers_score_alike_whatever_else_the_bank_holds(score):
    """Banks of one curve and mixed ones are scored by kernels of their own."""
    rng = np.random.default_rng(5)
    steps = np.array([[-1.0, 0.2, 1.0], [0.6, -0.4, 0.9]])
    one = [cal.ItemBank(np.full(9, 1.2), rng.normal(size=9), np.full(9, 0.2))]
    one += [
        cal.ItemBank([0.8], steps=steps[k : k + 1], model=name)
        for k, name in enumerate(["grm", "gpcm"])
    ]
    every = np.full((11, 3), np.inf)
    every[:9, 0], every[9:] = one[0].b, steps
    mixed = cal.ItemBank(
        np.concatenate([bank.a for bank in one]),
        c=np.concatenate([bank.c for bank in one]),
        model=[name for bank in one for name in bank.model],
        steps=every,
    )
    person = np.repeat(np.arange(40), 9)
    answers = rng.integers(0, 2, person.size)
    alone = score(one[0], person, np.tile(np.arange(9), 40), answers)
    assert_allclose(score(mixed, person, np.tile(np.arange(9), 40), answers).theta, alone.theta)
    for k in (1, 2):
        category = np.array([1, 2])
        alone = score(one[k], [0, 1], [0, 0], category)
        assert_allclose(score(mixed, [0, 1], [8 + k] * 2, category).theta, alone.theta, atol=1e-12)


@BOTH
def test_scores_are_those_of_the_formulas(model):
    """EAP, MLE and WLE of one pattern, found on a fine grid from the defining formulas."""
    a, steps, _, *_ = polytomous.draw(model, 3, 2, 5, 4)
    bank = cal.ItemBank(a, steps=steps, model=model)
    pattern = np.array([1, 3, 0, 2, 2])
    data = np.zeros(5, int), np.arange(5), pattern
    grid = np.linspace(-5, 5, 200_001)
    p = polytomous.category_probabilities(model, a, steps, grid, 1.7)
    log_l = np.log(p[:, np.arange(5), pattern]).sum(axis=1)
    assert_allclose(cal.mle(bank, *data).theta, grid[log_l.argmax()], atol=1e-4)
    slope = np.gradient(p, grid, axis=0)
    information = (slope**2 / p).sum(axis=(1, 2))
    warm = (slope * np.gradient(slope, grid, axis=0) / p).sum(axis=(1, 2))
    score = np.gradient(log_l, grid) + warm / (2 * information)
    root = grid[np.flatnonzero((score[:-1] > 0) & (score[1:] <= 0))[0]]
    assert_allclose(cal.wle(bank, *data).theta, root, atol=1e-3)
    assert_allclose(cal.mle(bank, *data).se, 1 / np.sqrt(information[log_l.argmax()]), rtol=1e-4)
    weight = np.exp(log_l - 0.5 * grid**2)
    assert_allclose(cal.eap(bank, *data).theta, (weight @ grid) / weight.sum(), atol=1e-5)
    assert_allclose(bank.probabilities(grid[::1000]), p[::1000].transpose(1, 2, 0), atol=1e-12)


@BOTH
def test_layouts_agree(model):
    """Persons who share a form are collapsed; in any other order of work the sums are the same."""
    person, item, answer = science.responses()
    as_form = cal.fit(person, item, answer, model=model, min_n=0)
    keep = np.ones(person.size, bool)
    keep[np.random.default_rng(1).choice(person.size, 150, replace=False)] = False
    sparse = person[keep], item[keep], answer[keep]
    found = cal.fit(*sparse, model=model, min_n=0, categories=4)
    weights = cal.fit(
        np.concatenate([person, person + 392]), np.tile(item, 2), np.tile(answer, 2), model=model,
        min_n=0, weight=np.repeat([1.0, 0.0], 392),
    )  # fmt: skip
    assert_allclose(weights.steps, as_form.steps, atol=1e-6)
    assert_allclose(weights.se_steps, as_form.se_steps, rtol=1e-5)
    assert found.converged
    assert planted.rmse(found.steps, as_form.steps) < 0.5
    assert np.isfinite(found.se_steps).all()


@BOTH
def test_anchors_and_previous_values(model):
    _, _, _, *data = polytomous.draw(model, 6, 1500, 10, 3)
    first = cal.fit(*data, model=model)
    again = cal.fit(*data, model=model, fixed=first.known([0, 1, 2, 3]))
    assert again.flags[0] == ("fixed",)
    assert (again.steps[:4] == first.steps[:4]).all()
    assert_allclose(again.steps, first.steps, atol=0.05)
    assert_allclose([again.group_mean, again.group_sd], [0, 1], atol=0.05)
    few = [part[:600] for part in data]
    held = cal.fit(*few, model=model, previous=first.known(), item_count=10, categories=3)
    kept = held.flagged("kept_previous")
    assert kept.any()
    assert (held.steps[kept] == first.steps[kept]).all()
    assert_allclose(held.se_b[kept], first.se_b[kept])
    assert (held.se_steps[kept] == first.se_steps[kept]).all()


def test_an_empty_category_holds_an_item_back():
    person, item, answer = science.responses()
    answer = np.where((item == 1) & (answer == 2), 1, answer)
    found = cal.fit(person, item, answer, model="grm", min_n=0)
    assert found.flags[1] == ("empty_category", "kept_prior")
    assert found.converged
    assert found.estimated.tolist() == [True, False, True, True]
    assert np.isfinite(found.steps).all()
    ended = cal.fit(person, item, np.minimum(answer, 1), model="grm", min_n=0, categories=4)
    assert all("empty_category" in flags for flags in ended.flags)


REFUSED = [
    ({"model": "grm", "steps": [[0.5, -0.5]]}, "ascend"),
    ({"model": "grm"}, "give its steps"),
    ({"b": [0.0], "model": "gpcm"}, "give its steps"),
    ({"b": [0.0], "c": [0.2], "model": "2pl"}, "no lower asymptote"),
    ({"model": "gpcm", "steps": [[np.inf, 0.0]]}, "then ∞"),
    ({"model": "gpcm", "steps": [[0.0, np.nan]]}, "then ∞"),
    ({"model": "gpcm", "steps": [0.0, 1.0]}, "give (1, S)"),
    ({"b": [0.0], "model": "4pl"}, "model is '4pl'"),
]


@pytest.mark.parametrize(("arguments", "says"), REFUSED)
def test_banks_that_cannot_be(arguments, says):
    with pytest.raises(cal.InvalidParameterError) as error:
        cal.ItemBank([1.0], **arguments)
    assert says in str(error.value) or "b is missing" in str(error.value)


def test_what_is_for_right_and_wrong_alone_says_so():
    bank = cal.ItemBank(
        [1.0, 1.0, 1.0], steps=[[0.0, np.inf]] * 2 + [[0, 1]], model=["2pl"] * 2 + ["grm"]
    )
    with pytest.raises(cal.InvalidParameterError, match="item 2 is grm: adaptive tests"):
        cal.RankedBank.of(bank)
    data = np.zeros(3, int), np.arange(3), np.array([1, 0, 2])
    with pytest.raises(cal.InvalidParameterError, match="item 2 has 3 categories"):
        cal.s_x2(bank, *data)
    with pytest.raises(cal.InvalidResponsesError, match="an answer to item 2 is 3"):
        cal.eap(bank, *data[:2], [1, 0, 3])
    with pytest.raises(cal.InvalidResponsesError, match="an answer to item 1 is 2"):
        cal.eap(bank, *data[:2], [1, 2, 2])
    with pytest.raises(cal.InvalidParameterError, match="categories"):
        cal.fit(*data, model="grm", categories=1)
    known = cal.KnownItems([0], [1.0], [0.0], D=1.0)
    with pytest.raises(cal.InvalidParameterError, match="fit with the same D"):
        cal.fit(*data, model="grm", fixed=known)
    known = cal.KnownItems([2], [1.0], steps=[[0.0, 1.0]], model="grm")
    with pytest.raises(cal.InvalidParameterError, match="name one of its models"):
        cal.fit(*data[:2], [1, 0, 1], model="2pl", previous=known)


def test_items_with_different_constants_come_to_one():
    bank = cal.ItemBank([1.0, 1.7], [0.0, 0.3], D=[1.7, 1.0])
    assert bank.D == 1.7
    assert_allclose(bank.a, [1.0, 1.0])
    with pytest.raises(cal.InvalidParameterError, match=r"D is 0\.0"):
        cal.ItemBank([1.0, 1.7], [0.0, 0.3], D=[1.7, 0.0])
    with pytest.raises(cal.InvalidParameterError, match="one number, or one per item"):
        cal.ItemBank([1.0, 1.7], [0.0, 0.3], D=[1.7])
