"""Content that is wrong never reaches a Metabase: the file, the value and the remedy are named."""

from __future__ import annotations

import pytest

from qbank_metabase.content import load_content
from qbank_metabase.errors import ContentError
from tests.metabase.conftest import COUNT, EXAM, ContentFolder


def refusal(folder: ContentFolder) -> str:
    with pytest.raises(ContentError) as caught:
        load_content(folder.path)
    return str(caught.value)


def test_the_folder_of_the_tests_is_valid(folder: ContentFolder):
    content = load_content(folder.path)
    assert set(content.cards) == {"answers", "worst_items"}
    assert content.collection_path("items") == "QBank › Items"
    assert content.columns() == {"fact_responses.exam_code", "item_health.exam_code"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"disply": "line"}, "disply: Extra inputs are not permitted"),
        ({"display": "lines"}, "display: Input should be 'table'"),
        ({"name": "  "}, "name: String should have at least 1 character"),
        ({"key": "other"}, "key is 'other'; name the file other.yml"),
        ({"collection": "nowhere"}, "card answers: no collection 'nowhere'"),
        ({"sql": "SELECT {{exam}}, {{day}}"}, "uses ['day'] but `tags` does not declare them"),
        ({"sql": "SELECT 1"}, "declares ['exam'] but the SQL does not use them"),
        ({"sql": "SELECT 1 [[WHERE {{exam}}"}, "[[…]] of the SQL are unbalanced"),
        ({"sql": "[[a [[b]] {{exam}}]]"}, "[[…]] of the SQL are unbalanced or nested"),
        ({"tags": {"exam": EXAM | {"widget": "string"}}}, "widget: Input should be"),
        ({"tags": {"exam": EXAM | {"column": "exam_code"}}}, "column: String should match"),
        (
            {"tags": {"exam": {"label": "Exam", "variable": "text", "required": True}}},
            "a required variable needs a default",
        ),
    ],
)
def test_a_wrong_card_is_refused(folder: ContentFolder, change: dict, message: str):
    folder.write("cards/overview/answers.yml", COUNT | change)
    text = refusal(folder)
    assert message in text
    assert "answers" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": [{"height": 4, "cards": [{"card": "answers", "width": 20}]}]}, "add up to 20"),
        (
            {
                "rows": [
                    {"height": 4, "cards": [{"card": "answers", "width": 12}] * 2},
                ]
            },
            "['answers'] appear more than once",
        ),
        ({"rows": [{"height": 4, "cards": [{"card": "gone", "width": 24}]}]}, "no card 'gone'"),
        ({"rows": []}, "rows: Tuple should have at least 1 item"),
        (
            {"filters": {"day": {"label": "Day", "widget": "date/all-options"}}},
            "the filter 'day' does nothing to the card answers",
        ),
        (
            {"filters": {"exam": {"label": "Exam", "widget": "number/="}}},
            "which the tag 'exam' of the card answers cannot take",
        ),
    ],
)
def test_a_wrong_dashboard_is_refused(folder: ContentFolder, change: dict, message: str):
    folder.edit("dashboards/overview.yml", **change)
    assert message in refusal(folder)


def test_two_dashboards_of_one_name_in_a_collection_are_refused(folder: ContentFolder):
    folder.write(
        "dashboards/second.yml",
        {
            "key": "second",
            "name": "Overview",
            "description": "Another.",
            "collection": "root",
            "rows": [{"heading": "Hello"}],
        },
    )
    assert "two dashboards are named 'Overview'" in refusal(folder)


@pytest.mark.parametrize(
    ("collections", "message"),
    [
        ({"key": "root"}, "expected a list"),
        (
            [{"key": "items", "name": "Items", "description": "x", "parent": "root"}],
            "the parent 'root' must stand above it",
        ),
        ([{"key": "a1", "name": "A", "description": "x"}] * 2, "the key 'a1' is there twice"),
    ],
)
def test_wrong_collections_are_refused(folder: ContentFolder, collections, message: str):
    folder.write("collections.yml", collections)
    assert message in refusal(folder)


def test_what_is_not_yaml_and_what_is_missing_is_named(folder: ContentFolder, tmp_path):
    (folder.path / "collections.yml").write_text("a: [")
    assert "collections.yml: not YAML" in refusal(folder)
    (folder.path / "collections.yml").unlink()
    assert "collections.yml: no such file" in refusal(folder)
    assert "no such folder" in refusal(ContentFolder(tmp_path / "gone"))
