"""Writes an export: CSV as Postgres streams it, Parquet in batches, a matrix in memory.

A file appears whole under its name, and over no other. What never lives here: what it holds.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from psycopg.sql import SQL

from qbank.errors import ExportError
from qbank.exporting.matrix import matrix
from qbank.exporting.tables import TABLES, Table, What, query_of
from qbank.postgres import Connection, connect
from qbank.settings import Settings
from qbank.stores import StoreError, item_bank
from qbank.stores.item_bank import Exam

Shape = Literal["long", "wide", "irw"]


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        rows: without the header.
        columns: names, in order.
    """

    path: Path
    rows: int
    columns: list[str]


def export(
    what: What, exam_code: str, path: Path, *, wide: bool = False, settings: Settings | None = None
) -> Exported:
    """Writes what an exam has to a file: Parquet where its name ends so, else CSV.

    Args:
        what: which table.
        exam_code: of the exam.
        path: of a file that is not there yet.
        wide: responses as one row per sitting and one column per item.
        settings: those of the process where None.

    Raises:
        ExportError: the exam does not exist, has nothing of this, or there is a file.
    """
    table = TABLES[what]
    refuse_taken(path)
    as_parquet = is_parquet(path)
    with connect("owner", settings=settings) as connection, partial(path) as streamed:
        rows = _stream(connection, table, exam_code, streamed)
        if not rows:
            raise ExportError(f"exam {exam_code!r} has no {what}: nothing was written")
        columns = table.schema.names
        if not (wide or as_parquet):
            return placed(streamed, path, rows, columns, personal=table.personal)
        with partial(path) as made:
            if wide:
                whole = matrix(_read(streamed, table).read_all())
                rows, columns = whole.num_rows, whole.schema.names
                if as_parquet:
                    pq.write_table(whole, made)
                else:
                    pa_csv.write_csv(whole, made)
            else:
                with pq.ParquetWriter(made, table.schema) as writer:
                    for batch in _read(streamed, table):
                        writer.write_batch(batch)
            return placed(made, path, rows, columns, personal=table.personal)


def refuse_taken(path: Path) -> None:
    """Refuses a name that a file has, or whose folder is not there."""
    if path.exists():
        raise ExportError(f"{path} is there already: name a file that is not")
    if not path.parent.is_dir():
        raise ExportError(f"{path.parent} is no folder: make it first")


def is_parquet(path: Path) -> bool:
    """Whether a name asks for Parquet."""
    return path.suffix.lower() in (".parquet", ".pq")


@contextmanager
def partial(path: Path) -> Iterator[Path]:
    """An empty file beside `path`, for its owner alone, that is gone afterwards."""
    handle, name = tempfile.mkstemp(prefix=".export-", suffix=".partial", dir=path.parent)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def placed(
    made: Path, path: Path, rows: int, columns: list[str], *, personal: bool = False
) -> Exported:
    """Gives a made file its name; everybody may read it unless it is `personal`.

    Raises:
        ExportError: there is a file of that name by now.
    """
    if not personal:
        made.chmod(0o644)
    try:
        # unlike a renaming, a link never takes another file's place
        os.link(made, path)
    except FileExistsError as error:
        raise ExportError(f"{path} is there by now: name a file that is not") from error
    return Exported(path, rows, columns)


def known_exam(connection: Connection, exam_code: str) -> Exam:
    """The exam of this key or code; refuses one that does not exist."""
    try:
        return item_bank.exam(connection, exam_code)
    except StoreError as error:
        raise ExportError(str(error)) from error


def _stream(connection: Connection, table: Table, exam_code: str, path: Path) -> int:
    """Rows that were written."""
    exam_code = known_exam(connection, exam_code).exam_code
    connection.execute("SET LOCAL TIME ZONE 'UTC'")
    copy = SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(query_of(table, exam_code))
    with connection.cursor() as cursor:
        with path.open("wb") as file, cursor.copy(copy) as blocks:
            for block in blocks:
                file.write(block)
        return cursor.rowcount


def _read(path: Path, table: Table) -> Any:
    options = pa_csv.ConvertOptions(
        column_types=table.schema,
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["t"],
        false_values=["f"],
        null_values=[""],
        timestamp_parsers=[pa_csv.ISO8601, "%Y-%m-%d %H:%M:%S%z"],
    )
    parse = pa_csv.ParseOptions(newlines_in_values=True)
    return pa_csv.open_csv(path, convert_options=options, parse_options=parse)
