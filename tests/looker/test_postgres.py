"""Every field, explore, tile and data test runs on Postgres as the analyst's role."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import psycopg
import pytest

from tests.looker.lookml.fields import condition_sql
from tests.looker.lookml.project import Explore, Field, Project
from tests.looker.lookml.queries import explore_query, from_clause, sample_query

# what calibration reads; nobody looks at it
NOT_FOR_PEOPLE = {"irt_responses"}
# columns that no field shows: plumbing, lists of ids, JSON, and what a measure works out anew
NOT_SHOWN = {
    "dim_topics": {"topic_ids"},
    "exam_daily_activity": {"accuracy"},
    "fact_sessions": {
        "cohorts",
        "ended_on",
        "expires_at",
        "source_changed_at",
        "started_on",
        "unanswered_question_ids",
        "unanswered_versions",
    },
    "item_examinations": {"attributes"},
    "item_health": {"option_shares"},
}


@pytest.fixture
def columns(analyst: psycopg.Connection) -> dict[str, dict[str, str]]:
    """Columns of the marts and their types, by mart."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in analyst.execute(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'analytics'"
    ):
        found.setdefault(table, {})[column] = kind
    return found


def test_there_is_a_view_for_every_mart(project: Project, columns: dict):
    tables = {view.table.removeprefix("analytics.") for view in project.views.values()}
    assert tables == set(columns) - NOT_FOR_PEOPLE


def test_every_column_of_a_mart_is_shown_or_left_out_on_purpose(project: Project, columns: dict):
    for view in project.views.values():
        mart = view.table.removeprefix("analytics.")
        shown = {
            name
            for field in view.fields.values()
            for name in re.findall(r"\$\{TABLE\}\.(\w+)", field.sql)
        }
        assert set(columns[mart]) - shown - {"loaded_at"} == NOT_SHOWN.get(mart, set()), mart


def test_every_dimension_of_every_explore_runs(project: Project, analyst: psycopg.Connection):
    for explore in project.explores.values():
        for view in explore.views:
            fields = [f for f in project.views[view].fields.values() if f.kind == "dimension"]
            together(analyst, fields, partial(sample_query, project, explore))


def test_every_measure_of_every_explore_runs(project: Project, analyst: psycopg.Connection):
    for explore in project.explores.values():
        fields = [f for view in explore.views for f in project.views[view].fields.values()]
        measures = [f for f in fields if f.kind == "measure"]
        rows = together(analyst, measures, partial(explore_query, project, explore))
        assert len(rows) == 1


def together(
    analyst: psycopg.Connection, fields: list[Field], query: Callable[[list[Field]], str]
) -> list[tuple]:
    """Runs the fields in one query; if that fails, one by one, to name the culprit."""
    try:
        rows = analyst.execute(query(fields)).fetchall()
    except psycopg.Error:
        for field in fields:
            run(analyst, query([field]), field.full_name)
        raise
    assert all(len(row) == len(fields) for row in rows)
    return rows


def test_the_first_field_is_unique(project: Project, analyst: psycopg.Connection):
    for view in project.views.values():
        (key,) = view.primary_keys
        sql = key.sql.replace("${TABLE}", view.name)
        counts = f"select count(*), count(distinct {sql}) from {view.table} as {view.name}"  # noqa: S608
        ((rows, keys),) = run(analyst, counts, view.name)
        assert rows == keys, f"{view.name}.{key.name} is not unique"
        assert rows > 0, f"{view.name} is empty"


def test_joins_multiply_nothing(project: Project, analyst: psycopg.Connection):
    """many_to_one and one_to_one say that each base row finds at most one."""
    for explore in project.explores.values():
        declared = {join["relationship"] for join in explore.joins.values()}
        assert declared <= {"many_to_one", "one_to_one"}
        ((base,),) = run(
            analyst, f"select count(*) {from_clause(project, explore, [])}", explore.name
        )
        ((joined,),) = run(
            analyst, f"select count(*) {from_clause(project, explore)}", explore.name
        )
        assert joined == base, f"explore {explore.name} multiplies rows"


def test_a_tenant_sees_its_own_rows_alone(project: Project, analyst: psycopg.Connection):
    for explore in project.explores.values():
        if count(project, analyst, explore, None) == 0:
            continue
        assert count(project, analyst, explore, "demo") == count(project, analyst, explore, None)
        assert count(project, analyst, explore, "another tenant") == 0


def count(
    project: Project, analyst: psycopg.Connection, explore: Explore, tenant: str | None
) -> int:
    """Returns the rows that Looker lets through for a user of that tenant."""
    sql = f"select count(*) {from_clause(project, explore)}"
    if tenant is not None:
        (wall,) = explore.block["access_filters"]
        field = project.field(wall["field"])
        sql += f" where {condition_sql(project, field, tenant)}"
    return run(analyst, sql, explore.name)[0][0]


def test_every_tile_of_every_dashboard_runs(project: Project, analyst: psycopg.Connection):
    for dashboard in project.dashboards.values():
        for element in dashboard["elements"]:
            explore = project.explores[element["explore"]]
            named = dict.fromkeys([*element["fields"], *element.get("pivots", [])])
            fields = [project.field(name) for name in named]
            # a filter of the dashboard only narrows; without it the tile must show something
            query = explore_query(
                project, explore, fields, element.get("filters"), element["limit"]
            )
            label = f"{dashboard['dashboard']}.{element['name']}"
            rows = run(analyst, query, label)
            assert any(value is not None for row in rows for value in row), f"{label} is empty"


def test_the_data_tests_pass(project: Project, analyst: psycopg.Connection):
    for name, test in project.tests.items():
        source = test["explore_source"]
        fields = [project.field(column["field"]) for column in source["columns"]]
        filters = {
            name: value
            for group in source.get("filters__all", [])
            for entry in group
            for name, value in entry.items()
        }
        query = explore_query(project, project.explores[source["name"]], fields, filters)
        assert run(analyst, query, name), f"{name} looks at nothing"
        for check in test["asserts"]:
            expression = re.sub(r"\$\{([^}]+)\}", r'"\1"', check["expression"])
            expression = re.sub(r'is_null\(("[^"]+")\)', r"(\1 is null)", expression)
            sql = f"select count(*) from ({query}) as rows where ({expression}) is not true"  # noqa: S608
            ((broken,),) = run(analyst, sql, name)
            assert broken == 0, f"{name}: {check['name']} fails on {broken} rows"


def test_the_datagroup_s_trigger_runs(project: Project, analyst: psycopg.Connection):
    (datagroup,) = project.datagroups.values()
    ((value,),) = run(analyst, project.constant(datagroup["sql_trigger"]), "nightly")
    assert value


def run(analyst: psycopg.Connection, sql: str, label: str) -> list[tuple]:
    try:
        return analyst.execute(sql).fetchall()
    except psycopg.Error as error:
        pytest.fail(f"{label}: {error}\n{sql}")
