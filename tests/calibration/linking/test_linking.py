import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import calibration as cal
from tests.calibration.irt import planted

METHODS = ["stocking_lord", "haebara", "mean_sigma"]


def a_bank(seed, items=20, c=0.2):
    rng = np.random.default_rng(seed)
    return cal.ItemBank(
        np.exp(rng.normal(0, 0.3, items)), rng.normal(0, 1, items), np.full(items, c)
    )


def moved(bank, A, B):  # noqa: N803
    """`bank` as a calibration would give it on a scale where θ_bank = A·θ + B."""
    return cal.ItemBank(bank.a * A, (bank.b - B) / A, bank.c, D=bank.D)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=15, deadline=None)
@given(A=st.floats(0.5, 2), B=st.floats(-1.5, 1.5), seed=st.integers(0, 1000))
def test_an_exact_change_of_scale_is_undone(method, A, B, seed):  # noqa: N803
    old = a_bank(seed)
    link = cal.link(old, moved(old, A, B), method=method)
    assert_allclose([link.A, link.B], [A, B], atol=1e-4)
    assert link.dropped.size == 0
    back = link.bank(moved(old, A, B))
    assert_allclose(back.a, old.a, rtol=1e-3)
    assert_allclose(back.b, old.b, atol=1e-3)
    assert_allclose(link.theta([0.0, 1.0]), [B, A + B], atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_anchors_that_leaked_are_dropped(method):
    old = a_bank(3, 25)
    rng = np.random.default_rng(3)
    new = moved(old, 1.2, -0.4)
    b = new.b + rng.normal(0, 0.03, 25)
    b[[4, 11]] -= [0.9, 0.7]
    leaked = cal.ItemBank(new.a * np.exp(rng.normal(0, 0.02, 25)), b, new.c)
    link = cal.link(old, leaked, method=method)
    assert set(link.dropped[:2]) == {4, 11}
    assert (
        link.anchors.size > 15
    )  # 1.4 % of good anchors are beyond 2.7 by chance, more in a small set
    assert set(link.anchors) | set(link.dropped) == set(range(25))
    assert_allclose([link.A, link.B], [1.2, -0.4], atol=0.06)
    naive = cal.link(old, leaked, method=method, purify=False)
    assert abs(link.B + 0.4) < abs(naive.B + 0.4)
    assert abs(link.robust_z_b[4]) > 5


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("leaked", [6, 9, 12])
def test_anchors_that_leaked_together_are_found_and_told(method, seed, leaked):
    """Up to 40 % of the anchors became easier: the scale is that of the others."""
    old, rng = a_bank(seed, 30), np.random.default_rng(seed)
    now = moved(old, 1.1, 0.5)
    b = now.b + rng.normal(0, 0.08, 30)
    b[:leaked] -= 0.8
    new = cal.ItemBank(now.a * np.exp(rng.normal(0, 0.05, 30)), b, now.c)
    found = cal.link(old, new, method=method)

    assert set(range(leaked)) <= set(found.dropped)
    assert_allclose([found.A, found.B], [1.1, 0.5], atol=0.12)
    assert found.moved_together == (leaked > 7)  # what quartiles bear needs no telling


@pytest.mark.parametrize("seed", range(10))
def test_anchors_of_one_kind_have_not_moved_together(seed):
    old, rng = a_bank(seed, 30), np.random.default_rng(seed)
    now = moved(old, 1.1, 0.5)
    b = now.b + rng.normal(0, 0.08, 30)
    found = cal.link(old, cal.ItemBank(now.a * np.exp(rng.normal(0, 0.05, 30)), b, now.c))

    assert not found.moved_together
    assert found.dropped.size <= 4


@pytest.mark.parametrize("anchors", [3, 5, 9])
def test_few_anchors_do_not_tell_two_groups(anchors):
    old, rng = a_bank(1, anchors), np.random.default_rng(1)
    moves = [cal.ItemBank(old.a, old.b + rng.normal(0, 0.1, anchors), old.c) for _ in range(50)]

    assert not any(cal.link(old, new).moved_together for new in moves)


def test_purification_keeps_half_of_the_anchors():
    old = a_bank(5, 10)
    rng = np.random.default_rng(5)
    new = cal.ItemBank(old.a, old.b + rng.choice([0.0, 1.0, -2.0, 3.0], 10), old.c)
    assert cal.link(old, new, critical_z=0.1).anchors.size == 5
    assert cal.link(old, new, critical_z=0.1, fewest=8).anchors.size == 8


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_able_and_weak_cohorts_agree_after_linking(seed):
    """The same bank calibrated on two cohorts, each on its own N(0, 1), linked over all items."""
    weak = planted.draw(seed, 4000, 40, 30, mean=-0.6, sd=0.9)
    bank = weak.a, weak.b, weak.c
    able = planted.draw(seed + 100, 4000, 40, 30, mean=0.8, sd=1.2, bank=bank)
    of_weak = cal.fit(*weak.responses, node_check=False)
    of_able = cal.fit(*able.responses, node_check=False)
    unlinked = planted.rmse(of_able.b, of_weak.b)
    link = cal.link(of_weak.bank(), of_able.bank())
    # θ = mean + sd·θ*: from the able's unit to the weak's
    assert_allclose(link.A, 1.2 / 0.9, rtol=0.06)
    assert_allclose(link.B, (0.8 + 0.6) / 0.9, atol=0.1)
    linked = link.bank(of_able.bank())
    se = np.hypot(of_weak.se_b, link.A * of_able.se_b)
    inside = se < 0.2
    assert inside.sum() > 25
    assert unlinked > 1
    assert np.mean(np.abs((linked.b - of_weak.b) / se)[inside] < 2.5) > 0.9
    assert planted.rmse(linked.b[inside], of_weak.b[inside]) < 0.15


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fixed_parameter_calibration_needs_no_linking(seed):
    """New items on an able cohort, tied by fixed items; the group's mean and SD come out."""
    data = planted.draw(seed, 4000, 40, 25, mean=0.8, sd=1.2)
    anchor = np.arange(20)
    fixed = cal.KnownItems(anchor, data.a[anchor], data.b[anchor])
    fit = cal.fit(*data.responses, fixed=fixed, priors=None)
    assert_allclose([fit.group_mean, fit.group_sd], [0.8, 1.2], atol=0.08)
    assert abs(fit.group_mean - 0.8) < 4 * fit.se_group_mean + 0.04  # sampling of the persons
    assert (fit.a[anchor] == data.a[anchor]).all()
    z = (fit.b[20:] - data.b[20:]) / fit.se_b[20:]
    assert np.mean(np.abs(z) < 2.5) >= 0.85
    assert fit.flagged("fixed")[anchor].all()
    # while a calibration of its own would be a unit away
    own = cal.fit(*data.responses, priors=None, se=False, node_check=False)
    assert planted.rmse(own.b, data.b) > 3 * planted.rmse(fit.b[20:], data.b[20:])


def test_items_tried_out_in_adaptive_tests_come_out_on_their_scale():
    """Operational items are chosen by ability and held; each person has three of 24 new ones."""
    own, new, persons = 80, 24, 2400
    errors, widths = [], []
    for seed in (1, 2, 3, 4):
        data = planted.draw_adaptive(seed, persons, own, 15)
        rng = np.random.default_rng(seed)
        bank = np.exp(rng.normal(0, 0.25, new)), rng.normal(0, 1, new), np.zeros(new)
        tried = planted.draw(seed + 50, persons, new, 3, bank=bank, theta=data.theta)
        fit = cal.fit(
            np.concatenate([data.person, tried.person]),
            np.concatenate([data.item, own + tried.item]),
            np.concatenate([data.correct, tried.correct]),
            fixed=cal.KnownItems(np.arange(own), data.a, data.b),
            node_check=False,
        )
        assert (fit.a[:own] == data.a).all()
        assert (fit.b[:own] == data.b).all()
        errors.append([fit.a[own:] - bank[0], fit.b[own:] - bank[1]])
        widths.append([fit.se_a[own:], fit.se_b[own:]])
    error, width = np.array(errors), np.array(widths)  # (seeds, parameters, items)
    # about 300 answers an item: the mean of 96 errors is known to a tenth of one
    assert (np.abs(error.mean(axis=(0, 2))) < 3 * width.mean(axis=(0, 2)) / np.sqrt(96)).all()
    assert np.sqrt(np.mean(error[:, 1] ** 2)) < 0.2
    inside = (np.abs(error) < 1.96 * width).mean(axis=(0, 2))
    assert (inside > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 96)).all()


def test_drift_finds_the_items_that_moved_and_no_others():
    first = planted.draw(1, 5000, 40)
    b = first.b.copy()
    b[[3, 17]] += [0.5, -0.6]
    later = planted.draw(2, 5000, 40, bank=(first.a, b, first.c))
    codes = np.arange(40)
    old = cal.fit(*first.responses, node_check=False).known(codes)
    found = cal.drift(old, cal.fit(*later.responses, node_check=False).known(codes))
    assert set(np.flatnonzero(found.drifted)) == {3, 17}
    assert (found.p_value[[3, 17]] < 1e-6).all()
    assert np.mean(found.p_value < 0.05) < 0.25


def test_drift_without_standard_errors_rests_on_robust_z():
    b = np.linspace(-2, 2, 12)
    new = b + np.tile([0.01, -0.01], 6)
    new[5] += 1
    old, now = (
        cal.KnownItems(np.arange(12), np.ones(12), b),
        cal.KnownItems(np.arange(12), np.ones(12), new),
    )
    found = cal.drift(old, now)
    assert np.flatnonzero(found.drifted).tolist() == [5]
    assert (found.p_value == 1).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"new": a_bank(1, 19)}, "20 anchors and new has 19"),
        ({"new": cal.ItemBank(np.ones(20), np.zeros(20), D=1.0)}, r"D is 1\.7 and 1\.0"),
        ({"old": a_bank(1, 2), "new": a_bank(1, 2)}, "there are 2 anchors"),
        ({"method": "tucker"}, "method is 'tucker'"),
        ({"critical_z": 0}, "critical_z is 0"),
        ({"fewest": 2}, "fewest is 2"),
        ({"fewest": 21}, "fewest is 21"),
        ({"nodes": [0.0, np.nan]}, "nodes and weights"),
        ({"weights": [1.0]}, "nodes and weights"),
    ],
)
def test_bad_links(change, message):
    arguments = {"old": a_bank(1), "new": a_bank(1), **change}
    with pytest.raises(cal.InvalidParameterError, match=message):
        cal.link(arguments.pop("old"), arguments.pop("new"), **arguments)


def test_bad_drift():
    three = cal.KnownItems([0, 1, 2], np.ones(3), np.zeros(3))
    with pytest.raises(cal.InvalidParameterError, match="different items"):
        cal.drift(three, cal.KnownItems([0, 1, 3], np.ones(3), np.zeros(3)))
    two = cal.KnownItems([0, 1], np.ones(2), np.zeros(2))
    with pytest.raises(cal.InvalidParameterError, match="2 common items"):
        cal.drift(two, two)
    with pytest.raises(cal.InvalidParameterError, match=r"alpha is 1\.5"):
        cal.drift(three, three, alpha=1.5)
