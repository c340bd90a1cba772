import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import calibration as cal
from tests.calibration.irt import planted


def test_item_rest_correlation_of_a_complete_form():
    data = planted.draw(1, 500, 12)
    wide = np.empty((500, 12))
    wide[data.person, data.item] = data.correct
    found = cal.classical(*data.responses)
    for j in range(12):
        rest = np.delete(wide, j, axis=1).sum(axis=1)
        assert_allclose(found.item_rest[j], np.corrcoef(wide[:, j], rest)[0, 1], rtol=1e-10)
    assert_allclose(found.p, wide.mean(axis=0))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 8), st.integers(1, 30))
def test_correlations_stay_within_one(seed, items, persons):
    rng = np.random.default_rng(seed)
    seen = rng.random((persons, items)) < 0.7
    seen[0, 0] = True
    person, item = np.nonzero(seen)
    found = cal.classical(person, item, rng.integers(0, 2, person.size), item_count=items)
    assert np.isfinite(found.item_rest).all()
    assert (np.abs(found.item_rest) <= 1 + 1e-9).all()
    assert ((found.p >= 0) & (found.p <= 1)).all()


def test_one_answer_each_has_no_rest():
    found = cal.classical([0, 1, 2], [0, 0, 1], [1, 0, 1])
    assert found.item_rest.tolist() == [0, 0]
    assert found.p.tolist() == [0.5, 1.0]


def option_data(seed=2):
    data = planted.draw(seed, 800, 10)
    rng = np.random.default_rng(seed)
    key = rng.integers(0, 4, 10)
    wrong = (key[data.item] + rng.integers(1, 4, data.item.size)) % 4
    return data, key, np.where(data.correct == 1, key[data.item], wrong)


def test_distractor_table():
    data, key, option = option_data()
    shuffled = np.random.default_rng(1).permutation(option.size)
    table = cal.distractors(data.person[shuffled], data.item[shuffled], option[shuffled], key)
    plain = cal.classical(*data.responses)
    assert (table.n.sum(axis=1) == 800).all()
    assert_allclose(table.share.sum(axis=1), 1)
    assert_allclose(table.share[table.is_key], plain.p)
    assert_allclose(table.point_biserial[table.is_key], plain.item_rest, rtol=1e-9)
    assert (table.point_biserial[~table.is_key] < 0.02).mean() > 0.9
    chosen = (data.item == 3) & (option == 2)
    total = np.bincount(data.person, data.correct)[data.person]
    assert_allclose(table.rest[3, 2], ((total - data.correct) / 9)[chosen].mean())
    assert table.n[3, 2] == chosen.sum()


def test_options_nobody_chose_have_a_row():
    data, key, option = option_data()
    table = cal.distractors(data.person, data.item, option, key, option_count=6)
    assert table.n.shape == (10, 6)
    assert not table.n[:, 4:].any()
    assert not table.point_biserial[:, 4:].any()


def test_bad_options():
    with pytest.raises(cal.InvalidResponsesError, match="option must be"):
        cal.distractors([0], [0], [-1], [1])
    with pytest.raises(cal.InvalidResponsesError, match="from 0 to 0"):
        cal.distractors([0], [1], [1], [1])
    with pytest.raises(cal.InvalidParameterError, match="option_count is 1"):
        cal.distractors([0], [0], [1], [0], option_count=1)
