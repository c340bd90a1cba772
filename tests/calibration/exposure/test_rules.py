"""Exposure control on top of selection rules: what is bounded, what is certified, what is best."""

import numpy as np
import pytest

from calibration import (
    ExposureControl,
    InvalidParameterError,
    ItemBank,
    Progressive,
    RankedBank,
    RuleArm,
    compare_rules,
    item_eligibility_by_theta,
    priority_index,
    restricted,
    simulate,
    sympson_hetter,
)
from calibration.exposure import closed_items
from calibration.exposure.comparison import ARMS


@pytest.mark.parametrize("rule", ["randomesque", "a_stratified", "progressive", "progressive_se"])
def test_k_found_for_a_rule_bounds_that_rule(reference, rule):
    run = sympson_hetter(reference, 0.15, 5000, rule=rule, seed=1)
    proof = run.certificate
    assert proof.rule == str(reference.under(rule).rule)
    assert proof.max_exposure <= 0.165
    assert proof.max_exposure_before > 0.2  # the rule alone is no bound
    sim = simulate(reference, "normal(0,1)", 25, run.sh_p, seed=77, n=20_000, rule=rule)
    assert sim.administered.max() <= 0.165


def test_k_of_one_rule_is_none_of_another(reference):
    run = sympson_hetter(reference, 0.15, 5000, rule="a_stratified", seed=1)
    sim = simulate(reference, "normal(0,1)", 25, run.sh_p, seed=77, n=20_000)
    assert run.certificate.rule == "a_stratified(4)"
    assert sim.administered.max() > 0.3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_restriction_bounds_the_rate_without_any_search(reference, seed):
    n, batch = 10_000, 100
    run = restricted(reference, 0.2, n, rule="progressive_se", batch=batch, seed=seed)
    assert run.simulation.administered.max() <= 0.2 + batch / n
    assert run.simulation.administered.sum() == pytest.approx(25)
    assert run.simulation.unused <= 0.05
    again = restricted(reference, 0.2, n, rule="progressive_se", batch=batch, seed=seed, threads=2)
    np.testing.assert_array_equal(
        run.simulation.sums.administered, again.simulation.sums.administered
    )


def test_restriction_has_a_certificate_of_its_own_pass(reference):
    told = []
    run = restricted(
        reference, 0.2, 4_000, rule="progressive", seed=1, certificate=True,
        on_iteration=lambda entry: told.append(entry),
    )  # fmt: skip
    proof = run.certificate
    assert (proof.rule, proof.n, proof.quota) == ("progressive(1)", 4_000, {})
    np.testing.assert_array_equal(proof.administered, run.simulation.administered)
    assert proof.max_over == run.max_over <= 100 / 4_000
    # without restriction the same examinees go far beyond
    alone = simulate(reference, "normal(0,1)", 25, seed=1, n=4_000, rule="progressive")
    assert proof.max_exposure_before == alone.administered.max() > 0.4
    assert proof.rmse_before == pytest.approx(alone.rmse, abs=1e-9)
    assert (run.parameters == 1).all()
    assert (len(told), run.stopped_reason) == (20, "max_iterations")
    # each report is of a twentieth of the examinees, and of no other
    assert np.mean([entry.bias for entry in told]) == pytest.approx(run.simulation.bias, abs=1e-9)
    stopped = restricted(reference, 0.2, 4_000, seed=1, on_iteration=lambda entry: False)
    assert (stopped.stopped_reason, stopped.simulation.examinees) == ("canceled", 200)
    assert stopped.certificate is None


def test_what_reached_its_cap_is_closed_but_for_what_a_test_needs():
    bank = RankedBank.of(ItemBank(np.ones(6), np.linspace(-1, 1, 6)))
    plain, cap = ExposureControl.of(bank), np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.9])
    given = np.array([60, 50, 49, 0, 80, 80])
    closed = closed_items(given, 100, cap, bank, plain, 3)
    assert closed.tolist() == [True, True, False, False, True, False]
    # of those at their cap the least used is needed to fill a test of four
    assert closed_items(given, 100, cap, bank, plain, 4).sum() == 2
    assert not closed_items(given, 100, cap, bank, plain, 4)[1]
    among = np.array([True, True, True, False, True, False])
    assert closed_items(given, 100, cap, bank, plain, 2, among).tolist() == [
        True, False, False, False, True, False,
    ]  # fmt: skip
    assert not closed_items(0 * given, 0, cap, bank, plain, 3).any()


def test_restriction_leaves_enough_open_to_fill_a_test(by_topic):
    quota = {1: (10, 20), 2: (5, 20), 3: (10, 12)}
    run = restricted(by_topic, 0.24, 2000, rule="progressive", quota=quota, batch=500, seed=1)
    code = by_topic.topics[by_topic.pool.topic]
    third = run.simulation.administered[code == 3].sum()
    assert 10 <= third <= 12
    assert run.closed.sum() < 275


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_eligibility_by_theta_bounds_every_stratum(reference, seed):
    run = item_eligibility_by_theta(reference, 0.25, seed=seed)
    assert run.max_exposure.shape == (6,)
    assert run.max_exposure.max() <= 0.29
    plain = sympson_hetter(reference, 0.25, 5000, seed=seed)
    free = simulate(reference, "uniform(-3,3)", 25, plain.sh_p, seed=9, n=20_000)
    assert free.conditional.administered.max() > 0.9


def test_eligibility_by_theta_is_canceled_and_refused(by_topic):
    run = item_eligibility_by_theta(by_topic, 0.3, 400, seed=1, on_iteration=lambda e: e.iter < 2)
    assert run.stopped_reason == "canceled"
    assert run.certificate is None
    assert len(run.history) == 2
    with pytest.raises(InvalidParameterError, match="batch is 0"):
        item_eligibility_by_theta(by_topic, 0.3, seed=1, batch=0)


@pytest.fixture(scope="module")
def compared(reference):
    return compare_rules(reference, 0.2, seed=1)


def test_the_bank_is_used_at_little_cost(compared):
    """The reference scenario: nearly all items used, little overlap, precision as before."""
    usual = next(r for r in compared if r.control == "sympson_hetter")
    assert usual.rule == "maximum_information"
    good = [
        f"{row.rule} + {row.control}"
        for row in compared
        if row.unused <= 0.05
        and row.overlap <= 0.12
        and row.rmse <= 1.03 * usual.rmse
        and row.max_exposure <= 0.215
    ]
    assert "progressive(1) + priority" in good, [
        (row.rule, row.control, row.aims) for row in compared
    ]


def test_the_methods_stand_in_the_published_order(compared):
    """Leroux et al. 2013 of pool usage; van der Linden & Veldkamp 2007 of conditional control."""
    row = {(each.rule.partition("(")[0], each.control): each for each in compared}
    usual = row["maximum_information", "sympson_hetter"]
    assert row["progressive_se", "restricted"].unused <= 0.05
    for other in (
        row["maximum_information", "none"], usual, row["randomesque", "sympson_hetter"]
    ):  # fmt: skip
        assert 1 - other.unused <= 0.52
        assert other.overlap > row["progressive_se", "restricted"].overlap
    for control in ("stocking_lewis", "item_eligibility_by_theta"):
        conditional = row["maximum_information", control]
        assert conditional.rmse > usual.rmse
        assert conditional.max_conditional < 0.3 < usual.max_conditional


def test_the_front_has_no_row_that_another_beats(compared):
    assert len(compared) == len(ARMS)
    front = [row for row in compared if row.on_front]
    for row in compared:
        beaten = any(
            other.aims != row.aims and np.less_equal(other.aims, row.aims).all()
            for other in compared
        )
        assert row.on_front is not beaten
    assert front


def test_rows_come_as_they_are_found_and_may_be_stopped(reference):
    seen = []
    arms = [RuleArm("maximum_information", "none"), RuleArm(Progressive(2.0), "none"), ARMS[1]]
    rows = compare_rules(
        reference, 0.2, arms=arms, seed=1, evaluation_n=500,
        on_row=lambda row: seen.append(row) or len(seen) < 2,
    )  # fmt: skip
    assert [row.rule for row in rows] == ["maximum_information", "progressive(2)"]
    assert len(seen) == 2


def test_unknown_controls_are_refused(reference):
    with pytest.raises(InvalidParameterError, match="control is 'none at all'"):
        compare_rules(reference, arms=[RuleArm("progressive", "none at all")], seed=1)


@pytest.mark.parametrize("rule", ["progressive", "progressive_early"])
@pytest.mark.parametrize("seed", [1, 2])
def test_priorities_agree_with_the_rates_that_they_lead_to(reference, rule, seed):
    run = priority_index(reference, 0.2, rule=rule, tol=0.015, seed=seed)
    assert run.converged
    assert run.certificate.rule == f"{reference.under(rule).rule} by priority"
    assert 0.18 < run.administered.max() <= 0.215
    free = run.priority < 1  # all but a test's length of the least used
    rate, left = run.administered[free], 1 - run.priority[free] ** (1 / 0.7)
    bound = (rate @ left) / (left @ left)  # the one R of them all
    assert 0.19 < bound < 0.25
    np.testing.assert_allclose(rate, bound * left, atol=0.03)
    usual = sympson_hetter(reference, 0.2, 5000, rule=rule, seed=seed).certificate
    assert run.certificate.overlap < 0.8 * usual.overlap


def test_priorities_keep_caps_by_topic_and_the_quota(by_topic):
    quota = {1: (10, 20), 2: (5, 20), 3: (3, 12)}
    run = priority_index(
        by_topic, 0.3, topic_tau={2: 0.15}, quota=quota, rule="progressive", seed=1
    )
    code = by_topic.topics[by_topic.pool.topic]
    assert run.administered[code == 2].max() <= 0.16
    assert run.certificate.quota == quota
    again = simulate(run.ranked, "normal(0,1)", 25, seed=3, n=500, quota=quota, record=True)
    count = (code[again.items] == 3).sum(axis=1)
    assert count.min() >= 3
    assert count.max() <= 12


def test_stored_priorities_give_the_same_order(reference):
    run = priority_index(reference, 0.2, 500, iters=4, rule="progressive", seed=1)
    stored = reference.under("progressive", priority=run.priority.tolist())
    np.testing.assert_array_equal(stored.pool.ranking, run.ranked.pool.ranking)
    np.testing.assert_array_equal(stored.pool.order.information, run.ranked.pool.order.information)
    bare = stored.under("progressive")
    np.testing.assert_array_equal(bare.pool.ranking, reference.pool.ranking)


def test_priorities_are_canceled_and_refused(reference, by_topic):
    run = priority_index(by_topic, 0.3, 100, seed=1, on_iteration=lambda e: e.iter < 3)
    assert run.stopped_reason == "canceled"
    assert run.certificate is None
    assert len(run.history) == 3
    with pytest.raises(InvalidParameterError, match=r"the rule is a_stratified\(4\): priorities"):
        priority_index(reference, rule="a_stratified", seed=1)
    with pytest.raises(InvalidParameterError, match="exponent is 0"):
        priority_index(reference, exponent=0, seed=1)
    with pytest.raises(InvalidParameterError, match="give 500 values"):
        reference.under("progressive", priority=np.full(500, 1.5))
