"""Pushes that fail half-way: the culprit is named, the rest is whole, the next push finishes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.metabase.conftest import FIELDS, Pusher
from tests.metabase.fake_metabase import FakeMetabase, Store
from tests.metabase.test_push import by_name, results

CARDS = r"/api/card(/\d+)?"


@pytest.fixture
def server() -> Iterator[FakeMetabase]:
    """One release is enough here: faults know no release."""
    with FakeMetabase(Store(set(FIELDS))) as running:
        yield running


def test_a_refused_card_is_named_and_its_dashboard_is_left_as_it_was(pusher: Pusher):
    pusher.push()
    pusher.folder.edit("cards/overview/answers.yml", description="New.", display="line")
    pusher.folder.edit("cards/worst_items.yml", description="New.")
    pusher.folder.edit("dashboards/overview.yml", description="New.")
    reason = {"specific-errors": {"display": ["is not liked today"]}}
    pusher.server.fail("PUT", CARDS, 400, body=reason, containing='"Answers"')

    outcomes = pusher.push()
    assert results(outcomes) == {
        "answers": "failed",
        "worst_items": "updated",
        "overview": "skipped",
    }
    assert "display: ['is not liked today']" in outcomes["answers"].reason
    assert "needs card answers" in outcomes["overview"].reason
    dashboard = by_name(pusher.server.store.dashboards, "Overview")
    assert dashboard["description"] == "The bank at a glance."

    assert results(pusher.push()) == {"answers": "updated", "overview": "updated"}
    assert pusher.push() == {}


def test_a_dashboard_that_could_not_be_filled_is_not_left_empty(pusher: Pusher):
    pusher.server.fail("PUT", r"/api/dashboard/\d+", 400, body={"message": "no"})
    outcomes = pusher.push()
    assert outcomes["overview"].result == "failed"
    assert pusher.server.store.dashboards == {}
    assert results(pusher.push()) == {"overview": "created"}


def test_a_card_whose_answer_was_lost_is_found_again_not_made_twice(pusher: Pusher):
    pusher.server.fail("POST", "/api/card", None, containing='"Answers"', late=True)
    outcomes = pusher.push()
    assert outcomes["answers"].result == "failed"
    # after a lost connection nothing more is tried
    assert outcomes["worst_items"].result == outcomes["overview"].result == "skipped"
    assert results(pusher.push()) == {"worst_items": "created", "overview": "created"}
    assert len(pusher.server.store.cards) == 2
    assert pusher.push() == {}


def test_a_refused_collection_holds_back_what_belongs_in_it(pusher: Pusher):
    pusher.server.fail(
        "POST", "/api/collection", 403, body="You don't have permissions to do that."
    )
    outcomes = pusher.push()
    assert results(outcomes) == {
        "root": "failed",
        "items": "skipped",
        "answers": "skipped",
        "worst_items": "skipped",
        "overview": "skipped",
    }
    assert "You don't have permissions" in outcomes["root"].reason
    assert pusher.server.store.cards == {}


def test_a_busy_metabase_is_asked_again(pusher: Pusher):
    pusher.server.fail("GET", "/api/collection", 503)
    pusher.server.fail("POST", "/api/card", 503, containing='"Answers"')
    pusher.server.fail("PUT", r"/api/dashboard/\d+", 502)
    assert set(results(pusher.push()).values()) == {"created"}
    assert len(pusher.server.store.cards) == 2
    assert pusher.push() == {}


def test_settings_that_metabase_does_not_keep_are_reported(pusher: Pusher):
    store = pusher.server.store
    keep = store._tidy
    store._tidy = lambda taken: keep({k: v for k, v in taken.items() if k != "description"})
    outcomes = pusher.push()
    assert outcomes["answers"].result == "failed"
    assert "did not keep it: description is ''" in outcomes["answers"].reason
