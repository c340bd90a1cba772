"""Estimated item parameters and classical statistics, as they are published for one exam.

What never lives here: estimation, linking, and whether a proposal may be published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, fields
from typing import Any
from uuid import UUID

import numpy as np
from psycopg import Connection
from psycopg.errors import CheckViolation, ForeignKeyViolation
from psycopg.rows import class_row

from qbank.postgres.columns import Column, in_order, read_columns
from qbank.stores.errors import InvalidValueError, NotFoundError
from qbank.stores.exposure import lock
from qbank.vocabulary import Model


@dataclass(frozen=True)
class ItemParameters:
    """Parameters of one item version; standard errors None where unknown.

    Attributes:
        n_respondents: first attempts behind the estimate.
        scaling_constant: D of the model that a belongs to.
    """

    question_id: int
    version: int
    a: float
    b: float
    c: float
    se_a: float | None
    se_b: float | None
    se_c: float | None
    n_respondents: int
    converged: bool = field(kw_only=True)
    scaling_constant: float = 1.7


@dataclass(frozen=True)
class ItemStatistics:
    """Classical statistics of one item version, from n first attempts."""

    question_id: int
    version: int
    p_value: float | None
    r_point_biserial: float | None
    median_time_ms: float | None
    n: int


_PARAMETERS = ", ".join(field.name for field in fields(ItemParameters))
_STATISTICS = ", ".join(field.name for field in fields(ItemStatistics))


def in_force(conn: Connection[Any], exam_code: str, model: Model) -> tuple[ItemParameters, ...]:
    """All published parameters of the exam under ``model``, live or not, by item version."""
    sql = f"""SELECT {_PARAMETERS} FROM item_calibration
        WHERE exam_code = %s AND model = %s ORDER BY question_id, version"""  # noqa: S608
    with conn.cursor(row_factory=class_row(ItemParameters)) as cursor:
        return tuple(cursor.execute(sql, (exam_code, model)).fetchall())


def in_use(conn: Connection[Any], exam_code: str) -> frozenset[tuple[int, int]]:
    """Question id and version of what has parameters in force under any model of the exam."""
    sql = "SELECT DISTINCT question_id, version FROM item_calibration WHERE exam_code = %s"
    return frozenset(conn.execute(sql, (exam_code,)).fetchall())


def curves(conn: Connection[Any], exam_code: str, model: Model) -> dict[str, Column]:
    """The same as columns, by question id and version: those, a, b, c and scaling_constant."""
    sql = """SELECT question_id, version, a, b, c, scaling_constant FROM item_calibration
        WHERE exam_code = %(exam)s AND model = %(model)s"""
    types: dict[str, type[np.generic]] = {"question_id": np.int64, "version": np.int64}
    types |= dict.fromkeys(("a", "b", "c", "scaling_constant"), np.float64)
    columns = read_columns(conn, sql, {"exam": exam_code, "model": model}, types)
    return in_order(columns, "question_id", "version")


def publish(
    conn: Connection[Any],
    exam_code: str,
    model: Model,
    rows: Sequence[ItemParameters],
    *,
    run_id: UUID | None,
) -> int:
    """Puts parameters in force under the exam's lock; returns how many rows changed.

    Raises:
        InvalidValueError: a parameter outside its range (a ≤ 0, c outside [0, 1), not finite).
        NotFoundError: an item version or the exam does not exist.
    """
    lock(conn, exam_code)
    sql = f"""INSERT INTO item_calibration AS k (exam_code, model, run_id, fitted_at, {_PARAMETERS})
        SELECT %s, %s, %s, clock_timestamp(), rows.*
        FROM unnest(%s::bigint[], %s::integer[], %s::float8[], %s::float8[], %s::float8[],
            %s::float8[], %s::float8[], %s::float8[], %s::integer[], %s::boolean[],
            %s::float8[]) AS rows
        ON CONFLICT (exam_code, question_id, version, model) DO UPDATE SET a = excluded.a,
            b = excluded.b, c = excluded.c, se_a = excluded.se_a, se_b = excluded.se_b,
            se_c = excluded.se_c, n_respondents = excluded.n_respondents,
            converged = excluded.converged, scaling_constant = excluded.scaling_constant,
            fitted_at = excluded.fitted_at, run_id = excluded.run_id
        WHERE (k.a, k.b, k.c, k.se_a, k.se_b, k.se_c, k.scaling_constant, k.n_respondents,
            k.converged) IS DISTINCT FROM
            (excluded.a, excluded.b, excluded.c, excluded.se_a, excluded.se_b, excluded.se_c,
            excluded.scaling_constant, excluded.n_respondents, excluded.converged)"""  # noqa: S608
    return _put(conn, sql, (exam_code, model, run_id), rows, exam_code)


def publish_statistics(
    conn: Connection[Any], exam_code: str, rows: Sequence[ItemStatistics]
) -> int:
    """Puts classical statistics in force; returns how many rows changed.

    Raises:
        InvalidValueError: a statistic outside its range.
        NotFoundError: an item version or the exam does not exist.
    """
    sql = f"""INSERT INTO item_stats_ctt AS s (exam_code, updated_at, {_STATISTICS})
        SELECT %s, clock_timestamp(), rows.*
        FROM unnest(%s::bigint[], %s::integer[], %s::float8[], %s::float8[], %s::float8[],
            %s::integer[]) AS rows
        ON CONFLICT (exam_code, question_id, version) DO UPDATE SET p_value = excluded.p_value,
            r_point_biserial = excluded.r_point_biserial,
            median_time_ms = excluded.median_time_ms, n = excluded.n,
            updated_at = excluded.updated_at
        WHERE (s.p_value, s.r_point_biserial, s.median_time_ms, s.n) IS DISTINCT FROM
            (excluded.p_value, excluded.r_point_biserial, excluded.median_time_ms, excluded.n)"""  # noqa: S608
    return _put(conn, sql, (exam_code,), rows, exam_code)


def _put(
    conn: Connection[Any],
    sql: str,
    leading: tuple[Any, ...],
    rows: Sequence[ItemParameters] | Sequence[ItemStatistics],
    exam_code: str,
) -> int:
    if not rows:
        return 0
    columns = [[*column] for column in zip(*map(astuple, rows), strict=True)]
    try:
        return conn.execute(sql, (*leading, *columns)).rowcount
    except CheckViolation as error:
        raise InvalidValueError(
            f"exam {exam_code!r}: {error.diag.constraint_name} refuses {error.diag.message_detail}"
        ) from error
    except ForeignKeyViolation as error:
        raise NotFoundError(
            f"exam {exam_code!r} or one of its item versions does not exist:"
            f" {error.diag.message_detail}"
        ) from error
