"""The contract of events: as it is committed, and never less than it was."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from qbank.events import EVENTS, for_students
from qbank.events.compatibility import breaks
from qbank.events.contract import broken, document, files, schema
from qbank.project_files import checkout, project_file

FOLDER = project_file("events")


def test_what_is_committed_is_what_the_models_say():
    assert {path: (FOLDER / path).read_text() for path in files()} == files(), "run: make generate"
    there = {path.relative_to(FOLDER) for path in FOLDER.rglob("*.json")}
    assert there == files().keys()
    assert broken(FOLDER) == []


@pytest.mark.parametrize("kind", EVENTS)
def test_each_schema_is_one_and_has_ids_as_text(kind):
    made = schema(kind)
    Draft202012Validator.check_schema(made)
    data = made["properties"]["data"]
    named = {n: f for n, f in data["properties"].items() if n.endswith("_id")}
    assert named or kind == "alarm_raised"
    assert all('"string"' in json.dumps(field) for field in named.values())
    assert "additionalProperties" not in json.dumps(made)


def test_the_document_names_every_event_in_the_topic_of_its_aggregate():
    made = document()
    topics = {
        kind: topic["address"] for topic in made["channels"].values() for kind in topic["messages"]
    }
    assert topics == {kind: f"qbank.{model.aggregate}" for kind, model in EVENTS.items()}
    for message in made["components"]["messages"].values():
        assert (FOLDER / message["payload"]["schema"]["$ref"]).is_file()
    for operation in made["operations"].values():
        assert operation["channel"]["$ref"].removeprefix("#/channels/") in made["channels"]


def changed(edit: Any) -> list[str]:
    old = schema("answer_submitted")
    new = copy.deepcopy(old)
    edit(new["properties"]["data"], new)
    return breaks(old, new)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda data, _: data["properties"].pop("position"), "data.position is gone"),
        (lambda data, _: data["required"].remove("mode"), "data.mode now may be left out"),
        (lambda data, _: data["required"].append("client"), "data.client now must be there"),
        (
            lambda data, _: data["properties"]["question_id"].update(type="integer"),
            "data.question_id: type was 'string' and is 'integer'",
        ),
        (
            lambda data, _: data["properties"]["mode"]["enum"].remove("exam"),
            "data.mode may no more be 'exam'",
        ),
        (
            lambda data, _: data["properties"]["selected"].update(enum=["A"]),
            "data.selected is narrowed to a list",
        ),
        (
            lambda data, _: data["properties"]["time_taken_ms"]["anyOf"][0].update(maximum=9),
            "data.time_taken_ms: maximum was None and is 9",
        ),
        (
            lambda data, _: data["properties"]["selected"].update(maxLength=1),
            "data.selected: maxLength was 64 and is 1",
        ),
        (
            lambda _, new: new["$defs"]["Client"]["properties"].pop("device"),
            "Client.device is gone",
        ),
        (lambda _, new: new["properties"].pop("subject"), "subject is gone"),
    ],
)
def test_what_would_break_a_reader_is_named(edit, said):
    assert said in changed(edit)


def test_what_may_be_left_out_may_come_and_words_may_be_explained():
    def edit(data, new):
        data["properties"]["weather"] = {"type": "string"}
        data["properties"]["mode"]["enum"].append("drill")
        data["properties"]["position"]["description"] = "better words"
        data["properties"]["selected"]["maxLength"] += 1
        data["properties"]["position"]["x-audience"] = "staff"

    assert changed(edit) == []


def test_what_is_for_staff_stays_for_staff():
    def edit(data, new):
        del data["properties"]["is_correct"]["x-audience"]

    assert changed(edit) == ["data.is_correct: x-audience was 'staff' and is None"]


def test_an_item_that_is_tried_out_looks_like_any_other_to_students():
    """`fixed` chose it in an adaptive quiz, and a quiz says at first how many are scored."""
    item = {"quiz_id": "q", "question_id": "7", "version": 1, "position": 2}
    served = [
        for_students({"type": "question_served", "data": item | {"selector": word}})
        for word in ("sympson_hetter", "fixed")
    ]
    assert served[0] == served[1] == {"type": "question_served", "data": item}
    begun = {"type": "quiz_started", "data": {"quiz_id": "q", "num_questions": 20}}
    assert for_students(begun)["data"] == {"quiz_id": "q"}


def test_a_type_that_is_gone_and_a_narrowed_one_are_not_written(tmp_path):
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "quiz_paused.json").write_text("{}")
    old = schema("flagged")
    old["properties"]["data"]["properties"]["why"] = {"type": "string"}
    (tmp_path / "v1" / "flagged.json").write_text(json.dumps(old))
    assert broken(tmp_path) == ["flagged: data.why is gone", "quiz_paused is gone"]


PAGE = (checkout() / "docs" / "api" / "events.md").read_text()


def test_the_page_tells_of_each_type_and_its_topic():
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| `([\w.]+)` \|", PAGE, re.M)
    told = {kind: topic for kinds, topic in rows for kind in re.findall(r"\w+", kinds)}
    assert told == {kind: f"qbank.{model.aggregate}" for kind, model in EVENTS.items()}


def test_the_event_on_the_page_is_one():
    (shown,) = re.findall(r"```json\n(.*?)```", PAGE, re.S)
    event = json.loads(shown)
    checker = Draft202012Validator.FORMAT_CHECKER
    Draft202012Validator(schema(event["type"]), format_checker=checker).validate(event)
    EVENTS[event["type"]].model_validate_json(json.dumps(event["data"]))
    assert (for_students(event)["data"].keys() ^ event["data"].keys()) == {"is_correct"}
