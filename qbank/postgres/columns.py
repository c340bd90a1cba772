"""Results of queries as arrays, a column at a time: no Python object is made of each value.

What never lives here: queries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import Connection

Column = npt.NDArray[Any]
# how Postgres sends a value, and the same as NumPy reads it
_SENT: dict[type[np.generic], tuple[str, str]] = {
    np.int64: ("int8send({}::bigint)", ">i8"),
    np.float64: ("float8send(coalesce({}::float8, 'NaN'))", ">f8"),
    np.bool_: ("boolsend({})", "?"),
}


def read_columns(
    conn: Connection[Any],
    query: str,
    values: Mapping[str, Any],
    types: Mapping[str, type[np.generic]],
) -> dict[str, Column]:
    """Reads the columns of a query, in no particular order of its rows.

    Args:
        conn: a connection.
        query: SELECT whose columns have these names; null is NaN in a column of floats, and must
            not be in others.
        values: of the query's parameters.
        types: name of a column to np.int64, np.float64 or np.bool_.

    Returns:
        Read-only arrays of shape (rows,), the same row at the same place in all.
    """
    sent = [
        f"coalesce(string_agg({_SENT[kind][0].format(name)}, ''), '')"
        for name, kind in types.items()
    ]
    sql = f"SELECT count(*), {', '.join(sent)} FROM ({query}) AS rows"  # noqa: S608
    row = conn.execute(sql, values, binary=True).fetchone()
    assert row is not None  # noqa: S101  (an aggregate)
    columns = {
        name: np.frombuffer(data, _SENT[kind][1]).astype(kind)
        for (name, kind), data in zip(types.items(), row[1:], strict=True)
    }
    for name, column in columns.items():
        if column.size != row[0]:
            raise ValueError(f"column {name} has {row[0] - column.size} nulls: coalesce them")
        column.setflags(write=False)
    return columns


def in_order(columns: Mapping[str, Column], *names: str) -> dict[str, Column]:
    """The same rows by these columns, ascending."""
    order = np.lexsort([columns[name] for name in reversed(names)])
    sorted_columns = {name: column[order] for name, column in columns.items()}
    for column in sorted_columns.values():
        column.setflags(write=False)
    return sorted_columns
