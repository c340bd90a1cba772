"""Each measure is defined once, as a metric of dbt: Looker, Metabase and the console show it."""

from __future__ import annotations

import math
from typing import Any

import psycopg
import pytest

from qbank.settings import Settings
from qbank_console import resources
from qbank_console.marts import exams, exposure
from tests.looker.lookml.fields import field_sql
from tests.looker.lookml.project import Project
from tests.looker.metrics import Metric, metrics
from tests.metabase.native_query import native_query
from tests.metabase.test_real_content import CONTENT

METRICS = metrics()
# cards that show a part of what the metric of their name is over, and say so
OF_THEIR_OWN = {
    "exposure_held_back": "the last sixty days",
    "exposure_max": "live items",
    "items_point_biserial": "live items",
    "mastery_mean": "root topics",
}
WITHOUT_EXAM = {"dim_items", "dim_topics"}


def shown_in(tool: str) -> dict[str, Metric]:
    """What shows a metric in a tool, and the metric."""
    found = {m.shown[tool]: m for m in METRICS.values() if tool in m.shown}
    assert len(found) == sum(tool in m.shown for m in METRICS.values())
    return found


def numbers(conn: psycopg.Connection, mart: str, aggregate: str) -> dict[Any, float | None]:
    """The aggregate of each exam, and of all."""
    exam = "cast(null as text)" if mart in WITHOUT_EXAM else f"{mart}.exam_code"
    source = f"analytics.{mart} AS {mart}"
    query = f"SELECT {exam}, {aggregate} FROM {source} GROUP BY GROUPING SETS (({exam}), ())"  # noqa: S608
    rows = conn.execute(query).fetchall()
    return {key: None if value is None else float(value) for key, value in rows}


def same(ours: float | None, theirs: float | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12)


def test_every_measure_of_looker_is_a_metric(project: Project):
    measures = {
        field.full_name
        for view in project.views.values()
        for field in view.fields.values()
        if field.kind == "measure"
    }
    assert set(shown_in("looker")) == measures


@pytest.mark.parametrize("measure", sorted(shown_in("looker")))
def test_looker_shows_the_metric(project: Project, analyst: psycopg.Connection, measure: str):
    metric = shown_in("looker")[measure]
    ours = numbers(analyst, metric.mart, metric.sql)
    theirs = numbers(analyst, metric.mart, field_sql(project, project.field(measure)))
    assert ours.keys() == theirs.keys()
    assert [key for key in ours if not same(ours[key], theirs[key])] == []


def test_metrics_are_of_something(analyst: psycopg.Connection):
    """Equal because both are empty would say nothing."""
    empty = {
        name
        for name, metric in METRICS.items()
        if not any(numbers(analyst, metric.mart, metric.sql).values())
    }
    assert len(empty) < len(METRICS) / 5, empty


def test_every_single_number_of_metabase_is_a_metric():
    scalars = {key for key, card in CONTENT.cards.items() if card.display == "scalar"}
    assert scalars == set(shown_in("metabase")) | set(OF_THEIR_OWN)


@pytest.mark.parametrize("card", sorted(shown_in("metabase")))
def test_metabase_shows_the_metric(analyst: psycopg.Connection, card: str):
    metric = shown_in("metabase")[card]
    (theirs,) = analyst.execute(native_query(CONTENT.cards[card], {})).fetchone() or (None,)
    query = f"SELECT {metric.sql} FROM analytics.{metric.mart}"  # noqa: S608
    (ours,) = analyst.execute(query).fetchone() or (None,)
    assert same(float(ours or 0), float(theirs or 0))


def test_the_console_shows_the_metrics(
    analyst: psycopg.Connection, marts: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("QBANK_DATABASE", marts.database)
    resources.marts_pool.clear()
    tenant, exam = analyst.execute(
        "SELECT tenant_id, exam_code FROM analytics.dim_exams ORDER BY responses DESC LIMIT 1"
    ).fetchone() or ("", "")
    totals = exams.exams(tenant).set_index("exam_code").loc[exam]
    for column, name in (
        ("responses", "exam_daily_activity_total_responses"),
        ("sessions_ended", "exam_daily_activity_total_sessions_ended"),
        ("published_items", "item_health_live_item_count"),
    ):
        metric = METRICS[name]
        assert numbers(analyst, metric.mart, metric.sql)[exam] == totals[column], name
    highest = METRICS["exposure_daily_rates_max_exposure_rate"]
    by_day = exposure.highest_by_day(tenant, exam)
    assert max(by_day["share"]) == numbers(analyst, highest.mart, highest.sql)[exam]
    resources.marts_pool().close()
    resources.marts_pool.clear()
