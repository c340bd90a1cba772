"""Selectors and the science's rules are one list of things."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from calibration.cat import RULES
from calibration.exposure.comparison import ARMS
from qbank.exams import selectors
from qbank.requests import RequestError, SympsonHetter
from qbank.stores.item_bank import Exam
from qbank.vocabulary import ADAPTIVE, ByTheta, Controlled, words


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


def test_a_row_of_the_comparison_says_what_an_exam_is_set_to():
    told = {
        (str(arm.rule), arm.control): selectors.settings_of(str(arm.rule), arm.control)
        for arm in ARMS
    }
    assert told["maximum_information", "none"] == {"selector": "vanilla"}
    assert told["maximum_information", "stocking_lewis"] == {
        "selector": "sympson_hetter",
        "exposure_control": "stocking_lewis",
    }
    assert told["progressive_early", "priority"] == {"selector": "priority"}
    assert told["progressive_se", "restricted"] == {
        "selector": "progressive_se",
        "exposure_control": "restricted",
    }
    assert told["progressive", "priority"] is None
    # what is said is what the selector does
    for (rule, control), settings in told.items():
        if settings is not None:
            assert selectors.rule_of(settings["selector"]) == rule
            assert settings.get("exposure_control", control) == control


@pytest.mark.parametrize(
    ("policy", "own", "compared"),
    [
        ({}, ("sympson_hetter", "sympson_hetter"), ("maximum_information", "sympson_hetter")),
        ({"selector": "vanilla"}, ("vanilla",), ("maximum_information", "none")),
        ({"exposure_control": "none"}, ("vanilla",), ("maximum_information", "none")),
        ({"selector": "priority"}, ("priority",), ("progressive_early", "priority")),
        (
            {"selector": "randomesque", "exposure_control": "item_eligibility"},
            ("randomesque", "item_eligibility"),
            ("randomesque", "item_eligibility"),
        ),
    ],
)
def test_what_an_exam_uses_is_told_as_a_row_of_the_comparison_tells_it(policy, own, compared):
    assert tuple(selectors.delivered(policy).values()) == own
    assert selectors.rule_and_control(policy) == compared
    assert selectors.settings_of(*compared) == selectors.delivered(policy)


def test_sh_p_that_follow_from_one_another_are_not_moved_alone():
    assert selectors.moves_alone("progressive", "item_eligibility")
    assert not selectors.moves_alone("priority", "sympson_hetter")
    for control in (*words(ByTheta), "restricted"):
        assert not selectors.moves_alone("sympson_hetter", control)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"selector": "priority", "exposure_control": "stocking_lewis"}, "a control of its own"),
        ({"exposure_control": "stocking_lewis", "topic_tau": {"7": 0.1}}, "one for all items"),
        ({"selector": "priority", "exposure_control": "restricted"}, "a control of its own"),
        ({"exposure_control": "lottery"}, "give sympson_hetter or item_eligibility or"),
    ],
)
def test_controls_that_do_not_go_together_are_refused(given, said):
    exam = Exam("X", "default", "X", "2pl", 0.2, 25, {}, datetime.now(UTC))
    with pytest.raises(RequestError, match=said):
        SympsonHetter.resolve(exam, given)
