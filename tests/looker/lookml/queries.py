"""The queries that Looker would send for an explore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.looker.lookml.fields import condition_sql, field_sql, references, resolve
from tests.looker.lookml.project import Explore, Field, LookmlError, Project

_JOINS = {"left_outer": "left join", "inner": "join", "full_outer": "full join"}


def from_clause(project: Project, explore: Explore, aliases: Iterable[str] | None = None) -> str:
    """Returns FROM with the joins, all of them or those in `aliases`.

    Raises:
        LookmlError: a view is missing, or a join refers to a view that is not there yet.
    """
    wanted = set(explore.views if aliases is None else aliases)
    lines = [f"from {_table(project, explore.base)} as {explore.base}"]
    present = {explore.base}
    for alias, join in explore.joins.items():
        if alias not in wanted:
            continue
        named = {name.partition(".")[0] for name in references(join["sql_on"])}
        if unknown := named - present - {alias}:
            raise LookmlError(
                f"explore {explore.name}: the join {alias} refers to {sorted(unknown)}"
            )
        on = resolve(project, alias, join["sql_on"]).strip()
        kind = _JOINS[join.get("type", "left_outer")]
        lines.append(f"{kind} {_table(project, alias)} as {alias} on {on}")
        present.add(alias)
    return "\n".join(lines)


def needed_joins(explore: Explore, views: Iterable[str]) -> list[str]:
    """Returns the joins that the views need, with those they stand on."""
    wanted: set[str] = set()

    def add(view: str) -> None:
        if view == explore.base or view in wanted:
            return
        if view not in explore.joins:
            raise LookmlError(f"explore {explore.name} has no view {view!r}")
        wanted.add(view)
        for name in references(explore.joins[view]["sql_on"]):
            add(name.partition(".")[0])

    for view in views:
        add(view)
    return [alias for alias in explore.joins if alias in wanted]


def explore_query(
    project: Project,
    explore: Explore,
    fields: Iterable[Field],
    filters: Mapping[str, str] | None = None,
    limit: int | None = 500,
) -> str:
    """Returns the query for some fields of an explore: dimensions group, measures aggregate.

    Filters are values by `view.field`; those on measures go to HAVING.
    """
    chosen = list(fields)
    filtered = [(project.field(name), value) for name, value in (filters or {}).items()]
    views = _views(project, [*chosen, *(field for field, _ in filtered)])
    joins = needed_joins(explore, views)
    select = ",\n  ".join(f'{field_sql(project, f)} as "{f.full_name}"' for f in chosen)
    lines = [f"select\n  {select}", from_clause(project, explore, [explore.base, *joins])]
    lines += _condition(project, "where", filtered, "dimension")
    dimensions = [str(n) for n, f in enumerate(chosen, start=1) if f.kind == "dimension"]
    if dimensions:
        lines.append(f"group by {', '.join(dimensions)}")
    lines += _condition(project, "having", filtered, "measure")
    if limit is not None:
        lines.append(f"limit {limit}")
    return "\n".join(lines)


def sample_query(
    project: Project, explore: Explore, dimensions: Iterable[Field], rows: int = 200
) -> str:
    """Returns a query for dimensions that groups a few rows only: cheap, and all SQL is run."""
    chosen = list(dimensions)
    select = ",\n  ".join(f'{field_sql(project, f)} as "{f.full_name}"' for f in chosen)
    joins = needed_joins(explore, _views(project, chosen))
    source = from_clause(project, explore, [explore.base, *joins])
    return f"select distinct * from (select\n  {select}\n{source}\nlimit {rows}) as sample"  # noqa: S608


def _condition(
    project: Project, word: str, filtered: list[tuple[Field, str]], kind: str
) -> list[str]:
    conditions = [condition_sql(project, f, value) for f, value in filtered if f.kind == kind]
    return [f"{word} {' and '.join(conditions)}"] if conditions else []


def _views(project: Project, fields: Iterable[Field]) -> set[str]:
    """Returns the views of fields and of all that they refer to."""
    found: set[str] = set()
    for field in fields:
        found.add(field.view)
        for name in references(field.sql):
            if name != "TABLE" and "." in name:
                found |= _views(project, [project.field(name)])
    return found


def _table(project: Project, view: str) -> str:
    if view not in project.views:
        raise LookmlError(f"no view {view!r}")
    return project.views[view].table
