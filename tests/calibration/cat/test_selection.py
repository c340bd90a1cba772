"""The rule itself: against a brute-force reading of the specification, and step-wise against the
simulator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration import (
    ExposureControl,
    InvalidParameterError,
    ItemBank,
    RankedBank,
    ability,
    select,
    simulate,
    warm_up,
)
from calibration.cat.randomness import stream_key, uniform
from calibration.models.logistic import probability


def information(bank: ItemBank, theta: float) -> np.ndarray:
    p = bank.c + (1 - bank.c) / (1 + np.exp(-bank.D * bank.a * (theta - bank.b)))
    return bank.D**2 * bank.a**2 * (1 - p) / p * ((p - bank.c) / (1 - bank.c)) ** 2


def grid_theta(ranked: RankedBank, theta: float) -> float:
    return float(ranked.grid[np.abs(ranked.grid - theta).argmin()])


def brute_force(bank, theta, sh_p, key, administered, held_back, excluded, topics_open):
    """The rule as the specification words it: sort the pool, walk, hold back, force."""
    order = np.argsort(-information(bank, theta).astype(np.float32), kind="stable")
    out = set(administered) | set(excluded)
    admissible = [i for i in order if i not in out and topics_open(bank.topic[i])]
    rejected = []
    for i in admissible:
        if i in held_back:
            continue
        if uniform(key, 2 * int(i)) < sh_p[i]:
            return i, rejected, False
        rejected.append(i)
    return (admissible[0], rejected, True) if admissible else (None, rejected, False)


@settings(max_examples=150, deadline=None)
@given(
    theta=st.floats(-3.9, 3.9),
    seed=st.integers(0, 2**63),
    examinee=st.integers(0, 10**6),
    strictness=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    past=st.lists(st.integers(0, 119), unique=True, max_size=119),
    split=st.tuples(st.integers(0, 60), st.integers(0, 60)),
)
def test_a_step_is_the_rule_by_brute_force(
    small_bank, ranked, theta, seed, examinee, strictness, past, split
):
    sh_p = np.where(np.arange(120) % 4 == 0, 1.0, 1.0 - strictness)
    if strictness == 1.0:
        sh_p = np.zeros(120)
    administered, rest = past[: split[0]], past[split[0] :]
    held_back, excluded = rest[: split[1]], rest[split[1] :]
    got = select(
        ranked,
        theta,
        ExposureControl.of(ranked, sh_p),
        seed=seed,
        examinee=examinee,
        administered=administered,
        held_back=held_back,
        excluded=excluded,
    )
    key = np.uint64(stream_key(np.uint64(seed), examinee))
    item, rejected, forced = brute_force(
        small_bank,
        grid_theta(ranked, theta),
        sh_p,
        key,
        administered,
        held_back,
        excluded,
        lambda topic: True,
    )
    assert got.item == item
    assert list(got.rejected) == rejected
    assert got.forced == forced


@pytest.fixture(scope="module")
def ranked(small_bank: ItemBank) -> RankedBank:
    return RankedBank.of(small_bank)


@pytest.mark.parametrize("quota", [None, {0: (5, 6), 10: (2, 20), 20: (0, 4)}])
@pytest.mark.parametrize("low", [0.05, 0.4])
def test_steps_give_the_very_items_of_the_simulator(ranked, quota, low):
    sh_p = np.random.default_rng(3).uniform(low, 1.0, 120)
    theta = np.random.default_rng(4).normal(size=40)
    length = 15
    sim = simulate(ranked, theta, length, sh_p, seed=9, quota=quota, record=True)
    control = ExposureControl.of(ranked, sh_p, quota=quota)
    rejections = np.zeros(120, int)
    for examinee, true_theta in enumerate(theta):
        running = ability(ranked)
        administered: list[int] = []
        held: list[int] = []
        for position in range(length):
            step = select(
                ranked,
                running.theta,
                control,
                seed=9,
                examinee=examinee,
                administered=administered,
                held_back=held,
                left=length - position,
            )
            administered.append(step.item)
            held += step.rejected
            key = np.uint64(stream_key(np.uint64(9), examinee))
            right = uniform(key, 2 * step.item + 1) < probability(
                ranked.pool.item, step.item, true_theta
            )
            running = ability(ranked, [step.item], [right], running.posterior)
        rejections[held] += 1
        assert administered == sim.items[examinee].tolist()
        assert running.theta == sim.theta[examinee]  # to the last bit
        assert running.sd == sim.sd[examinee]
    np.testing.assert_array_equal(rejections, sim.sums.held_back)


def test_quota_is_kept_to_the_item(ranked, small_bank):
    quota = {0: (6, 6), 10: (1, 3), 20: (2, 20)}
    sh_p = np.full(120, 0.3)
    sim = simulate(ranked, "normal(0,1)", 15, sh_p, seed=2, n=300, quota=quota, record=True)
    for topic, (low, high) in quota.items():
        count = (small_bank.topic[sim.items] == topic).sum(axis=1)
        assert count.min() >= low
        assert count.max() <= high


def test_when_all_is_held_back_the_best_one_not_administered_is_forced(ranked, small_bank):
    control = ExposureControl.of(ranked, np.zeros(120))
    first = select(ranked, 0.0, control, seed=1, administered=[], left=5)
    best = np.argsort(-information(small_bank, 0.0).astype(np.float32), kind="stable")
    assert first.forced
    assert first.item == best[0]
    assert sorted(first.rejected) == list(range(120))
    again = select(
        ranked, 0.0, control, seed=1, administered=[best[0]], held_back=first.rejected, left=4
    )
    assert again.forced
    assert again.item == best[1]
    assert again.rejected == ()


def test_nothing_left_is_no_item(ranked):
    control = ExposureControl.of(ranked)
    assert select(ranked, 0.0, control, seed=1, excluded=np.ones(120, bool)).item is None


def test_a_repeated_request_gives_the_same_item(ranked):
    control = ExposureControl.of(ranked, np.full(120, 0.3))
    calls = [select(ranked, 0.7, control, seed=5, administered=[3], left=2) for _ in range(3)]
    assert calls[0] == calls[1] == calls[2]


def test_hold_back_happens_with_the_probability_asked_for(ranked, small_bank):
    best = int(np.argmax(information(small_bank, 0.0)))
    sh_p = np.ones(120)
    sh_p[best] = 0.3
    control = ExposureControl.of(ranked, sh_p)
    n = 4000
    held = sum(best in select(ranked, 0.0, control, seed=8, examinee=e).rejected for e in range(n))
    assert abs(held / n - 0.7) < 4 * np.sqrt(0.21 / n)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"theta": np.nan}, "theta is nan"),
        ({"left": 0}, "left is 0"),
        ({"administered": [120]}, "outside 0 … 119"),
        ({"held_back": [-1]}, "outside 0 … 119"),
        ({"administered": [0.5]}, "item indices"),
        ({"excluded": np.ones(3, bool)}, "excluded has shape"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 1.5}, "seed is 1.5"),
    ],
)
def test_bad_steps_are_refused(ranked, change, words):
    given = {"theta": 0.0, "seed": 1} | change
    theta = given.pop("theta")
    with pytest.raises(InvalidParameterError, match=words):
        select(ranked, theta, ExposureControl.of(ranked), **given)


def test_warm_up_leaves_nothing_to_compile(ranked):
    warm_up()
    from calibration.cat.kernels import ability_after, select_one

    before = len(select_one.signatures), len(ability_after.signatures)
    control = ExposureControl.of(ranked, np.full(120, 0.5), quota={0: (1, 9)})
    select(ranked, 0.3, control, seed=1, administered=[1, 2], held_back=(4,), left=3)
    select(ranked, 0.3, ExposureControl.of(ranked), seed=1, excluded=np.zeros(120, bool))
    ability(ranked, [1], [True], ability(ranked).posterior)
    assert (len(select_one.signatures), len(ability_after.signatures)) == before
