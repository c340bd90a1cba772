"""A push against a stand-in that keeps Metabase's rules: it converges, and says what it did."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from qbank_metabase.client import MetabaseClient
from qbank_metabase.errors import ApiError, MetabaseError
from qbank_metabase.identity import card_entity_id
from tests.metabase.conftest import COLLECTIONS, OVERVIEW, Pusher


def results(outcomes: dict) -> dict[str, str]:
    return {key: outcome.result for key, outcome in outcomes.items()}


def by_name(table: dict, name: str) -> dict:
    (found,) = [entry for entry in table.values() if entry["name"] == name]
    return found


def test_first_push_creates_all_and_a_second_writes_nothing(pusher: Pusher):
    first = pusher.push()
    assert results(first) == dict.fromkeys(
        ["root", "items", "answers", "worst_items", "overview"], "created"
    )
    assert pusher.server.writes
    assert pusher.push() == {}
    assert pusher.server.writes == []


def test_metabase_understood_every_key_that_was_sent(pusher: Pusher):
    pusher.push()
    pusher.folder.edit("dashboards/overview.yml", description="Edited.")
    pusher.folder.edit("cards/worst_items.yml", description="Edited.")
    pusher.push()
    assert pusher.server.store.dropped == []


def test_cards_and_places_are_what_the_content_says(pusher: Pusher):
    pusher.push()
    store = pusher.server.store
    answers = by_name(store.cards, "Answers")
    assert answers["entity_id"] == card_entity_id("answers")
    assert (
        store.collections[by_name(store.cards, "Hardest items")["collection_id"]]["name"] == "Items"
    )
    field = store.fields["fact_responses.exam_code"]
    tag = answers["dataset_query"]["native"]["template-tags"]["exam"]
    assert tag["dimension"] == ["field", field, None]
    assert answers["parameters"][0]["target"] == ["dimension", ["template-tag", "exam"]]

    dashboard = by_name(store.dashboards, "Overview")
    heading, first, second, text = dashboard["dashcards"]
    assert heading["visualization_settings"]["virtual_card"]["display"] == "heading"
    places = [(d["row"], d["col"], d["size_x"], d["size_y"]) for d in (first, second, text)]
    assert places == [(1, 0, 8, 5), (1, 8, 16, 5), (6, 0, 24, 2)]
    (wired,) = first["parameter_mappings"]
    assert wired == {
        "parameter_id": dashboard["parameters"][0]["id"],
        "card_id": answers["id"],
        "target": ["dimension", ["template-tag", "exam"]],
    }


def test_an_edit_sends_that_card_alone(pusher: Pusher):
    pusher.push()
    pusher.folder.edit(
        "cards/overview/answers.yml", sql="SELECT 1 FROM analytics.fact_responses WHERE {{exam}}"
    )
    outcomes = pusher.push()
    assert results(outcomes) == {"answers": "updated"}
    assert [change.name for change in outcomes["answers"].step.changes] == ["sql"]
    card = by_name(pusher.server.store.cards, "Answers")
    assert pusher.server.writes == [("PUT", f"/api/card/{card['id']}")]
    assert card["dataset_query"]["native"]["query"].startswith("SELECT 1")
    assert pusher.push() == {}


def test_what_people_changed_by_hand_is_put_back_and_places_keep_their_ids(pusher: Pusher):
    pusher.push()
    store = pusher.server.store
    dashboard = by_name(store.dashboards, "Overview")
    ids = [place["id"] for place in dashboard["dashcards"]]
    card = by_name(store.cards, "Answers")
    card["display"] = "line"
    card["type"] = "model"
    card["dataset_query"]["native"]["template-tags"]["exam"]["default"] = ["A"]
    dashboard["dashcards"][1]["size_x"] = 3
    dashboard["dashcards"][2]["parameter_mappings"] = []
    dashboard["parameters"].append({"id": "abcd", "slug": "x", "name": "X", "type": "id"})
    dashboard["tabs"] = [{"id": 1, "name": "One"}]

    outcomes = pusher.push()
    changed = {
        key: {change.name for change in outcome.step.changes} for key, outcome in outcomes.items()
    }
    assert changed == {
        "answers": {"display", "type", "tags.exam.default"},
        "overview": {
            "filter_order",
            "filters.x",
            "tabs",
            "places.answers.width",
            "places.worst_items.wiring.exam",
        },
    }
    assert [place["id"] for place in by_name(store.dashboards, "Overview")["dashcards"]] == ids
    assert pusher.push() == {}


def test_a_card_that_went_to_the_trash_comes_back_under_its_id(pusher: Pusher):
    pusher.push()
    card = by_name(pusher.server.store.cards, "Answers")
    card["archived"] = True
    assert results(pusher.push()) == {"answers": "updated"}
    assert card["archived"] is False
    assert pusher.push() == {}


def test_renames_find_what_is_there(pusher: Pusher):
    pusher.push()
    store = pusher.server.store
    pusher.folder.edit("dashboards/overview.yml", name="At a glance", former_names=["Overview"])
    pusher.folder.edit("cards/worst_items.yml", name="Hard items")
    root, items = COLLECTIONS
    pusher.folder.write(
        "collections.yml", [root | {"name": "Question bank", "former_names": ["QBank"]}, items]
    )
    outcomes = results(pusher.push())
    assert outcomes == dict.fromkeys(["root", "worst_items", "overview"], "updated")
    assert (len(store.collections), len(store.cards), len(store.dashboards)) == (2, 2, 1)
    assert pusher.push() == {}


def test_what_is_not_ours_is_left_alone_unless_pruned(pusher: Pusher):
    pusher.push()
    store = pusher.server.store
    ours = by_name(store.cards, "Answers")
    stranger = store.create_card(
        {key: ours[key] for key in ("dataset_query", "display", "visualization_settings")}
        | {"name": "Someone's", "collection_id": ours["collection_id"]}
    )
    key = f"card {stranger['id']}"
    assert results(pusher.push()) == {key: "left"}
    assert pusher.server.writes == []
    assert results(pusher.push(prune=True)) == {key: "archived"}
    assert store.cards[stranger["id"]]["archived"] is True
    assert ours["archived"] is False
    assert pusher.push(prune=True) == {}


def test_a_card_someone_placed_on_our_dashboard_goes(pusher: Pusher):
    pusher.push()
    dashboard = by_name(pusher.server.store.dashboards, "Overview")
    dashboard["dashcards"].append(dashboard["dashcards"][1] | {"id": 999, "row": 40})
    outcomes = pusher.push()
    assert [c.name for c in outcomes["overview"].step.changes] == ["places.answers (again)"]
    assert len(by_name(pusher.server.store.dashboards, "Overview")["dashcards"]) == 4
    assert pusher.push() == {}


def test_two_collections_of_one_name_are_not_guessed_between(pusher: Pusher):
    for _ in range(2):
        pusher.server.store.create_collection({"name": "QBank"})
    with pytest.raises(MetabaseError, match=r"2 collections named 'QBank'.*archive or rename"):
        pusher.push()
    assert pusher.server.writes == []


def test_an_unknown_database_is_named_with_those_that_exist(pusher: Pusher):
    pusher.server.store.databases = lambda: {"data": [{"id": 1, "name": "Sample"}]}
    with pytest.raises(MetabaseError, match=r"no database 'qbank' \(it has \['Sample'\]\)"):
        pusher.push()


def test_wrong_key_is_refused_in_words(pusher: Pusher):

    client = MetabaseClient(pusher.server.url)
    client.use_api_key(SecretStr("wrong"))
    with client, pytest.raises(ApiError, match=r"GET /api/user/current \(401\): Unauthenticated"):
        client.current_user()


def test_something_that_is_no_metabase_is_named(pusher: Pusher):
    pusher.server.fail("GET", "/api/database", 200, body="<html>Welcome</html>")
    with pytest.raises(ApiError, match=r"not JSON; is http://127\.0\.0\.1:\d+ a Metabase"):
        pusher.push()


def test_dashboard_order_of_filters_matters(pusher: Pusher):
    pusher.push()
    filters = {"min_attempts": {"label": "Answers", "widget": "number/="}} | OVERVIEW["filters"]
    tags = {"label": "Answers", "variable": "number"}
    pusher.folder.edit("dashboards/overview.yml", filters=filters)
    with pytest.raises(MetabaseError, match="does nothing to the card answers"):
        pusher.push()
    pusher.folder.edit(
        "cards/overview/answers.yml",
        sql="SELECT 1 FROM analytics.fact_responses WHERE {{exam}} [[AND 1 > {{min_attempts}}]]",
        tags={
            "exam": {"label": "Exam", "column": "fact_responses.exam_code", "widget": "string/="},
            "min_attempts": tags,
        },
    )
    assert results(pusher.push()) == {"answers": "updated", "overview": "updated"}
    dashboard = by_name(pusher.server.store.dashboards, "Overview")
    assert [parameter["slug"] for parameter in dashboard["parameters"]] == ["min_attempts", "exam"]
    targets = [m["target"][0] for m in dashboard["dashcards"][1]["parameter_mappings"]]
    assert targets == ["variable", "dimension"]
    assert pusher.push() == {}
