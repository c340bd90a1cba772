"""Bodies are closed: what Metabase would drop in silence is refused here."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from qbank_metabase.bodies import CardBody, DashboardBody, DashcardBody, ParameterBody
from qbank_metabase.identity import card_entity_id, dashboard_parameter_id, tag_id

PLACE = {
    "id": -1,
    "card_id": 4,
    "row": 0,
    "col": 0,
    "size_x": 12,
    "size_y": 5,
    "parameter_mappings": [],
    "visualization_settings": {},
}
CARD = {
    "name": "Answers",
    "description": "How many.",
    "display": "scalar",
    "collection_id": 3,
    "dataset_query": {"database": 7, "native": {"query": "SELECT 1", "template_tags": {}}},
    "parameters": [],
    "visualization_settings": {},
}


def test_only_what_was_given_is_sent_under_metabase_s_names():
    body = CardBody.model_validate(CARD).json_body()
    assert body["dataset_query"]["native"]["template-tags"] == {}
    assert "archived" not in body
    assert "entity_id" not in body


@pytest.mark.parametrize(
    "change",
    [
        {"dashcards": []},
        {"collection_id": 0},
        {"name": " "},
        {"entity_id": "short"},
        {"dataset_query": {"database": 7, "native": {"query": "", "template_tags": {}}}},
    ],
)
def test_a_wrong_card_body_is_refused(change: dict):
    with pytest.raises(ValidationError):
        CardBody.model_validate(CARD | change)


@pytest.mark.parametrize("change", [{"sizeX": 3}, {"col": 24}, {"size_x": 25}, {"row": -1}])
def test_a_wrong_place_is_refused(change: dict):
    DashcardBody.model_validate(PLACE)
    with pytest.raises(ValidationError):
        DashcardBody.model_validate(PLACE | change)


def test_targets_have_one_of_two_forms():
    common = {"id": "a1", "name": "Exam", "slug": "exam", "type": "string/="}
    ParameterBody.model_validate(common | {"target": ["variable", ["template-tag", "exam"]]})
    with pytest.raises(ValidationError):
        ParameterBody.model_validate(common | {"target": ["template-tag", "exam"]})


def test_a_dashboard_has_no_entity_id():
    assert "entity_id" not in DashboardBody.model_fields


def test_identifiers_are_stable_and_distinct():
    # these are in deployed Metabases: a change would make strangers of all cards
    assert card_entity_id("answers") == "sYBV-P_XOHLWc1J5hqvxx"
    assert tag_id("answers", "exam") == "f0f7e445-b823-5805-a3f9-0c5b0d8ac0c8"
    assert dashboard_parameter_id("overview", "exam") == "873ca5d5"
    keys = [f"card_{number}" for number in range(500)]
    assert len({card_entity_id(key) for key in keys}) == 500
