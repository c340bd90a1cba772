"""Reading a page of a mart as models: the model's fields are the columns, described as dbt does.

What never lives here: numbers that the marts do not have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, ClassVar, TypeVar

from psycopg import sql
from psycopg.errors import InsufficientPrivilege, InvalidSchemaName, UndefinedTable
from psycopg.rows import class_row, scalar_row
from pydantic import BaseModel

from delivery_api.problems import ProblemError
from qbank.postgres import Connection

# mart, column: what it is; written by `make generate` from dbt's yml
_DESCRIPTIONS: dict[str, dict[str, str]] = json.loads(
    files("delivery_api").joinpath("mart_columns.json").read_text(encoding="utf-8")
)


class MartRow(BaseModel):
    """A row of ``analytics.<mart>``, or some of its columns.

    Attributes:
        mart: where it is read.
    """

    mart: ClassVar[str]

    def __init_subclass__(cls, *, mart: str, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.mart = mart

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__(**options)
        for name, field in cls.model_fields.items():
            field.description = _DESCRIPTIONS[cls.mart][name]
        cls.model_rebuild(force=True)


Row = TypeVar("Row", bound=MartRow)


def page_of(
    conn: Connection,
    model: type[Row],
    *,
    equal: Mapping[str, Any],
    at_least: Mapping[str, Any] | None = None,
    none_of: Mapping[str, Sequence[Any]] | None = None,
    order: Sequence[str],
    limit: int,
    offset: int,
) -> tuple[list[Row], int]:
    """Rows of the model's mart and how many there are.

    Args:
        conn: a connection of the caller's tenant.
        model: names the mart and the columns.
        equal: column to the value it must have; None leaves it free.
        at_least: column to its smallest value; None leaves it free.
        none_of: column to values that it must not have.
        order: columns to sort by; a leading ``-`` sorts downwards, nulls last.
        limit: rows to return.
        offset: rows to leave out before them.

    Raises:
        ProblemError: 404 where the marts are not built yet.
    """
    conditions = [_condition("=", column, value) for column, value in equal.items()]
    conditions += [_condition(">=", column, value) for column, value in (at_least or {}).items()]
    conditions += [_excludes(column, values) for column, values in (none_of or {}).items()]
    where = sql.SQL(" AND ").join([c for c in conditions if c is not None])
    source = sql.SQL("FROM {} WHERE {}").format(sql.Identifier("analytics", model.mart), where)
    columns = sql.SQL(", ").join([sql.Identifier(name) for name in model.model_fields])
    ordering = sql.SQL(", ").join([_sort(column) for column in order])
    query = sql.SQL("SELECT {} {} ORDER BY {} LIMIT {} OFFSET {}")
    try:
        with conn.cursor(row_factory=class_row(model)) as cursor:
            page = query.format(columns, source, ordering, limit, offset)
            rows = cursor.execute(page).fetchall()
        with conn.cursor(row_factory=scalar_row) as cursor:
            total = cursor.execute(sql.SQL("SELECT count(*) {}").format(source)).fetchone()
    except (UndefinedTable, InvalidSchemaName, InsufficientPrivilege) as error:
        raise ProblemError(
            404, "not-built", "the marts are not built yet: run `qbank nightly`"
        ) from error
    return rows, int(total or 0)


def _condition(operator: str, column: str, value: Any) -> sql.Composed | None:
    if value is None:
        return None
    # a literal, quoted by the driver: the planner sees the value, and no text is pasted
    return sql.SQL("{} {} {}").format(sql.Identifier(column), sql.SQL(operator), sql.Literal(value))


def _excludes(column: str, values: Sequence[Any]) -> sql.Composed:
    return sql.SQL("{} <> ALL({})").format(sql.Identifier(column), sql.Literal(list(values)))


def _sort(column: str) -> sql.Composed:
    if column.startswith("-"):
        return sql.SQL("{} DESC NULLS LAST").format(sql.Identifier(column[1:]))
    return sql.SQL("{}").format(sql.Identifier(column))
