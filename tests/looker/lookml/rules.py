"""The rules of the house for LookML, each of which yields what breaks it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.looker.lookml.fields import references
from tests.looker.lookml.project import Field, Project, View

RELATIONSHIPS = {"many_to_one", "one_to_one", "one_to_many", "many_to_many"}


def primary_key_problems(project: Project) -> Iterator[str]:
    """The first field of a view is its one primary key, hidden, and named `pk…`."""
    for view in project.views.values():
        first = next(iter(view.fields.values()))
        if [key.name for key in view.primary_keys] != [first.name]:
            yield f"{view.name}: the first field must be the one primary key"
        elif not first.hidden or not first.name.startswith("pk"):
            yield f"{view.name}: the primary key {first.name} must be hidden and named pk…"


def description_problems(project: Project) -> Iterator[str]:
    """What people can see says what it is: fields, explores and joins' views."""
    for view in project.views.values():
        for found in view.fields.values():
            if not found.hidden and len(found.block.get("description", "")) < 10:
                yield f"{found.full_name}: visible without a description"
    for explore in project.explores.values():
        for key in ("label", "description"):
            if not explore.block.get(key):
                yield f"explore {explore.name}: no {key}"


def measure_problems(project: Project) -> Iterator[str]:
    """Measures stand on dimensions or measures, never on columns, and can be drilled into."""
    for view in project.views.values():
        for measure in (f for f in view.fields.values() if f.kind == "measure"):
            named = references(measure.sql)
            if "TABLE" in named or (measure.type != "count" and not named):
                yield f"{measure.full_name}: build the measure on dimensions"
            if measure.type in {"count", "count_distinct"} and not measure.block.get(
                "drill_fields"
            ):
                yield f"{measure.full_name}: counts without drill_fields"
        yield from _drill_problems(project, view)


def _drill_problems(project: Project, view: View) -> Iterator[str]:
    sets = {entry["name"]: entry["fields"] for entry in view.block.get("sets", [])}
    drilled = [n for f in view.fields.values() for n in f.block.get("drill_fields", [])]
    for name in [*drilled, *(n for names in sets.values() for n in names)]:
        if name.endswith("*"):
            if name[:-1] not in sets:
                yield f"{view.name}: no set {name[:-1]!r}"
        elif not _exists(project, view, name):
            yield f"{view.name}: drills into {name!r}, which is not there"


def _exists(project: Project, view: View, name: str) -> bool:
    other, _, field = name.rpartition(".")
    found = project.views.get(other or view.name)
    return found is not None and field in found.fields


def explore_problems(project: Project) -> Iterator[str]:
    """Joins say how rows relate; every explore is walled off by tenant on its base view."""
    for explore in project.explores.values():
        for alias, join in explore.joins.items():
            if join.get("relationship") not in RELATIONSHIPS:
                yield f"explore {explore.name}: the join {alias} has no relationship"
        walls = explore.block.get("access_filters", [])
        wanted = {"field": f"{explore.base}.tenant_id", "user_attribute": "tenant_id"}
        # on a joined view an outer join would let rows through
        if wanted not in walls:
            yield f"explore {explore.name}: no access_filter on {wanted['field']}"
        elif wanted["field"].split(".")[1] not in project.views[explore.base].fields:
            yield f"explore {explore.name}: {wanted['field']} is not there"


def reachability_problems(project: Project) -> Iterator[str]:
    """A drill leads only to views that the explore joins."""
    for explore in project.explores.values():
        for name in explore.views:
            block = project.views[name].block
            for drilled in (f for entry in block.get("sets", []) for f in entry["fields"]):
                other = drilled.rpartition(".")[0]
                if other and other not in explore.views:
                    where = f"explore {explore.name}: {name}"
                    yield f"{where} drills into {drilled}, which it does not join"


def date_problems(project: Project) -> Iterator[str]:
    """A calendar date is not shifted by a time zone."""
    for view in project.views.values():
        for group in view.block.get("dimension_groups", []):
            dated = group.get("datatype") == "date"
            if dated and group.get("convert_tz") != "no":
                yield f"{view.name}.{group['name']}: a date needs convert_tz: no"


def all_problems(project: Project) -> list[str]:
    """Returns what breaks any rule."""
    rules = (
        primary_key_problems,
        description_problems,
        measure_problems,
        explore_problems,
        date_problems,
    )
    return [problem for rule in rules for problem in rule(project)]


def visible(project: Project) -> Iterator[Field]:
    """Yields every field that people can see."""
    for view in project.views.values():
        yield from (f for f in view.fields.values() if not f.hidden)
