"""What must not change a calibration, and what it must never do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import calibration as cal
from calibration.irt import layout
from calibration.irt.layout import all_rows, build_layout
from calibration.irt.responses import build_responses
from tests.calibration.irt import planted


@pytest.fixture(scope="module")
def data():
    return planted.draw(1, 500, 12, 8)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31))
def test_order_and_names_do_not_matter(data, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(data.person.size)
    people, items = rng.permutation(500), rng.permutation(12)
    base = cal.fit(*data.responses, min_n=0, node_check=False)
    other = cal.fit(
        people[data.person][order],
        items[data.item][order],
        data.correct[order],
        min_n=0,
        node_check=False,
    )
    assert_allclose(other.a[items], base.a, atol=1e-7)
    assert_allclose(other.se_b[items], base.se_b, rtol=1e-4)
    assert_allclose(other.log_likelihood, base.log_likelihood, rtol=1e-12)


def test_threads_give_the_same_bits():
    data = planted.draw(2, 3000, 40, 25)
    one = cal.fit(*data.responses, threads=1)
    two = cal.fit(*data.responses, threads=2)
    for name in ("a", "b", "se_a", "se_b"):
        assert (getattr(one, name) == getattr(two, name)).all()
    assert one.log_likelihood == two.log_likelihood


def test_fits_side_by_side_in_threads():
    from concurrent.futures import ThreadPoolExecutor

    data = [planted.draw(seed, 400, 10) for seed in range(4)]
    alone = [cal.fit(*one.responses).a for one in data]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda one: cal.fit(*one.responses).a, data))
    for expected, found in zip(alone, together, strict=True):
        assert (expected == found).all()


@pytest.mark.parametrize("model", ["1pl", "2pl", "3pl"])
def test_forms_patterns_and_plain_rows_agree(model, monkeypatch):
    """Two forms of six items, answered by many: persons collapse; without that, nothing changes."""
    data = planted.draw(3, 1500, 10)
    keep = np.where(data.person % 2 == 0, data.item < 6, data.item >= 4)
    answers = data.person[keep], data.item[keep], data.correct[keep]
    keywords = {"model": model, "min_n": 0}
    quick = cal.fit(*answers, **keywords)
    weights = np.ones(1500)
    shape = build_layout(build_responses(*answers), weights)
    assert shape.by_form
    assert shape.weight.size <= 128
    assert shape.weight.sum() == 1500
    monkeypatch.setattr(layout, "_find_forms", lambda *_: None)
    assert not build_layout(build_responses(*answers), weights).by_form
    plain = cal.fit(*answers, **keywords)
    assert_allclose(quick.a, plain.a, atol=1e-6)
    assert_allclose(quick.c, plain.c, atol=1e-6)
    assert_allclose(quick.se_b, plain.se_b, rtol=1e-4)
    assert_allclose(quick.log_likelihood, plain.log_likelihood, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 6), st.floats(0.3, 1.0))
def test_a_layout_holds_every_answer(seed, persons, items, share):
    rng = np.random.default_rng(seed)
    seen = rng.random((persons, items)) < share
    seen[0, 0] = True
    person, item = np.nonzero(seen)
    correct = rng.integers(0, 2, person.size)
    weight = rng.integers(0, 3, persons).astype(float)
    weight[0] = 1
    shape = build_layout(
        build_responses(person, item, correct, item_count=items, person_count=persons), weight
    )
    indptr, rows = all_rows(shape)
    owner = np.repeat(np.arange(shape.weight.size), np.diff(indptr))
    held = np.bincount(rows, shape.weight[owner], minlength=2 * items)
    given_ = np.bincount(2 * item + correct, weight[person], minlength=2 * items)
    assert_allclose(held, given_)


def test_colliding_hashes_are_found_out(data, monkeypatch):
    monkeypatch.setattr(layout, "_hash_sets", lambda i, e, rows: np.zeros(rows.size, np.uint64))
    shape = build_layout(build_responses(*data.responses), np.ones(500))
    assert not shape.by_form
    assert all_rows(shape)[1].size == data.person.size


@pytest.mark.parametrize("model", ["1pl", "2pl", "3pl"])
def test_the_end_is_the_highest_point_seen(data, model):
    seen = []
    fit = cal.fit(
        *data.responses, model=model, min_n=0, on_cycle=lambda cycle, value: seen.append(value)
    )
    assert fit.converged
    assert fit.log_posterior >= max(seen)
    assert len(seen) + 1 == fit.cycles  # and the closing Newton step


def test_cancelling_and_running_out(data):
    stopped = cal.fit(*data.responses, min_n=0, on_cycle=lambda cycle, value: cycle < 3)
    assert (stopped.stopped_reason, stopped.converged, stopped.cycles) == ("canceled", False, 3)
    short = cal.fit(*data.responses, min_n=0, max_cycles=2)
    assert (short.stopped_reason, short.converged, short.cycles) == ("max_cycles", False, 2)
    assert np.isfinite(short.a).all()


def test_acceleration_ends_where_plain_em_ends(data, monkeypatch):
    from calibration.irt.squarem import Squarem

    quick = cal.fit(*data.responses, min_n=0, tol=1e-7, se=False)

    def plain(self, start, first, second, floor):
        return second, self._at(second)

    monkeypatch.setattr(Squarem, "_leap", plain)
    slow = cal.fit(*data.responses, min_n=0, tol=1e-7, se=False, max_cycles=20_000)
    assert slow.converged
    assert_allclose(quick.a, slow.a, atol=2e-5)
    assert quick.cycles < slow.cycles / 2


def test_nodes_too_few_for_a_long_test_are_noticed():
    data = planted.draw(5, 400, 200, a_sd=0.3)
    fit = cal.fit(*data.responses, nodes=25, priors=None, min_n=0)
    assert fit.node_check.largest_a_change > 0.05
    finer = cal.fit(*data.responses, nodes=97, priors=None, min_n=0)
    assert finer.node_check.largest_a_change < 0.01


@pytest.mark.parametrize("se", [True, False])
def test_the_node_check_works_with_and_without_errors(data, se):
    check = cal.fit(*data.responses, min_n=0, nodes=15, se=se).node_check
    assert check.nodes == 29
    assert check.largest_a_change > 1e-4
    assert cal.fit(*data.responses, min_n=0, node_check=False).node_check is None
