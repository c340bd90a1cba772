"""Invariants of the simulator, its independence of threads and shards, and bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration import InvalidParameterError, ItemBank, RankedBank, Simulation, simulate


@pytest.fixture(scope="module")
def ranked(small_bank: ItemBank) -> RankedBank:
    return RankedBank.of(small_bank)


def banks() -> st.SearchStrategy[ItemBank]:
    def bank(seed: int, items: int) -> ItemBank:
        rng = np.random.default_rng(seed)
        return ItemBank(
            rng.lognormal(0, 0.5, items), rng.normal(0, 1.5, items), rng.uniform(0, 0.5, items)
        )

    return st.builds(bank, st.integers(0, 10**6), st.integers(1, 60))


@settings(max_examples=40, deadline=None)
@given(
    bank=banks(),
    seed=st.integers(0, 2**64 - 1),
    share=st.floats(0.01, 1.0),
    low=st.floats(0, 1),
    known=st.booleans(),
)
def test_invariants(bank, seed, share, low, known):
    length = max(1, int(share * len(bank)))
    sh_p = np.random.default_rng(0).uniform(low, 1, len(bank))
    mode = "known" if known else "estimated"
    sim = simulate(bank, "normal(0,1)", length, sh_p, mode, seed=seed, n=50, record=True)
    assert sim.sums.administered.sum() == 50 * length
    assert (sim.sums.administered <= sim.sums.selected).all()
    assert (sim.selected <= 1).all()
    assert sim.forced >= 0
    assert all(np.unique(row).size == length for row in sim.items)
    assert np.isfinite([sim.rmse, sim.bias, sim.overlap]).all()
    np.testing.assert_array_equal(
        np.bincount(sim.items.ravel(), minlength=len(bank)), sim.sums.administered
    )
    everything = sim.conditional
    assert everything.examinees.sum() == 50
    assert np.isfinite(everything.rmse).all()


def test_overlap_is_the_mean_of_all_pairs(ranked):
    sim = simulate(ranked, "uniform(-2,2)", 12, seed=5, n=40, record=True)
    sets = [set(row) for row in sim.items.tolist()]
    shares = [len(a & b) / 12 for k, a in enumerate(sets) for b in sets[:k]]
    assert sim.overlap == pytest.approx(np.mean(shares), abs=1e-12)


def test_errors_are_those_of_the_examinees(ranked):
    theta = np.random.default_rng(1).normal(size=3000)
    sim = simulate(ranked, theta, 20, seed=5)
    error = sim.theta - theta
    assert sim.bias == pytest.approx(error.mean(), abs=1e-8)
    assert sim.rmse == pytest.approx(np.sqrt((error**2).mean()), abs=1e-8)
    stratum = np.searchsorted([-2, -1, 0, 1, 2], theta, side="right")
    for b in range(6):
        mine = error[stratum == b]
        assert sim.conditional.se[b] == pytest.approx(mine.std(), abs=1e-6)
        assert sim.conditional.posterior_sd[b] == pytest.approx(
            sim.sd[stratum == b].mean(), abs=1e-6
        )


def test_posterior_sd_agrees_with_the_error(ranked):
    sim = simulate(ranked, "normal(0,1)", 25, seed=5, n=20_000)
    assert np.sqrt((sim.sd**2).mean()) == pytest.approx(sim.rmse, rel=0.03)
    assert abs(sim.bias) < 0.01


def same(a: Simulation, b: Simulation) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a.sums.tally, b.sums.tally, strict=True))


def test_threads_and_shards_change_no_bit(ranked):
    sh_p = np.random.default_rng(3).uniform(0.1, 1.0, 120)

    def run(**how):
        return simulate(ranked, "normal(0,1)", 15, sh_p, seed=4, n=1001, **how)

    whole = run(threads=1)
    for threads in (2, 3, 7):
        assert same(run(threads=threads), whole)
    shards = [run(start=low, stop=high) for low, high in ((0, 1), (1, 400), (400, 1001))]
    added = Simulation.of(shards[2].sums + shards[0].sums + shards[1].sums)
    assert same(added, whole)
    assert added.rmse == whole.rmse
    np.testing.assert_array_equal(np.concatenate([s.theta for s in shards]), whole.theta)
    assert not same(simulate(ranked, "normal(0,1)", 15, sh_p, seed=5, n=1001), whole)


def test_shards_of_different_simulations_do_not_add(ranked):
    a = simulate(ranked, [0.0], 15, seed=4).sums
    with pytest.raises(InvalidParameterError, match="different simulations"):
        a + simulate(ranked, [0.0], 16, seed=4).sums


def test_without_control_selected_is_administered(ranked):
    sim = simulate(ranked, "normal(0,1)", 15, np.ones(120), seed=1, n=500)
    free = simulate(ranked, "normal(0,1)", 15, seed=1, n=500)
    assert same(sim, free)
    np.testing.assert_array_equal(sim.selected, sim.administered)
    assert sim.forced == 0


def test_known_ability_selects_at_theta(ranked):
    sim = simulate(ranked, np.full(50, 1.2), 10, ability="known", seed=1, record=True)
    assert (sim.items == sim.items[0]).all()


def test_excluded_items_reach_nobody(ranked):
    sim = simulate(ranked, "normal(0,1)", 15, seed=1, n=200, excluded=np.arange(0, 120, 2))
    assert sim.administered[::2].sum() == 0


def test_strata_of_theta_hat_have_their_own_parameters(ranked):
    from calibration import ExposureControl

    sh_p = np.ones((2, 120))
    sh_p[0, :60], sh_p[1, 60:] = 0.0, 0.0
    control = ExposureControl.of(ranked, sh_p, edges=[0.0])
    low = simulate(ranked, np.full(100, -2.0), 10, control, "known", seed=1)
    high = simulate(ranked, np.full(100, 2.0), 10, control, "known", seed=1)
    assert low.administered[:60].sum() == 0
    assert high.administered[60:].sum() == 0


def test_one_examinee_and_one_item():
    sim = simulate(ItemBank([1.0], [0.0]), [0.3], 1, seed=1)
    assert sim.administered.tolist() == [1.0]
    assert sim.overlap == 0.0
    assert np.isfinite([sim.rmse, sim.bias]).all()


GOOD = {"theta": "normal(0,1)", "n": 10, "test_length": 5, "seed": 1}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"test_length": 121}, "test_length is 121, the pool has 120 items"),
        ({"test_length": 0}, "test_length is 0"),
        ({"test_length": 2.5}, "test_length is 2.5"),
        ({"excluded": np.arange(118)}, "the pool has 2 items available"),
        ({"sh_p": np.ones(119)}, "sh_p has shape"),
        ({"sh_p": np.full(120, np.nan)}, "sh_p of item 0 is nan"),
        ({"sh_p": np.full(120, 1.3)}, "sh_p of item 0 is 1.3"),
        ({"sh_p": ["x"] * 120}, "sh_p is not numeric"),
        ({"theta": [0.0, np.nan], "n": None}, r"theta\[1\] is nan"),
        ({"theta": [], "n": None}, "theta has shape"),
        ({"theta": "lognormal(0,1)"}, "theta_dist is 'lognormal"),
        ({"theta": "normal(0,-1)"}, "sd must be > 0"),
        ({"theta": "uniform(2,1)"}, "low must be below high"),
        ({"theta": "normal(0,1"}, "theta_dist is"),
        ({"n": None}, "n is None"),
        ({"ability": "guess"}, "ability is 'guess'"),
        ({"seed": None}, "seed is None"),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
        ({"threads": 0}, "threads is 0"),
        ({"start": 3, "stop": 3}, "the shard is"),
        ({"stop": 11}, "the shard is"),
        ({"strata": [1.0, 0.0]}, "ascending"),
        ({"quota": {99: (1, 2)}}, "quota names topic 99"),
        ({"quota": {0: (3, 2)}}, "quota of topic 0"),
        ({"quota": {0: (41, 50)}}, "the pool has 40"),
        ({"quota": {0: (3, 5), 10: (3, 5)}}, "minima add up to 6"),
        ({"quota": {0: (0, 1), 10: (0, 1), 20: (0, 1)}}, "gives 3 items"),
    ],
)
def test_bad_input_is_refused(ranked, change, words):
    with pytest.raises(InvalidParameterError, match=words):
        simulate(ranked, **(GOOD | change))
