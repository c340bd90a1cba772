"""Options in an order of the person's own: kept with what was served, and answers map back."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
import pytest

from delivery_api.quizzes import option_order
from tests.delivery_api.conftest import add_items
from tests.delivery_api.test_attempts import ask, new_exam
from tests.delivery_api.test_quizzes import answer
from tests.delivery_api.test_sittings import SITTINGS

__all__ = ["new_exam"]
LABELS = ["A", "B", "C", "D"]


def next_item(client: Any, headers: dict[str, str], quiz: str) -> dict[str, Any]:
    reply = client.get(f"/v1/quizzes/{quiz}/next", headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


def order_of(item: dict[str, Any]) -> str:
    """Published labels as the item shows them: its texts are ``option A`` to ``option D``."""
    return "".join(option["text_md"].removeprefix("option ") for option in item["options"])


def test_answers_count_by_what_was_chosen_and_not_by_its_label(
    client, as_user, new_exam, world, start_server
):
    exam = new_exam("shuffled", shuffle_options=True, review="items")
    ann = as_user("ann-shuffled", "student")
    quiz = ask(client, ann, exam, n=8).json()["quiz_id"]
    orders, right = {}, []
    for k in range(8):
        item = next_item(client, ann, quiz)
        assert [option["label"] for option in item["options"]] == LABELS
        orders[item["question_id"]] = order_of(item)
        assert next_item(client, ann, quiz) == item  # the same however often it is asked for
        wanted = "A" if k % 2 else "C"
        label = LABELS[order_of(item).index(wanted)]
        assert answer(client, ann, quiz, item["question_id"], label).status_code == 200
        # the same again is the same, and another is refused by the label that was shown
        assert answer(client, ann, quiz, item["question_id"], label).status_code == 200
        other = answer(client, ann, quiz, item["question_id"], LABELS[LABELS.index(label) - 1])
        assert other.status_code == 409
        assert f"was answered {label} already" in other.json()["detail"]
        right.append(bool(k % 2))
    assert len(set(orders.values())) > 2
    state = client.get(f"/v1/quizzes/{quiz}", headers=ann).json()
    assert [item["correct"] for item in state["items"]] == right

    seen = client.get(f"{SITTINGS}/{quiz}", headers=as_user("amy", "admin")).json()
    assert {step["question_id"]: step["option_order"] for step in seen["steps"]} == orders
    assert [step["selected"] for step in seen["steps"]] == ["A" if r else "C" for r in right]
    with world.connect() as conn:
        kept = conn.execute(
            "SELECT DISTINCT option_label::text, is_correct FROM user_responses WHERE quiz_id = %s",
            (quiz,),
        ).fetchall()
    assert sorted(kept) == [("A", True), ("C", False)]


def test_another_process_shows_and_scores_it_alike(client, as_user, new_exam, start_server):
    exam = new_exam("elsewhere", shuffle_options=True)
    bob = as_user("bob-shuffled", "student")
    quiz = ask(client, bob, exam).json()["quiz_id"]
    with httpx.Client(base_url=start_server().url) as other:
        for k in range(5):
            here, there = (client, other) if k % 2 else (other, client)
            item = next_item(here, bob, quiz)
            assert next_item(there, bob, quiz) == item
            label = LABELS[order_of(item).index("A")]
            assert answer(there, bob, quiz, item["question_id"], label).status_code == 200
    assert client.get(f"/v1/quizzes/{quiz}", headers=bob).json()["correct"] == 5


def test_people_see_different_orders_and_practice_none(client, as_user, new_exam):
    exam = new_exam("each", slice(5), shuffle_options=True, max_attempts=None)
    seen: dict[int, set[str]] = {}
    for k in range(6):
        headers = as_user(f"each-{k}", "student")
        for mode in ("exam", "tutor"):
            quiz = ask(client, headers, exam, mode).json()["quiz_id"]
            for _ in range(5):
                item = next_item(client, headers, quiz)
                if mode == "tutor":
                    assert order_of(item) == "ABCD"
                else:
                    seen.setdefault(item["question_id"], set()).add(order_of(item))
                answer(client, headers, quiz, item["question_id"])
    assert len(seen) == 5
    assert all(len(orders) > 1 for orders in seen.values())


def test_without_the_policy_options_stand_as_published(client, as_user, new_exam):
    cy = as_user("cy-plain", "student")
    quiz = ask(client, cy, new_exam("plain")).json()["quiz_id"]
    assert order_of(next_item(client, cy, quiz)) == "ABCD"


@pytest.mark.parametrize("count", [2, 4, 5])
def test_every_order_is_as_likely_as_any_other(count):
    """χ² of the place of each option over 6,000 draws, against its 99.99th percentile at most."""
    options = [(label, f"text {label}") for label in "ABCDEFGHIJ"[:count]]
    draws = [option_order.drawn(options, seed, 7) for seed in range(6_000)]
    places = Counter((was, k) for order in draws for k, was in enumerate(order or ""))
    expected = 6_000 / count
    found = [places[was, k] for was, _ in options for k in range(count)]
    statistic = sum((n - expected) ** 2 / expected for n in found)
    degrees = (count - 1) ** 2
    assert statistic < degrees + 6 * (2 * degrees) ** 0.5 + 10


def test_options_that_are_called_by_codes_are_answered_in_any_spelling(
    client, as_user, new_exam, world
):
    labels = ["24", "OPTION 3", "TRUE"]
    with world.connect() as conn:
        items = add_items(conn, "demo", [*world.topics.values()], 4, labels=labels)
    exam = new_exam("coded", items, shuffle_options=True)
    dee = as_user("dee-coded", "student")
    quiz = ask(client, dee, exam, n=4).json()["quiz_id"]
    orders = set()
    for _ in range(4):
        item = next_item(client, dee, quiz)
        shown = {option["text_md"]: option["label"] for option in item["options"]}
        assert sorted(shown.values()) == labels
        orders.add(tuple(shown))
        unknown = answer(client, dee, quiz, item["question_id"], "TRU")
        assert (unknown.status_code, "option 'TRU' does not exist" in unknown.text) == (422, True)
        label = shown["option 24"]
        done = answer(client, dee, quiz, item["question_id"], f" {label.lower()} ")
        assert done.status_code == 200, done.text
    assert len(orders) > 1
    with world.connect() as conn:
        kept = conn.execute(
            "SELECT option_label::text, is_correct FROM user_responses WHERE quiz_id = %s", (quiz,)
        ).fetchall()
    assert kept == [("24", True)] * 4


@pytest.mark.parametrize(
    ("labels", "order"),
    [(LABELS, None), (LABELS, "CADB"), (["24", "A", "OPTION 3", "TRUE"], "TRUE|24|OPTION 3|A")],
)
def test_labels_map_there_and_back(labels, order):
    options = [(label, f"text {label}") for label in labels]
    assert [label for label, _ in option_order.shown(options, order)] == labels
    for label, text in option_order.shown(options, order):
        was = option_order.published(label, options, order)
        assert text == f"text {was}"
        assert option_order.label_of(was, options, order) == label
    assert option_order.drawn([], 1, 1) is None
