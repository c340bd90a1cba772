import numpy as np
import pytest

from calibration import InvalidParameterError, ItemBank, RankedBank, simulate


def test_rows_are_permutations_by_falling_information(small_bank):
    ranked = RankedBank.of(small_bank)
    theta = ranked.grid[[0, 100, 256]]
    for row, at in zip((0, 100, 256), theta, strict=True):
        p = small_bank.c + (1 - small_bank.c) / (
            1 + np.exp(-small_bank.D * small_bank.a * (at - small_bank.b))
        )
        info = (small_bank.D * small_bank.a) ** 2 * (1 - p) / p
        info *= ((p - small_bank.c) / (1 - small_bank.c)) ** 2
        order = ranked.pool.ranking[row]
        assert sorted(order) == list(range(120))
        assert (np.diff(info[order]) <= 1e-6 * info[order][:-1]).all()


def test_ties_keep_the_order_of_the_items():
    ranked = RankedBank.of(ItemBank(np.ones(9), np.zeros(9)))
    assert (ranked.pool.ranking == np.arange(9)).all()


def test_extreme_items_rank_without_nan():
    bank = ItemBank([50.0, 1.0, 1e-9], [-400.0, 0.0, 400.0], [0.0, 0.2, 0.9], D=1.7)
    ranked = RankedBank.of(bank)
    assert ranked.pool.ranking[128, 0] == 1
    assert np.isfinite(ranked.pool.likelihood).all()
    assert np.isfinite(simulate(ranked, "normal(0,1)", 3, seed=1, n=20).rmse)


def test_it_cannot_be_changed(small_bank):
    ranked = RankedBank.of(small_bank)
    with pytest.raises(ValueError, match="read-only"):
        ranked.pool.ranking[0, 0] = 5
    assert RankedBank.of(ranked) is ranked


def test_other_topics_leave_the_ranking_as_it_is(small_bank):
    ranked = RankedBank.of(small_bank)
    topic = np.arange(120) % 7 - 1
    other, made = ranked.with_topic(topic), RankedBank.of(small_bank.with_topic(topic))
    assert other.pool.ranking is ranked.pool.ranking
    assert other.topics.tolist() == [-1, 0, 1, 2, 3, 4, 5]
    assert (other.pool.topic == made.pool.topic).all()
    assert (other.bank.topic == topic).all()
    assert other.bank.a is small_bank.a
    assert (ranked.bank.topic is None) == (small_bank.topic is None)
    with pytest.raises(InvalidParameterError, match="one code per item"):
        ranked.with_topic([1, 2])


@pytest.mark.parametrize(
    "change",
    [
        {"nodes": 1},
        {"bounds": (2.0, 1.0)},
        {"bounds": (0.0, np.inf)},
        {"prior_sd": 0.0},
        {"prior_sd": 1e-6, "nodes": 40},
        {"prior_mean": 5.0},
        {"step": 0.0},
        {"step": np.nan},
    ],
)
def test_bad_settings_are_refused(small_bank, change):
    with pytest.raises(InvalidParameterError):
        RankedBank.of(small_bank, **change)
