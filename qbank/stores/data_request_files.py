"""Files of what was asked of the owner over the API, kept in pieces beside their request.

What never lives here: the requests (``data_requests``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, BinaryIO, Final
from uuid import UUID

from psycopg import Connection

from qbank.vocabulary import DataRequestFile

PIECE: Final = 1 << 20
"""Bytes of a file that are in memory at a time."""


def pieces_of(file: BinaryIO) -> Iterator[bytes]:
    """An open file from where it stands, one piece after the other."""
    return iter(lambda: file.read(PIECE), b"")


def keep(
    conn: Connection[Any], request_id: UUID, what: DataRequestFile, pieces: Iterable[bytes]
) -> None:
    """Keeps a file, piece by piece."""
    sql = """INSERT INTO data_request_files (request_id, what, position, data)
        VALUES (%s, %s, %s, %b)"""
    for position, piece in enumerate(pieces):
        conn.execute(sql, (request_id, what, position, piece))


def piece(
    conn: Connection[Any], request_id: UUID, what: DataRequestFile, position: int
) -> bytes | None:
    """A piece of a file; None where it has no such piece."""
    sql = """SELECT data FROM data_request_files
        WHERE request_id = %s AND what = %s AND position = %s"""
    row = conn.execute(sql, (request_id, what, position), binary=True).fetchone()
    return None if row is None else bytes(row[0])


def pieces(conn: Connection[Any], request_id: UUID, what: DataRequestFile) -> Iterator[bytes]:
    """The file, one piece after the other."""
    position = 0
    while (data := piece(conn, request_id, what, position)) is not None:
        yield data
        position += 1


def remove(conn: Connection[Any], before: datetime, *, dry_run: bool) -> int:
    """Removes files of requests that are over, of before a time; returns of how many requests.

    That is rejects, what was given out about people, and what came of requests that failed.
    """
    old = """FROM data_request_files AS f WHERE f.created_at < %s AND EXISTS (
        SELECT FROM data_requests AS r WHERE r.id = f.request_id AND r.finished_at IS NOT NULL)"""
    count = f"SELECT count(DISTINCT f.request_id) {old}"
    row = conn.execute(count, (before,)).fetchone()
    if not dry_run:
        conn.execute(f"DELETE {old}", (before,))
    return int(row[0]) if row else 0
