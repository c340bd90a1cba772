"""The table of selection rules as the page has it."""

from __future__ import annotations

from typing import Any

from qbank_console.views.analyst import rules


def row(rule: str, *, in_use: bool = False, on_front: bool = False) -> dict[str, Any]:
    return {
        "rule": rule,
        "control": "sympson_hetter",
        "in_use": in_use,
        "on_front": on_front,
        "settings": {"selector": rule, "exposure_control": "sympson_hetter"},
    }


def test_the_rule_in_use_comes_first_and_then_the_front() -> None:
    rows = [row("a"), row("b", on_front=True), row("c", in_use=True), row("d", on_front=True)]
    rows[3]["settings"] = None
    shown = rules.table(rows)
    assert shown["rule"].tolist() == ["c", "b", "d", "a"]
    assert shown["standing"].tolist() == [
        "in use",
        "on the front",
        "on the front",
        "another is better in all",
    ]
    assert shown["name"][0] == "c, sympson hetter"
    assert shown["settings"].tolist() == [
        "c, sympson_hetter",
        "b, sympson_hetter",
        "library alone",
        "a, sympson_hetter",
    ]
