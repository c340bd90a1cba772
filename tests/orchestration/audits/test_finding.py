"""What a finding names: a few of many, and items by where they came from."""

from __future__ import annotations

from types import SimpleNamespace

from qbank_orchestration.engine.finding import first_of, item_named


def test_five_are_named_and_the_others_counted():
    five = [f"item {letter}" for letter in "ABCDE"]
    assert first_of([]) == ""
    assert first_of(five) == "item A; item B; item C; item D; item E"
    assert first_of([*five, "item F"]) == f"{first_of(five)} and 1 more"


def test_an_item_is_named_by_where_its_question_came_from():
    row = SimpleNamespace(question_id=7, version=2)
    assert item_named(row, {7: "algebra/12"}) == "item algebra/12"
    assert item_named(row, {8: "algebra/12"}) == item_named(row, {7: ""}) == "question 7 v2"
