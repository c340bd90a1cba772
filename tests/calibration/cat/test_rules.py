"""Selection rules: each against a brute-force reading of its source, and step-wise against the
simulator."""

import numpy as np
import pytest

from calibration import (
    AStratified,
    ExposureControl,
    InvalidParameterError,
    MaximumInformation,
    Progressive,
    Randomesque,
    RankedBank,
    ability,
    select,
    simulate,
)
from calibration.cat.randomness import mixed, stream_key, uniform
from calibration.cat.rules import RULES, a_strata, selection_rule
from calibration.cat.walks import _BLIND, _RULE_STREAM
from calibration.models.logistic import probability

SEED, LENGTH = 9, 15
OTHERS = [
    Randomesque(4),
    AStratified(4),
    AStratified(7),
    Progressive(),
    Progressive(2.5),
    Progressive(target_se=0.35),
]


@pytest.fixture(scope="module")
def ranked(small_bank) -> RankedBank:
    return RankedBank.of(small_bank)


@pytest.mark.parametrize("quota", [None, {0: (5, 6), 10: (2, 20), 20: (0, 4)}])
@pytest.mark.parametrize("low", [0.05, 0.4])
@pytest.mark.parametrize("rule", OTHERS, ids=str)
def test_steps_give_the_very_items_of_the_simulator(ranked, rule, quota, low):
    under = ranked.under(rule)
    sh_p = np.random.default_rng(3).uniform(low, 1.0, 120)
    theta = np.random.default_rng(4).normal(size=40)
    sim = simulate(under, theta, LENGTH, sh_p, seed=SEED, quota=quota, record=True)
    control = ExposureControl.of(under, sh_p, quota=quota)
    rejections = np.zeros(120, int)
    for examinee, true_theta in enumerate(theta):
        running = ability(under)
        administered: list[int] = []
        held: list[int] = []
        for position in range(LENGTH):
            step = select(
                under,
                running.theta,
                control,
                seed=SEED,
                examinee=examinee,
                administered=administered,
                held_back=held,
                left=LENGTH - position,
                sd=running.sd,
            )
            administered.append(step.item)
            held += step.rejected
            key = np.uint64(stream_key(np.uint64(SEED), examinee))
            right = uniform(key, 2 * step.item + 1) < probability(
                under.pool.item, step.item, true_theta
            )
            running = ability(under, [step.item], [right], running.posterior)
        rejections[held] += 1
        assert administered == sim.items[examinee].tolist()
        assert running.theta == sim.theta[examinee]  # to the last bit
    np.testing.assert_array_equal(rejections, sim.sums.held_back)


@pytest.mark.parametrize("rule", OTHERS, ids=str)
def test_neither_threads_nor_shards_change_a_bit(ranked, rule):
    under, sh_p = ranked.under(rule), np.full(120, 0.6)
    whole = simulate(under, "normal(0,1)", 10, sh_p, seed=5, n=500, threads=1).sums
    spread = simulate(under, "normal(0,1)", 10, sh_p, seed=5, n=500, threads=2).sums
    parts = [
        simulate(under, "normal(0,1)", 10, sh_p, seed=5, n=500, start=a, stop=b).sums
        for a, b in ((0, 123), (123, 500))
    ]
    for other in (spread, parts[0] + parts[1]):
        for mine, theirs in zip(whole.tally, other.tally, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def information(bank, theta: float) -> np.ndarray:
    p = bank.c + (1 - bank.c) / (1 + np.exp(-bank.D * bank.a * (theta - bank.b)))
    return bank.D**2 * bank.a**2 * (1 - p) / p * ((p - bank.c) / (1 - bank.c)) ** 2


def draws(examinee: int) -> np.uint64:
    return np.uint64(mixed(stream_key(np.uint64(SEED), examinee) ^ _RULE_STREAM))


@pytest.mark.parametrize("rule", [Progressive(), Progressive(3.0), Progressive(target_se=0.4)])
def test_progressive_is_the_largest_weight_by_brute_force(ranked, small_bank, rule):
    """All weights of all items: (1 − w)·R + w·I (Revuelta & Ponsoda 1998)."""
    under, control = ranked.under(rule), ExposureControl.of(ranked)
    rng = np.random.default_rng(6)
    for examinee in range(200):
        position, sd = int(rng.integers(1, LENGTH)), float(rng.uniform(0.25, 1.0))
        theta = float(ranked.grid[rng.integers(20, 230)])
        given = rng.choice(120, position, replace=False)
        step = select(
            under, theta, control, seed=SEED, examinee=examinee, administered=given,
            left=LENGTH - position, sd=sd,
        )  # fmt: skip
        share = position / (LENGTH - 1)
        if rule.target_se is not None:
            share = max(share, (sd**-2 - 1) * rule.target_se**2)
        weight = min(share, 1.0) ** rule.power
        left = np.setdiff1d(np.arange(120), given)
        level = information(small_bank, theta)[left]
        chance = [uniform(draws(examinee), (position << 32) + int(i)) for i in left]
        value = (1 - weight) * level.max() * np.array(chance) + weight * level
        assert step.item == left[value.argmax()]


def test_progressive_begins_by_chance_and_ends_with_the_best(ranked, small_bank):
    under, control = ranked.under("progressive"), ExposureControl.of(ranked)
    first = [
        select(under, 0.0, control, seed=SEED, examinee=n, left=LENGTH).item for n in range(12_000)
    ]
    count = np.bincount(first, minlength=120)
    assert ((count - 100) ** 2 / 100).sum() < 175  # χ² of 119 degrees: beyond it once in 1,700
    given = np.argsort(-information(small_bank, 0.0))[: LENGTH - 1]
    last = select(under, 0.0, control, seed=SEED, administered=given, left=1)
    assert last == select(ranked, 0.0, control, seed=SEED, administered=given, left=1)


def test_where_blind_draws_find_nothing_the_rest_of_the_pool_is_still_drawn_evenly(ranked):
    """One open item in a large closed pool is found; two are as likely as each other."""
    under, control = ranked.under("progressive"), ExposureControl.of(ranked)
    closed = np.ones(120, bool)
    closed[[17, 101]] = False
    found = [
        select(under, 0.0, control, seed=SEED, examinee=n, excluded=closed, left=5).item
        for n in range(1000)
    ]
    assert set(found) == {17, 101}
    assert abs(found.count(17) - 500) < 4 * np.sqrt(250)
    fallen_through = [  # none of the blind draws met either
        n
        for n in range(1000)
        if not {
            int(under.pool.ranking[128, int(uniform(draws(n), _BLIND + k) * 120)])
            for k in range(64)
        }
        & {17, 101}
    ]
    assert len(fallen_through) > 200
    assert {found[n] for n in fallen_through} == {17, 101}


def test_randomesque_takes_each_of_the_best_alike(ranked, small_bank):
    under, control = ranked.under(Randomesque(5)), ExposureControl.of(ranked)
    given = np.argsort(-information(small_bank, 1.0))[:3]
    rest = np.setdiff1d(np.arange(120), given)
    best = rest[np.argsort(-information(small_bank, 1.0)[rest], kind="stable")][:5]
    n = 5000
    drawn = [
        select(under, 1.0, control, seed=SEED, examinee=e, administered=given, left=9).item
        for e in range(n)
    ]
    assert set(drawn) == set(best.tolist())
    count = np.array([drawn.count(i) for i in best.tolist()])
    assert ((count - n / 5) ** 2 / (n / 5)).sum() < 18.5  # χ² of 4 degrees, once in 1,000


def test_randomesque_of_one_is_maximum_information(ranked):
    free = simulate(ranked, "normal(0,1)", 12, seed=2, n=300, record=True)
    one = simulate(ranked.under(Randomesque(1)), "normal(0,1)", 12, seed=2, n=300, record=True)
    np.testing.assert_array_equal(one.items, free.items)


def test_the_strata_rise_in_a_and_are_alike_in_b(small_bank):
    stratum = a_strata(small_bank.a, small_bank.b, 4)
    a = [small_bank.a[stratum == s].mean() for s in range(4)]
    b = [small_bank.b[stratum == s].mean() for s in range(4)]
    assert np.bincount(stratum).tolist() == [30] * 4
    assert (np.diff(a) > 0.1).all()
    assert np.ptp(b) < 0.15
    blocks = np.argsort(small_bank.b, kind="stable").reshape(-1, 4)
    assert (np.sort(stratum[blocks], axis=1) == np.arange(4)).all()  # one of each in every block


def test_a_stage_draws_the_nearest_b_of_its_stratum(ranked, small_bank):
    under, control = ranked.under("a_stratified"), ExposureControl.of(ranked)
    stratum = a_strata(small_bank.a, small_bank.b, 4)
    sim = simulate(under, "normal(0,1)", 20, seed=1, n=200, record=True)
    np.testing.assert_array_equal(
        stratum[sim.items], np.broadcast_to(np.arange(20) // 5, sim.items.shape)
    )
    theta = float(ranked.grid[150])
    mine = np.flatnonzero(stratum == 0)
    nearest = mine[np.abs(small_bank.b[mine] - theta).argmin()]
    assert select(under, theta, control, seed=1, left=20).item == nearest
    spent = select(under, theta, control, seed=1, excluded=stratum == 0, left=20).item
    assert stratum[spent] == 1  # the next stratum where its own has nothing left


def test_rules_use_the_bank_and_cost_little_precision(ranked):
    """The order that the literature reports, over several seeds."""
    for seed in (1, 2, 3):
        got = {
            # of 4,000 examinees an RMSE is known to no better than .004
            name: simulate(ranked.under(name), "normal(0,1)", 15, seed=seed, n=40_000)
            for name in RULES
        }
        best = got["maximum_information"]
        for name in RULES.keys() - {"maximum_information"}:
            assert got[name].overlap < best.overlap
            assert got[name].unused < best.unused
            assert got[name].chi_square < best.chi_square
            assert best.rmse < got[name].rmse < 1.35 * best.rmse
        assert got["progressive"].unused == 0
        assert got["progressive_early"].rmse < got["progressive"].rmse


def test_chi_square_is_that_of_chang_and_ying(ranked):
    sim = simulate(ranked, "normal(0,1)", 15, seed=1, n=1000)
    even = 15 / 120
    assert sim.chi_square == pytest.approx(sum((r - even) ** 2 / even for r in sim.administered))
    # Chen, Ankenmann & Spray 2003: overlap is what the rates' variance says, but for O(1/N)
    assert sim.overlap == pytest.approx((sim.chi_square + 15) / 120, abs=2e-3)


def test_a_bank_under_a_rule_keeps_all_else(ranked):
    under = ranked.under("progressive")
    assert under.rule == Progressive()
    assert under.under("progressive") is under
    assert under.pool.likelihood is ranked.pool.likelihood
    back = under.under(MaximumInformation())
    np.testing.assert_array_equal(back.pool.ranking, ranked.pool.ranking)
    assert RankedBank.of(ranked, rule="a_stratified").rule == AStratified()
    with pytest.raises(ValueError, match="read-only"):
        under.pool.order.information[0, 0] = 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: selection_rule("best"), "rule is 'best': give one of maximum_information"),
        (lambda: Randomesque(0), "best is 0: give an integer from 1 to 255"),
        (lambda: AStratified(2.5), "strata is 2.5"),
        (lambda: Progressive(0.0), "power is 0.0"),
        (lambda: Progressive(target_se=np.nan), "target_se is nan"),
        (lambda: Progressive(target_se=[0.3]), "target_se is"),
    ],
)
def test_bad_rules_are_refused(make, words):
    with pytest.raises(InvalidParameterError, match=words):
        make()


@pytest.mark.parametrize(("change", "words"), [({"sd": 0.0}, "sd is 0"), ({"position": -1}, "-1")])
def test_bad_steps_are_refused(ranked, change, words):
    with pytest.raises(InvalidParameterError, match=words):
        select(ranked, 0.0, ExposureControl.of(ranked), seed=1, **change)
