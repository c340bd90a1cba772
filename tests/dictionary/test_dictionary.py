"""What a column means is written once, in dbt's yml; everything that shows it says the same."""

from __future__ import annotations

import dataclasses
import datetime
import typing
from types import NoneType

import pytest

from delivery_api.marts import MartRow
from delivery_api.routers import results
from dictionary import api, lookml, pages
from dictionary.__main__ import outdated
from dictionary.source import ROOT, Mart, looker_measures, marts, variables

PYTHON = {
    "text": str,
    "date": datetime.date,
    "timestamp with time zone": datetime.datetime,
    "integer": int,
    "bigint": int,
    "boolean": bool,
    "double precision": float,
    "jsonb": dict,
    "text[]": list,
}
ROWS = MartRow.__subclasses__()


@pytest.fixture(scope="module")
def known() -> dict[str, Mart]:
    return marts()


def test_everything_says_what_dbt_says():
    assert list(outdated()) == [], "run: make generate"


def test_another_word_in_dbt_reaches_views_page_and_api(known):
    health = known["item_health"]
    other = dataclasses.replace(
        health.columns["p_value"], description="Another word.", data_type="boolean", label="New"
    )
    changed = known | {
        "item_health": dataclasses.replace(health, columns={**health.columns, "p_value": other})
    }
    measures = looker_measures() | {"item_health.flagged_share": "Another measure."}
    views = {file.name: text for file, text in lookml.files(changed, measures)}
    field = views["item_health.view.lkml"].split("dimension: p_value {")[1].split("}")[0]
    assert 'label: "New"' in field
    assert 'description: "Another word."' in field
    assert "type: yesno" in field
    field = views["item_health.view.lkml"].split("measure: flagged_share {")[1].split("}")[0]
    assert 'description: "Another measure."' in field
    (page,) = [text for _, text in pages.files(changed, variables())]
    assert "| `p_value` | boolean, may be null | Another word. |" in page
    (said,) = [text for _, text in api.files(changed)]
    assert '"p_value": "Another word."' in said


def test_a_variables_default_is_beside_its_name(known):
    (page,) = [text for _, text in pages.files(known, variables() | {"flag_drift_residual": 7.5})]
    assert "`flag_drift_residual` (7.5)" in page
    assert page.count("<!-- columns of ") == len(known)


def test_the_api_describes_its_fields(known):
    assert {row.__module__ for row in ROWS} == {results.__name__}
    for row in ROWS:
        for name, field in row.model_json_schema()["properties"].items():
            assert field["description"] == known[row.mart].columns[name].description


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_the_apis_types_are_those_of_the_mart(known, row):
    for name, field in row.model_fields.items():
        column = known[row.mart].columns[name]
        kinds = set(typing.get_args(field.annotation) or [field.annotation])
        may_be_none = NoneType in kinds
        (kind,) = kinds - {NoneType}
        assert (typing.get_origin(kind) or kind) is PYTHON[column.data_type], name
        # a topic is never missing: a test of dbt's says so, for it is looked up
        assert may_be_none or not column.nullable or name == "topic_id", name


def test_a_column_without_a_meaning_is_refused(tmp_path, monkeypatch):
    models = tmp_path / "models" / "marts" / "items"
    models.mkdir(parents=True)
    (tmp_path / "models" / "columns.md").write_text(
        (ROOT / "dbt_qbank/models/columns.md").read_text()
    )
    (models / "m.yml").write_text("models: [{name: m, columns: [{name: x, data_type: text}]}]")
    monkeypatch.setattr("dictionary.source._PROJECT", tmp_path)
    with pytest.raises(ValueError, match=r"m\.x has no description"):
        marts()
