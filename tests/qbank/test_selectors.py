"""Selectors and the science's rules are one list of things."""

from __future__ import annotations

from calibration.cat import RULES
from qbank.exams import selectors
from qbank.vocabulary import ADAPTIVE, Controlled, words


def test_every_rule_can_be_delivered_and_every_selector_has_a_rule():
    assert {selectors.rule_of(selector) for selector in ADAPTIVE} == set(RULES)


def test_sh_p_does_one_thing_at_most():
    for selector in ADAPTIVE:
        assert selectors.holds_back(selector) + selectors.weighs(selector) == (
            selector in words(Controlled)
        )


def test_what_is_calibrated_is_what_the_exam_delivers():
    assert selectors.certified({"selector": "progressive"}) == "progressive"
    assert selectors.certified({"selector": "vanilla"}) == "sympson_hetter"
    assert selectors.certified({}) == "sympson_hetter"
