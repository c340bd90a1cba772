"""DIF at equal latent ability: planted truth, level and power under impact and adaptive routing."""

from __future__ import annotations

import numpy as np
import pytest

import calibration as cal
from bench.fairness import LOGITS, answered, rates
from calibration import InvalidParameterError, InvalidResponsesError


def form(
    seed: int, *, persons: int = 1_500, items: int = 20, impact: float = 0.0, level=None, slope=None
):
    """A complete 2PL form of two groups; log odds of the second are moved by level + slope·θ."""
    random = np.random.default_rng(seed)
    a, b = np.exp(random.normal(-0.2, 0.3, items)), random.normal(-impact / 2, 1, items)
    group = np.repeat([0, 1], persons)
    theta = random.normal(size=group.size) - impact * group
    moved = np.zeros(items) if level is None else np.asarray(level, float)
    turned = np.zeros(items) if slope is None else np.asarray(slope, float)
    odds = 1.7 * a * (theta[:, None] - b) + group[:, None] * (moved + turned * theta[:, None])
    right = random.random(odds.shape) < 1 / (1 + np.exp(-odds))
    person, item = np.divmod(np.arange(right.size), items)
    return cal.ItemBank(a, b, D=1.7), person, item, right.ravel().astype(int), group


@pytest.mark.slow
@pytest.mark.parametrize("adaptive", [True, False])
def test_level_and_power_hold_under_impact(adaptive: bool):
    """.64 logits, about 1,000 answers a group, one SD of impact, ten seeds."""
    scenario = {"adaptive": adaptive, "impact": 1.0}
    found = rates("latent_dif", range(101, 111), **scenario)
    assert found.type_one <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 500)
    assert found.power >= 0.90
    assert abs(found.effect + LOGITS) < 0.06
    assert found.fewest <= 1_100
    if not adaptive:
        matched = rates("logistic matched on EAP", range(101, 111), **scenario)
        assert matched.type_one > 0.08


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_effects_come_back_with_their_errors(seed: int):
    level = np.zeros(20)
    level[:4] = (-1.0, -0.6, 0.6, 1.0)
    found = cal.latent_dif(*form(seed, impact=1.0, level=level), reference=0)
    assert found.testable.all()
    assert found.mean == pytest.approx([0, -1], abs=0.12)
    assert found.sd == pytest.approx([1, 1], abs=0.08)
    z = (found.effect[:, 0] - level) / found.se[:, 0]
    assert np.abs(z).max() < 4
    assert np.mean(z**2) < 2
    assert (found.q_value[:4] < 0.01).all()
    assert not found.anchor[:4].any()
    assert found.ets_class[[0, 3], 0].tolist() == ["C", "C"]
    assert (found.delta == 2.35 * found.effect).all()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_purification_keeps_the_others_clean(seed: int):
    """A third of the items against one group; those without DIF are not accused."""
    level = np.r_[np.full(6, -1.0), np.zeros(14)]
    given = form(seed, level=level)
    pure = cal.latent_dif(*given, reference=0)
    mixed = cal.latent_dif(*given, reference=0, purify=False)
    assert (pure.q_value[:6] < 0.05).sum() >= 5
    assert (pure.q_value[6:] < 0.05).sum() <= 1
    assert abs(pure.effect[6:].mean()) < 0.06
    assert mixed.effect[6:].mean() > 0.15


def test_non_uniform_dif_is_told_from_uniform():
    slope = np.zeros(20)
    slope[5] = 0.9
    found = cal.latent_dif(*form(4, slope=slope), reference=0)
    assert found.nonuniform_p[5, 0] < 1e-3
    assert found.q_value[5, 0] < 0.01
    level = np.zeros(20)
    level[5] = 0.9
    found = cal.latent_dif(*form(4, level=level), reference=0)
    assert found.uniform_p[5, 0] < 1e-6
    assert found.nonuniform_p[5, 0] > 0.01


def test_parameters_that_are_wrong_for_both_groups_are_no_dif():
    bank, *answers = form(5, impact=1.0)
    b = bank.b.copy()
    b[3] += 0.5
    found = cal.latent_dif(cal.ItemBank(bank.a, b, D=1.7), *answers, reference=0)
    assert found.p_value[3, 0] > 0.01


def test_several_groups_are_each_compared_with_the_largest():
    level = np.zeros(20)
    level[7] = -1.2
    bank, person, item, correct, group = form(6, level=level)
    group = np.where(group == 1, 30, np.where(np.arange(group.size) % 3 == 0, 20, 10))
    group[:5] = -1
    found = cal.latent_dif(bank, person, item, correct, group)
    assert found.groups.tolist() == [30, 10, 20]
    # harder for 30, which is the reference: easier for the others
    assert (found.effect[7] > 0.8).all()
    assert found.n[:, 2].tolist() == [np.sum(group == 20)] * 20
    again = cal.latent_dif(bank, person, item, correct, group)
    assert (again.p_value == found.p_value).all()


def test_the_reference_group_turns_the_sign():
    given = form(7, level=np.r_[-0.8, np.zeros(19)])
    one, other = cal.latent_dif(*given, reference=0), cal.latent_dif(*given, reference=1)
    assert one.effect == pytest.approx(-other.effect, abs=1e-8)
    assert one.p_value == pytest.approx(other.p_value, abs=1e-8)


def test_power_is_that_of_its_standard_error():
    few = cal.latent_dif(*form(8, persons=150), reference=0)
    many = cal.latent_dif(*form(8, persons=1_500), reference=0)
    assert (few.power < many.power).all()
    assert many.power.min() > 0.95
    assert 0.2 < np.median(few.power) < 0.8


def test_an_item_that_a_whole_group_misses_is_of_class_c():
    bank, person, item, correct, group = form(10, persons=200)
    hardest = int(np.argmax(bank.b * (bank.b < 0.8)))
    correct[(item == hardest) & (group[person] == 1)] = 0
    found = cal.latent_dif(bank, person, item, correct, group, reference=0)
    assert found.ets_class[hardest, 0] == "C"
    assert -12 < found.delta[hardest, 0] < -3
    others = np.arange(20) != hardest
    assert (found.q_value[others] < 0.05).sum() <= 1


def test_who_cannot_be_compared_is_not():
    bank, person, item, correct, group = form(9, persons=120)
    correct[item == 2] = 1  # nobody is wrong
    found = cal.latent_dif(bank, person, item, correct, group, min_n=100)
    assert found.testable[:, 0].tolist() == [j != 2 for j in range(20)]
    assert (found.p_value[2], found.ets_class[2, 0], found.power[2]) == (1.0, "", 0.0)
    none = cal.latent_dif(bank, person, item, correct, group, min_n=121)
    assert not none.testable.any()
    assert (none.q_value == 1).all()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"group": [0, 0]}, "group names 1 groups"),
        ({"group": [0, 1, 1]}, r"group has shape \(3,\)"),
        ({"group": [0.5, 1.0]}, "dtype float64"),
        ({"reference": 7}, "reference is 7: give one of the groups 0, 1"),
        ({"min_n": 0}, "min_n is 0"),
        ({"alpha": 1.0}, "alpha 1.0"),
    ],
)
def test_bad_options_are_refused(change: dict[str, object], told: str):
    given = {"group": [0, 1]} | change
    with pytest.raises(InvalidParameterError, match=told):
        cal.latent_dif(cal.ItemBank([1.0], [0.0]), [0, 1], [0, 0], [0, 1], **given)


def test_an_item_that_the_bank_does_not_have_is_refused():
    with pytest.raises(InvalidResponsesError, match="item 1 is not in the bank"):
        cal.latent_dif(cal.ItemBank([1.0], [0.0]), [0, 1], [0, 1], [0, 1], [0, 1])


def test_the_scenario_is_adaptive_and_has_impact():
    """What the rates above are of."""
    data = answered(1)
    taken = np.bincount(data.person)
    assert (taken == 20).all()
    easy, hard = np.argsort(data.bank.b)[:15], np.argsort(data.bank.b)[-15:]
    by_group = [np.bincount(data.item[data.group[data.person] == g], minlength=60) for g in (0, 1)]
    assert by_group[1][easy].sum() > 1.5 * by_group[0][easy].sum()
    assert by_group[0][hard].sum() > 1.5 * by_group[1][hard].sum()
