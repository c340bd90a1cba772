"""Responses as calibration needs them, read from the marts in bulk.

What never lives here: estimation, and the definition of a first attempt (that is the mart's).
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from psycopg import Connection
from psycopg.sql import SQL, Composed, Literal
from pyarrow import csv

from qbank.stores.errors import StoreError
from qbank.stores.served import CONTROLLED


@dataclass(frozen=True, eq=False)
class FirstAttempts:
    """One exam's first attempts in long form; M responses of N persons to J item versions.

    Attributes:
        person: codes 0..N-1 by user id, shape (M,), ascending.
        item: codes 0..J-1, shape (M,), ascending within a person.
        correct: 0 or 1, shape (M,).
        question_id: of each item code, shape (J,), ascending by question and version.
        version: of each item code, shape (J,).
        persons: N.
        attempted_at: microseconds since 1970, UTC, shape (M,); None unless asked for.
        time_ms: taken for the answer, NaN where unknown, shape (M,); None unless asked for.
    """

    person: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    correct: npt.NDArray[np.int8]
    question_id: npt.NDArray[np.int64]
    version: npt.NDArray[np.int64]
    persons: int
    attempted_at: npt.NDArray[np.int64] | None = None
    time_ms: npt.NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return int(self.person.size)

    def fingerprint(self) -> str:
        """SHA-256 of the responses."""
        digest = hashlib.sha256()
        for column in (
            self.question_id,
            self.version,
            self.person,
            self.item,
            self.correct,
            self.attempted_at,
            self.time_ms,
        ):
            if column is not None:
                digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()


def first_attempts(
    conn: Connection[Any],
    exam_code: str,
    *,
    controlled: tuple[date, date] | None = None,
    clocks: bool = False,
) -> FirstAttempts:
    """Every person's first attempt at every item version of the exam.

    Streamed by COPY and decoded in columns: ten million responses are tens of seconds, not
    minutes, and no row becomes a Python object.

    Args:
        conn: an open connection.
        exam_code: of the exam.
        controlled: only those made in controlled sittings that ended from the first of these UTC
            days to the last.
        clocks: when they were made and how long they took, too.

    Raises:
        StoreError: the mart holds a person twice for one item.
    """
    sql = SQL("""COPY (SELECT user_id, question_id, version, is_correct::integer{}
        FROM analytics.irt_responses WHERE exam_code = {}{}) TO STDOUT (FORMAT csv)""")
    code = Literal(exam_code)
    more, schema = (_CLOCKS, _TIMED_ATTEMPTS) if clocks else (SQL(""), _FIRST_ATTEMPTS)
    table = _copy(conn, sql.format(more, code, _sittings(code, controlled)), schema)
    person = table["user_id"].combine_chunks().dictionary_encode()
    question = table["question_id"].to_numpy()
    version = table["version"].to_numpy()
    # versions stay far below 2^16, so one integer names the item version
    keys, item = np.unique(question << 16 | version, return_inverse=True)
    # coded by user id, so that the same responses are the same arrays whatever order they came in
    rank = np.argsort(np.argsort(person.dictionary.to_numpy(zero_copy_only=False)))
    codes = rank[person.indices.to_numpy()].astype(np.int64)
    cells = codes * max(len(keys), 1) + item
    # sums over the same responses are the same to the last digit, wherever the rows lie on disk
    order = np.argsort(cells, kind="stable")
    if twice := np.count_nonzero(np.diff(cells[order]) == 0):
        raise StoreError(
            f"exam {exam_code!r}: analytics.irt_responses holds {twice} first attempts twice:"
            " rebuild the marts and look at their unique tests"
        )
    return FirstAttempts(
        person=codes[order],
        item=item[order].astype(np.int64),
        correct=table["is_correct"].to_numpy()[order].astype(np.int8),
        question_id=keys >> 16,
        version=keys & 0xFFFF,
        persons=len(person.dictionary),
        attempted_at=table["attempted_at"].to_numpy()[order] if clocks else None,
        time_ms=table["time_ms"].to_numpy()[order] if clocks else None,
    )


_FIRST_ATTEMPTS = pa.schema(
    [
        ("user_id", pa.string()),
        ("question_id", pa.int64()),
        ("version", pa.int64()),
        ("is_correct", pa.int8()),
    ]
)
_CLOCKS = SQL(""", (extract(epoch FROM attempted_at) * 1000000)::bigint,
        CASE WHEN time_taken_ms > 0 THEN time_taken_ms END""")
_TIMED_ATTEMPTS = pa.schema(
    [*_FIRST_ATTEMPTS, ("attempted_at", pa.int64()), ("time_ms", pa.float64())]
)


def in_marts(conn: Connection[Any]) -> bool:
    """Whether the mart of first attempts is there to be read."""
    row = conn.execute("SELECT to_regclass('analytics.irt_responses') IS NOT NULL").fetchone()
    return bool(row and row[0])


def _sittings(exam_code: Literal, controlled: tuple[date, date] | None) -> Composed:
    if controlled is None:
        return Composed([])
    chosen = SQL(f""" AND quiz_id IN (SELECT quiz_id FROM analytics.fact_sessions
        WHERE exam_code = {{}} AND ended_on BETWEEN {{}} AND {{}} AND {CONTROLLED})""")  # noqa: S608
    return chosen.format(exam_code, *map(Literal, controlled))


def _copy(conn: Connection[Any], statement: Composed, schema: pa.Schema) -> pa.Table:
    """What a COPY gives; it takes no server-side parameters, so values are literals in it."""
    buffer = io.BytesIO()
    with conn.cursor().copy(statement) as copy:
        for block in copy:
            buffer.write(block)
    if buffer.tell() == 0:
        return schema.empty_table()
    buffer.seek(0)
    return csv.read_csv(
        buffer,
        read_options=csv.ReadOptions(column_names=schema.names),
        convert_options=csv.ConvertOptions(column_types=schema, strings_can_be_null=False),
    )


def median_times(conn: Connection[Any], exam_code: str) -> dict[tuple[int, int], float]:
    """Median time of first attempts in ms, by (question id, version)."""
    sql = """SELECT question_id, version,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY time_taken_ms)
        FROM analytics.fact_responses
        WHERE exam_code = %s AND is_first_attempt AND time_taken_ms IS NOT NULL
        GROUP BY question_id, version"""
    rows = conn.execute(sql, (exam_code,)).fetchall()
    return {(question, version): float(time) for question, version, time in rows}
