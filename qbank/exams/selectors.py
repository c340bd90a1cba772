"""Selectors: which selection rule of the science each is, and what sh_p does in it.

What never lives here: the rules (``calibration.cat``), and who gets which selector.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from qbank.vocabulary import ByTheta, Controlled, SearchedControl, words

DEFAULT: Final[Controlled] = "sympson_hetter"
PRIORITY: Final[Controlled] = "priority"
RESTRICTED: Final[SearchedControl] = "restricted"
_RULES: Final = {
    "vanilla": "maximum_information",
    DEFAULT: "maximum_information",
    PRIORITY: "progressive_early",
}


def rule_of(selector: str) -> str:
    """Name of the selection rule by which an adaptive selector orders the items."""
    return _RULES.get(selector, selector)


def holds_back(selector: str) -> bool:
    """Whether sh_p is the probability with which a selected item is administered."""
    return selector in words(Controlled) and selector != PRIORITY


def weighs(selector: str) -> bool:
    """Whether sh_p is an item's priority: what its information is multiplied by."""
    return selector == PRIORITY


def moves_alone(selector: str, control: str) -> bool:
    """Whether one item's sh_p may be moved by its own rate, as re-estimation does.

    Priorities follow from one another; by θ, the population's rate says nothing of a stratum's;
    restriction has none.
    """
    return not weighs(selector) and control not in (*words(ByTheta), RESTRICTED)


def settings_of(rule: str, control: str) -> dict[str, str] | None:
    """The settings of an exam that is delivered by a rule under a kind of control.

    Args:
        rule: name of the selection rule.
        control: as the science's comparison calls it.

    Returns:
        `selector` and `exposure_control`; None where only the library has it.
    """
    if control == "none":
        return {"selector": "vanilla"} if rule == _RULES["vanilla"] else None
    if control == PRIORITY:
        return {"selector": PRIORITY} if rule == _RULES[PRIORITY] else None
    if control not in words(SearchedControl):
        return None
    found = (s for s in words(Controlled) if not weighs(s) and rule_of(s) == rule)
    return {"selector": next(found), "exposure_control": control}


def delivered(policy: Mapping[str, Any]) -> dict[str, str]:
    """What an exam's policy has, as :func:`settings_of` tells it."""
    own = policy.get("selector")
    if policy.get("exposure_control") == "none" or own == "vanilla":
        return {"selector": "vanilla"}
    selector = certified(policy)
    if weighs(selector):
        return {"selector": selector}
    return {"selector": selector, "exposure_control": searched(policy)}


def rule_and_control(policy: Mapping[str, Any]) -> tuple[str, str]:
    """The same as the science's comparison calls it: selection rule and kind of control."""
    own = delivered(policy)
    selector = own["selector"]
    usual = PRIORITY if weighs(selector) else "none"
    return rule_of(selector), own.get("exposure_control", usual)


def certified(policy: Mapping[str, Any]) -> Controlled:
    """The selector that an exam's exposure control is found for: its own, if that has control."""
    own = policy.get("selector")
    return cast("Controlled", own) if own in words(Controlled) else DEFAULT


def searched(policy: Mapping[str, Any]) -> SearchedControl:
    """How an exam's exposure parameters are found, whether or not it has control now."""
    own = policy.get("exposure_control")
    return cast("SearchedControl", own) if own in words(SearchedControl) else "sympson_hetter"
