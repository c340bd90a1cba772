"""The content of the repository: it pushes as it stands, and every card runs on the marts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from qbank_metabase.applying import apply_plan
from qbank_metabase.client import MetabaseClient
from qbank_metabase.content import Content, load_content
from qbank_metabase.documents import CardDocument, FieldFilterTag
from qbank_metabase.planning import make_plan
from tests.metabase.fake_metabase import FakeMetabase, Store
from tests.metabase.fake_metabase.server import API_KEY
from tests.metabase.native_query import native_query

CONTENT = load_content()
DASHBOARDS = {
    "qbank_overview",
    "qbank_item_health",
    "qbank_exposure_control",
    "qbank_topic_mastery",
    "qbank_blueprint_coverage",
    "qbank_calibration_runs",
    "qbank_selector_experiment",
}
NOBODY = "no one's"
LONG_AGO = ("1900-01-01", "1900-02-01")

cards = pytest.mark.parametrize("card", CONTENT.cards.values(), ids=list(CONTENT.cards))


@pytest.fixture(scope="module")
def content() -> Content:
    return CONTENT


def test_every_dashboard_is_there_and_every_card_is_on_one(content: Content):
    assert set(content.dashboards) == DASHBOARDS
    placed = [key for board in content.dashboards.values() for key in board.card_keys()]
    assert sorted(placed) == sorted(content.cards)


def test_a_card_s_own_filters_are_its_dashboard_s(content: Content):
    for board in content.dashboards.values():
        for key in board.card_keys():
            assert set(content.cards[key].tags) == set(board.filters), key


@cards
def test_a_scalar_in_per_cent_says_so_in_its_title(card: CardDocument):
    style = json.dumps(card.visualization.get("column_settings", {}))
    if card.display == "scalar" and "percent" in style:
        assert "%" in card.name


def test_the_content_pushes_and_a_second_push_writes_nothing(content: Content):
    with FakeMetabase(Store(content.columns())) as server:
        for expected in ("created", "unchanged"):
            server.requests.clear()
            with MetabaseClient(server.url) as client:
                client.use_api_key(SecretStr(API_KEY))
                outcomes = apply_plan(client, make_plan(client, content, "qbank", "analytics"))
            assert {(outcome.result, outcome.reason) for outcome in outcomes} == {(expected, "")}
        assert server.writes == []
        assert server.store.dropped == []


def run(analyst: psycopg.Connection, card: CardDocument, values: dict[str, Any]) -> list[tuple]:
    query = native_query(card, values)
    try:
        return analyst.execute(query).fetchall()
    except psycopg.Error as error:
        pytest.fail(f"{card.key} with {values}: {error}\n{query.as_string(analyst)}")


def some_value(analyst: psycopg.Connection, card: CardDocument, name: str) -> Any:
    """Returns a value of the filter that the data has."""
    tag = card.tags[name]
    if not isinstance(tag, FieldFilterTag):
        return 30
    if tag.widget == "date/all-options":
        return ("2000-01-01", "2100-01-01")
    table, _, column = tag.column.partition(".")
    query = psycopg.sql.SQL("SELECT min({}) FROM {}").format(
        psycopg.sql.Identifier(column), psycopg.sql.Identifier("analytics", table)
    )
    return analyst.execute(query).fetchone()[0]


@cards
def test_a_card_runs_with_its_filters_off_and_on(card: CardDocument, analyst: psycopg.Connection):
    assert run(analyst, card, {}), f"{card.key} shows nothing on the demo data"
    values = {name: some_value(analyst, card, name) for name in card.tags}
    for name, value in values.items():
        run(analyst, card, {name: value})
    run(analyst, card, values)


@cards
def test_a_filter_that_matches_nothing_leaves_nothing(
    card: CardDocument, analyst: psycopg.Connection
):
    for name, tag in card.tags.items():
        if not isinstance(tag, FieldFilterTag):
            nothing: Any = 10**9
        else:
            nothing = LONG_AGO if tag.widget == "date/all-options" else NOBODY
        left = [value for row in run(analyst, card, {name: nothing}) for value in row]
        assert not any(left), f"{card.key}: the filter {name} lets {left[:5]} through"


@cards
def test_what_is_drawn_is_what_the_sql_returns(card: CardDocument, analyst: psycopg.Connection):
    cursor = analyst.execute(native_query(card, {}))
    columns = {column.name for column in cursor.description}
    assert set(_named(card.visualization)) <= columns
    shares = [
        json.loads(key)[1]
        for key, style in card.visualization.get("column_settings", {}).items()
        if style.get("number_style") == "percent"
    ]
    for row in cursor.fetchall():
        values = dict(zip((c.name for c in cursor.description), row, strict=True))
        for name in shares:
            value = values[name]
            assert value is None or Decimal(-1) <= Decimal(value) <= Decimal(3), (name, value)


def _named(visualization: dict[str, Any]) -> Iterator[str]:
    yield from visualization.get("graph.dimensions", [])
    yield from visualization.get("graph.metrics", [])
    for key in ("scalar.field", "scatter.bubble"):
        if key in visualization:
            yield visualization[key]
    for key in visualization.get("column_settings", {}):
        kind, name = json.loads(key)
        assert kind == "name"
        yield name


def test_tenants_are_not_mixed_up_when_people_are_counted(content: Content):
    """The same user id may exist in two tenants."""
    counting = [card for card in content.cards.values() if "DISTINCT" in card.sql]
    assert counting
    for card in counting:
        assert re.search(r"tenant_id,\s+user_id", card.sql), card.key
