"""The checker finds what is wrong: each fault, put into a small project, is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.looker.lookml.dashboards import dashboard_problems
from tests.looker.lookml.fields import field_sql
from tests.looker.lookml.project import LookmlError, Project, read_project
from tests.looker.lookml.queries import explore_query, from_clause
from tests.looker.lookml.rules import all_problems, reachability_problems

MODEL = """
connection: "@{connection}"
include: "/views.lkml"
include: "/one.dashboard.lookml"
explore: orders {
  label: "Orders"
  description: "All orders."
  access_filter: { field: orders.tenant_id user_attribute: tenant_id }
  join: users {
    relationship: many_to_one
    sql_on: ${orders.user_id} = ${users.pk1_id} ;;
  }
}
"""
VIEWS = """
view: orders {
  sql_table_name: @{schema}.orders ;;
  dimension: pk1_id { primary_key: yes hidden: yes sql: ${TABLE}.id ;; }
  dimension: tenant_id { hidden: yes }
  dimension: user_id { hidden: yes type: number }
  dimension: paid { type: yesno description: "Whether it was paid." }
  dimension: amount { type: number description: "Amount in euros." }
  dimension: doubled { type: number description: "Twice the amount." sql: 2 * ${amount} ;; }
  dimension_group: made {
    type: time timeframes: [date, month] datatype: date convert_tz: no
    description: "Day of the order." sql: ${TABLE}.day ;;
  }
  measure: order_count { type: count description: "Number of orders." drill_fields: [detail*] }
  measure: paid_sum {
    type: sum description: "Paid in euros." sql: ${amount} ;; filters: [paid: "yes"]
  }
  measure: each { type: number description: "Paid an order." sql: ${paid_sum} / ${order_count} ;; }
  set: detail { fields: [amount, users.name] }
}
view: users {
  sql_table_name: @{schema}.users ;;
  dimension: pk1_id { primary_key: yes hidden: yes sql: ${TABLE}.id ;; }
  dimension: name { description: "Name of the user." }
}
"""
DASHBOARD = """
- dashboard: one
  filters:
  - {name: Paid, explore: orders, field: orders.paid}
  elements:
  - name: tile
    type: looker_grid
    model: qbank
    explore: orders
    fields: [users.name, orders.order_count]
    sorts: [orders.order_count desc]
    listen: {Paid: orders.paid}
    row: 0
    col: 0
    width: 12
    height: 4
  - name: next
    type: looker_grid
    model: qbank
    explore: orders
    fields: [orders.each]
    listen: {Paid: orders.paid}
    row: 0
    col: 12
    width: 12
    height: 4
"""
MANIFEST = 'constant: connection { value: "c" }\nconstant: schema { value: "analytics" }\n'


class Files:
    """A project on disk with one thing replaced."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.texts = {
            "manifest.lkml": MANIFEST,
            "m.model.lkml": MODEL,
            "views.lkml": VIEWS,
            "one.dashboard.lookml": DASHBOARD,
        }

    def project(self, before: str = "", after: str = "") -> Project:
        assert not before or any(before in text for text in self.texts.values())
        for name, text in self.texts.items():
            (self.root / name).write_text(text.replace(before, after) if before else text)
        return read_project(self.root)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_right_project_passes(files: Files):
    project = files.project()
    assert all_problems(project) == []
    assert list(reachability_problems(project)) == []
    assert list(dashboard_problems(project, project.dashboards["one"])) == []


def test_sql_is_what_looker_would_write(files: Files):
    project = files.project()
    assert field_sql(project, project.field("orders.doubled")) == "(2 * (orders.amount))"
    assert field_sql(project, project.field("orders.made_date")) == "(orders.day)::date"
    assert field_sql(project, project.field("orders.each")) == (
        "(sum((orders.amount)) filter (where (orders.paid)) / count(distinct (orders.id)))"
    )
    query = explore_query(
        project,
        project.explores["orders"],
        [project.field("users.name"), project.field("orders.order_count")],
        {"orders.amount": ">=3", "orders.made_date": "60 days", "orders.order_count": ">1"},
    )
    assert query.splitlines() == [
        "select",
        '  (users.name) as "users.name",',
        '  count(distinct (orders.id)) as "orders.order_count"',
        "from analytics.orders as orders",
        "left join analytics.users as users on (orders.user_id) = (users.id)",
        "where (orders.amount) >= 3 and (orders.day)::date > current_date - 60",
        "group by 1",
        "having count(distinct (orders.id)) > 1",
        "limit 500",
    ]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("sql: ${TABLE}.day ;;", "sql: ${TABLE}.day ;; }", "views.lkml"),
        ('include: "/views.lkml"', 'include: "/view.lkml"', "finds no file"),
        ("@{schema}.users", "@{schemas}.users", "no constant 'schemas'"),
        ("view: users {", "view: orders {", "'orders' is there twice"),
        ("dimension: amount {", "dimension: paid {", "'orders.paid' is there twice"),
    ],
)
def test_what_cannot_be_read_is_named(files: Files, before: str, after: str, message: str):
    with pytest.raises(LookmlError, match=message):
        files.project(before, after)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("sql: 2 * ${amount}", "sql: 2 * ${amounts}", "no field 'orders.amounts'"),
        ("sql: 2 * ${amount}", "sql: 2 * ${doubled}", "refers to itself"),
        ("timeframes: [date, month]", "timeframes: [date, era]", "no timeframe 'era'"),
        ('filters: [paid: "yes"]', 'filters: [payed: "yes"]', "no field 'orders.payed'"),
        ('filters: [paid: "yes"]', 'filters: [paid: "true"]', "takes yes or no"),
        ("type: sum description", "type: total description", "no measure type 'total'"),
    ],
)
def test_a_field_that_does_not_resolve_is_named(
    files: Files, before: str, after: str, message: str
):
    project = files.project(before, after)
    with pytest.raises(LookmlError, match=message):
        _ = [field_sql(project, field) for field in project.views["orders"].fields.values()]


def test_a_join_on_a_view_that_is_not_there_is_named(files: Files):
    project = files.project("${orders.user_id} =", "${people.id} =")
    with pytest.raises(LookmlError, match=r"the join users refers to \['people'\]"):
        from_clause(project, project.explores["orders"])


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("primary_key: yes hidden: yes", "hidden: yes", "must be the one primary key"),
        ("primary_key: yes hidden: yes", "primary_key: yes", "must be hidden and named pk"),
        ("dimension: tenant_id { hidden: yes }", "", "tenant_id is not there"),
        ('description: "Amount in euros."', "", "orders.amount: visible without a description"),
        ('description: "All orders."', "", "explore orders: no description"),
        ("sql: ${amount} ;; filters", "sql: ${TABLE}.amount ;; filters", "build the measure on"),
        ("drill_fields: [detail*]", "", "orders.order_count: counts without drill_fields"),
        ("drill_fields: [detail*]", "drill_fields: [all*]", "no set 'all'"),
        ("fields: [amount, users.name]", "fields: [amount, users.nam]", "drills into 'users.nam'"),
        ("relationship: many_to_one", "", "the join users has no relationship"),
        ("relationship: many_to_one", "relationship: many", "the join users has no relationship"),
        ("user_attribute: tenant_id", "user_attribute: team", "no access_filter on"),
        ("field: orders.tenant_id", "field: users.tenant_id", "no access_filter on"),
        ("convert_tz: no", "", "orders.made: a date needs convert_tz: no"),
    ],
)
def test_a_broken_rule_is_named(files: Files, before: str, after: str, message: str):
    problems = all_problems(files.project(before, after))
    assert any(message in problem for problem in problems), problems


def test_a_drill_to_a_view_that_the_explore_lacks_is_named(files: Files):
    join = MODEL[MODEL.index("  join:") : MODEL.rindex("}")]
    assert list(reachability_problems(files.project(join, ""))) == [
        "explore orders: orders drills into users.name, which it does not join"
    ]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("fields: [users.name,", "fields: [users.nam,", "no field 'users.nam'"),
        ("sorts: [orders.order_count", "sorts: [orders.count", "no field 'orders.count'"),
        ("{Paid: orders.paid}\n    row: 0\n    col: 0", "{}\n    row: 0\n    col: 0", "not listen"),
        ("listen: {Paid: orders.paid}", "listen: {Payed: orders.paid}", "filter 'Payed' that is"),
        ("explore: orders, field: orders.paid", "explore: orders, field: a.b", "no field 'a.b'"),
        ("explore: orders\n", "explore: order\n", "no explore 'order'"),
        ("model: qbank", "model: other", "model is 'other'"),
        ("col: 12", "col: 11", "overlaps tile or the edge"),
        ("col: 12", "col: 13", "overlaps next or the edge"),
    ],
)
def test_a_broken_dashboard_is_named(files: Files, before: str, after: str, message: str):
    project = files.project(before, after)
    problems = list(dashboard_problems(project, project.dashboards["one"]))
    assert any(message in problem for problem in problems), problems
