"""The LookML of the repository: it parses, every reference resolves, the house rules hold."""

from __future__ import annotations

from tests.looker.lookml.dashboards import dashboard_problems
from tests.looker.lookml.fields import field_sql
from tests.looker.lookml.project import Project
from tests.looker.lookml.queries import explore_query, from_clause
from tests.looker.lookml.rules import all_problems, reachability_problems

DASHBOARDS = {
    "qbank_overview",
    "qbank_item_health",
    "qbank_exposure_control",
    "qbank_topic_mastery",
    "qbank_blueprint_coverage",
    "qbank_calibration_runs",
    "qbank_selector_experiment",
}


def test_every_file_is_included(project: Project):
    files = {path for path in project.root.rglob("*.lkml") if "model" not in path.name}
    files |= set(project.root.rglob("*.lookml"))
    assert files - project.included == {project.root / "manifest.lkml"}


def test_the_connection_is_a_constant(project: Project):
    assert project.constant(project.model["connection"]) == "qbank_analytics"


def test_every_field_resolves(project: Project):
    for view in project.views.values():
        for field in view.fields.values():
            assert "${" not in field_sql(project, field)


def test_every_explore_resolves(project: Project):
    for explore in project.explores.values():
        assert set(explore.views) <= set(project.views)
        assert "${" not in from_clause(project, explore)


def test_the_house_rules_hold(project: Project):
    assert all_problems(project) == []
    assert list(reachability_problems(project)) == []


def test_the_caches_follow_the_night(project: Project):
    (datagroup,) = project.datagroups.values()
    assert project.model["persist_with"] == datagroup["name"] == "nightly"
    assert "loaded_at" in datagroup["sql_trigger"]


def test_dashboards_refer_to_what_is_there_and_every_filter_reaches_every_tile(project: Project):
    assert set(project.dashboards) == DASHBOARDS
    problems = [p for d in project.dashboards.values() for p in dashboard_problems(project, d)]
    assert problems == []


def test_data_tests_ask_for_fields_that_are_there(project: Project):
    assert project.tests
    for test in project.tests.values():
        source = test["explore_source"]
        fields = [project.field(column["field"]) for column in source["columns"]]
        assert explore_query(project, project.explores[source["name"]], fields)
