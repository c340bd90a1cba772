"""Masks, ids and lists in place of plain arrays, codes and numbers: refused by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import calibration as cal
from calibration.errors import InvalidParameterError, InvalidResponsesError

BANK = cal.ItemBank([1.0, 0.8, 1.2], [-0.5, 0.0, 0.5])
PERSON = np.repeat(np.arange(400), 10)
ITEM = np.tile(np.arange(10), 400)
CORRECT = (np.arange(4000) % 3 > 0).astype(int)
HIDDEN = np.ma.masked_array(CORRECT, mask=CORRECT == 0)


@pytest.mark.parametrize("estimate", [cal.fit, cal.classical], ids=["fit", "classical"])
def test_database_ids_are_no_codes(estimate: Callable[..., object]) -> None:
    with pytest.raises(InvalidResponsesError, match=r"item has codes up to 5000009 in 4000"):
        estimate(PERSON, ITEM + 5_000_000, CORRECT)
    with pytest.raises(InvalidResponsesError, match=r"numpy\.unique\(person, return_inverse=True"):
        estimate(PERSON + 300_000_000, ITEM, CORRECT)


def test_items_that_nobody_answered_may_be_left_out() -> None:
    statistics = cal.classical(PERSON, ITEM * 7, CORRECT)

    assert statistics.n.size == 64
    assert statistics.n.sum() == CORRECT.size
    assert cal.classical(PERSON, ITEM, CORRECT, item_count=50_000).n.size == 50_000


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("correct", lambda: cal.fit(PERSON, ITEM, HIDDEN)),
        ("item", lambda: cal.fit(PERSON, np.ma.masked_array(ITEM, mask=ITEM == 3), CORRECT)),
        (
            "weight",
            lambda: cal.fit(PERSON, ITEM, CORRECT, weight=np.ma.masked_equal(np.ones(400), 1)),
        ),
        ("correct", lambda: cal.eap(BANK, [0, 0], [0, 1], np.ma.masked_array([1, 0], [0, 1]))),
        ("a", lambda: cal.ItemBank(np.ma.masked_array([1.0, 2.0], [0, 1]), [0.0, 0.0])),
        ("theta", lambda: cal.simulate(BANK, np.ma.masked_array([0.0, 9.0], [0, 1]), 2, seed=1)),
        (
            "focal",
            lambda: cal.mantel_haenszel(PERSON, ITEM, CORRECT, np.ma.masked_equal([0, 1] * 200, 1)),
        ),
    ],
)
def test_masks_are_refused_and_never_dropped(name: str, call: Callable[[], object]) -> None:
    with pytest.raises(InvalidParameterError, match=rf"^{name} is masked in \d+ of \d+ places"):
        call()


def test_a_mask_that_hides_nothing_is_plain() -> None:
    plain = cal.classical(PERSON, ITEM, CORRECT)

    open_mask = cal.classical(PERSON, ITEM, np.ma.masked_array(CORRECT, mask=False))
    np.testing.assert_array_equal(plain.p, open_mask.p)


@pytest.mark.parametrize("value", [[0.2, 0.3], np.array([0.2]), "0.2", True, None])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("tau", lambda value: cal.sympson_hetter(BANK, value, test_length=2, seed=1)),
        ("alpha", lambda value: cal.sympson_hetter(BANK, 1.0, alpha=value, test_length=2, seed=1)),
        ("tau", lambda value: cal.item_eligibility(BANK, value, test_length=2, seed=1)),
        ("mean", lambda value: cal.eap(BANK, [0], [0], [1], mean=value)),
        ("tol", lambda value: cal.fit(PERSON, ITEM, CORRECT, tol=value)),
    ],
)
def test_one_number_is_one_number(
    name: str, call: Callable[[object], object], value: object
) -> None:
    with pytest.raises(InvalidParameterError, match=rf"^{name} is .*: give one number"):
        call(value)
