"""Fields to SQL, in the PostgreSQL dialect, as Looker would write it."""

from __future__ import annotations

import re

from tests.looker.lookml.project import Field, LookmlError, Project

_REFERENCE = re.compile(r"\$\{([^}]*)\}")

# what Looker makes of a timestamp for each timeframe
_TIMEFRAMES = {
    "raw": "{sql}",
    "time": "to_char({sql}, 'YYYY-MM-DD HH24:MI:SS')",
    "date": "({sql})::date",
    "hour_of_day": "extract(hour from {sql})::int",
    "day_of_week": "to_char({sql}, 'Day')",
    "week": "date_trunc('week', {sql})::date",
    "month": "to_char(date_trunc('month', {sql}), 'YYYY-MM')",
    "quarter": "to_char(date_trunc('quarter', {sql}), 'YYYY-MM')",
    "year": "extract(year from {sql})::int",
}
_AGGREGATES = {
    "sum": "sum({sql})",
    "average": "avg({sql})",
    "min": "min({sql})",
    "max": "max({sql})",
    "median": "percentile_cont(0.5) within group (order by {sql})",
    "count_distinct": "count(distinct {sql})",
}


def references(sql: str) -> list[str]:
    """Returns what stands in `${…}`."""
    return _REFERENCE.findall(sql)


def field_sql(project: Project, field: Field, _path: tuple[str, ...] = ()) -> str:
    """Returns the SQL of a field, every reference resolved.

    Raises:
        LookmlError: a reference leads nowhere or round in a circle, or a type is unknown.
    """
    if field.full_name in _path:
        raise LookmlError(f"{' → '.join((*_path, field.full_name))}: refers to itself")
    path = (*_path, field.full_name)
    if field.kind == "measure":
        return _measure(project, field, path)
    sql = resolve(project, field.view, field.sql, path)
    if field.timeframe is None:
        return f"({sql})"
    if field.timeframe not in _TIMEFRAMES:
        raise LookmlError(f"{field.full_name}: the checker knows no timeframe {field.timeframe!r}")
    return _TIMEFRAMES[field.timeframe].format(sql=sql)


def resolve(project: Project, view: str, sql: str, path: tuple[str, ...] = ()) -> str:
    """Returns `sql` of a view with `@{…}` and `${…}` replaced.

    Raises:
        LookmlError: a reference leads nowhere.
    """
    where = path[-1] if path else view

    def replace(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name == "TABLE":
            return view
        full_name = name if "." in name else f"{view}.{name}"
        try:
            found = project.field(full_name)
        except LookmlError as error:
            raise LookmlError(f"{where}: {error}") from None
        return field_sql(project, found, path)

    return _REFERENCE.sub(replace, project.constant(sql))


def _measure(project: Project, field: Field, path: tuple[str, ...]) -> str:
    condition = _filters(project, field, path)
    if field.type == "count":
        (key,) = project.views[field.view].primary_keys
        counted = field_sql(project, key, path)
        # as Looker does where a join may repeat rows: count keys, not rows
        return _filtered(f"count(distinct {counted})", condition)
    sql = resolve(project, field.view, field.sql, path)
    if not sql:
        raise LookmlError(f"{field.full_name}: a measure of type {field.type} needs sql")
    if field.type == "number":
        return f"({sql})"
    if field.type == "percentile":
        share = int(field.block["percentile"]) / 100
        aggregate = f"percentile_cont({share}) within group (order by {sql})"
        return _filtered(aggregate, condition)
    if field.type not in _AGGREGATES:
        raise LookmlError(f"{field.full_name}: the checker knows no measure type {field.type!r}")
    return _filtered(_AGGREGATES[field.type].format(sql=sql), condition)


def _filtered(aggregate: str, condition: str) -> str:
    return f"{aggregate} filter (where {condition})" if condition else aggregate


def _filters(project: Project, field: Field, path: tuple[str, ...]) -> str:
    conditions = []
    for group in field.block.get("filters__all", []):
        for entry in group:
            for name, value in entry.items():
                full_name = name if "." in name else f"{field.view}.{name}"
                try:
                    dimension = project.field(full_name)
                except LookmlError as error:
                    raise LookmlError(f"{field.full_name}: {error}") from None
                conditions.append(condition_sql(project, dimension, value, path))
    return " and ".join(conditions)


def condition_sql(project: Project, field: Field, value: str, path: tuple[str, ...] = ()) -> str:
    """Returns the condition for a filter value of the simple kinds that the project uses.

    Raises:
        LookmlError: the value is of a kind that the checker does not know.
    """
    sql = field_sql(project, field, path)
    if field.type == "yesno":
        if value not in {"yes", "no"}:
            raise LookmlError(f"{field.full_name}: a yesno takes yes or no, not {value!r}")
        return sql if value == "yes" else f"not {sql}"
    if field.timeframe is not None:
        days = re.fullmatch(r"(\d+) days", value)
        if field.timeframe != "date" or days is None:
            raise LookmlError(f"{field.full_name}: the checker cannot read the filter {value!r}")
        return f"{sql} > current_date - {days[1]}"
    if field.type in {"number", *_AGGREGATES, "count"}:
        match = re.fullmatch(r"(>=|<=|>|<|=)?\s*(-?\d+(?:\.\d+)?)", value)
        if match is None:
            raise LookmlError(f"{field.full_name}: the checker cannot read the filter {value!r}")
        return f"{sql} {match[1] or '='} {match[2]}"
    if value.startswith("-"):
        return f"({sql} <> '{value[1:]}' or {sql} is null)"
    quoted = ", ".join(f"'{part.strip()}'" for part in value.split(","))
    return f"{sql} in ({quoted})"
