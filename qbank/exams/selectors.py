"""Selectors: which selection rule of the science each is, and what sh_p does in it.

What never lives here: the rules (``calibration.cat``), and who gets which selector.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from qbank.vocabulary import Controlled, words

DEFAULT: Final[Controlled] = "sympson_hetter"
PRIORITY: Final[Controlled] = "priority"
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


def certified(policy: Mapping[str, Any]) -> Controlled:
    """The selector that an exam's exposure control is found for: its own, if that has control."""
    own = policy.get("selector")
    return cast("Controlled", own) if own in words(Controlled) else DEFAULT
