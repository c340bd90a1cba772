"""Results of queries as arrays, bit for bit what rows would give."""

from __future__ import annotations

import numpy as np
import pytest

from qbank.postgres import connect
from qbank.postgres.columns import read_columns

TYPES = {"i": np.int64, "x": np.float64, "yes": np.bool_}
ROWS = """SELECT * FROM (VALUES (1, 0.1::float8, true), (-9223372036854775808, NULL, false),
    (3, '-Infinity', true)) AS r (i, x, yes) WHERE i < %(below)s"""


def test_columns_have_the_values_of_the_rows(settings):
    with connect(settings=settings) as conn:
        columns = read_columns(conn, ROWS, {"below": 10}, TYPES)
        rows = sorted(zip(*(columns[name].tolist() for name in TYPES), strict=True))
    assert {name: column.dtype for name, column in columns.items()} == TYPES
    assert not any(column.flags.writeable for column in columns.values())
    assert (rows[0][0], rows[0][2]) == (-(2**63), False)
    assert np.isnan(rows[0][1])
    assert rows[1:] == [(1, 0.1, True), (3, -np.inf, True)]


def test_no_rows_are_empty_columns(settings):
    with connect(settings=settings) as conn:
        columns = read_columns(conn, f"{ROWS} AND false", {"below": 10}, TYPES)
    assert {name: (column.shape, column.dtype) for name, column in columns.items()} == {
        name: ((0,), kind) for name, kind in TYPES.items()
    }


def test_a_null_among_whole_numbers_is_refused(settings):
    """Left out, it would put every later value in the row before its own."""
    sql = "SELECT * FROM (VALUES (1), (NULL), (3)) AS r (i)"
    with (
        connect(settings=settings) as conn,
        pytest.raises(ValueError, match="column i has 1 nulls"),
    ):
        read_columns(conn, sql, {}, {"i": np.int64})
