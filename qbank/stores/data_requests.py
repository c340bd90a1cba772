"""What was asked of the owner over the API, one row of ``data_requests`` each.

A row goes queued → running → done | refused | failed. It is done in the transaction that does it;
one whose worker was lost is queued again, a few times. What never lives here: its files
(``data_request_files``), and carrying it out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from qbank.stores.errors import ConflictError, NotFoundError
from qbank.vocabulary import DataRequestKind, DataRequestState

MOST_ATTEMPTS: Final = 3
KINDS: Final[tuple[DataRequestKind, ...]] = get_args(DataRequestKind)
_COLUMNS: Final = """id, tenant_id, kind, exam, person, undoes, options, file_name, file_bytes,
    sha256, key_name, key_bytes, key_sha256, requested_by, state, attempts, orchestrator_run_id,
    report, error, import_batch_id, created_at, started_at, finished_at,
    (SELECT u.id FROM data_requests AS u
        WHERE u.undoes = data_requests.id AND u.state = 'done' LIMIT 1) AS undone_by, EXISTS (
            SELECT FROM data_request_files AS f
            WHERE f.request_id = data_requests.id AND f.what = 'rejects') AS has_rejects, EXISTS (
            SELECT FROM data_request_files AS f
            WHERE f.request_id = data_requests.id AND f.what = 'document') AS has_document"""


@dataclass(frozen=True)
class DataRequest:
    """One request.

    Attributes:
        exam: as its tenant calls it; None of what is about a person.
        person: whom it is about.
        undoes: the import that an undo takes back.
        options: as they were given.
        file_name, file_bytes, sha256: of what came; None of what needs no file.
        key_name, key_bytes, key_sha256: of the file of keys that came with it.
        attempts: how often somebody began.
        orchestrator_run_id: the run that did last.
        report: what the command would have answered.
        error: why nothing was done.
        import_batch_id: the import's number, where it wrote.
        undone_by: the undo that took it back.
        has_rejects: whether a file of refused rows is kept.
        has_document: whether what is stored about the person is there to be had.
    """

    id: UUID
    tenant_id: str
    kind: DataRequestKind
    exam: str | None
    person: str | None
    undoes: UUID | None
    options: dict[str, Any]
    file_name: str | None
    file_bytes: int | None
    sha256: str | None
    key_name: str | None
    key_bytes: int | None
    key_sha256: str | None
    requested_by: str
    state: DataRequestState
    attempts: int
    orchestrator_run_id: str | None
    report: dict[str, Any] | None
    error: str | None
    import_batch_id: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    undone_by: UUID | None
    has_rejects: bool
    has_document: bool


@dataclass(frozen=True)
class File:
    """A file that came."""

    name: str
    bytes: int
    sha256: str


def create(
    conn: Connection[Any],
    *,
    tenant_id: str,
    kind: DataRequestKind,
    exam: str | None = None,
    person: str | None = None,
    requested_by: str,
    options: Mapping[str, Any] | None = None,
    file: File | None = None,
    key: File | None = None,
    undoes: UUID | None = None,
) -> DataRequest:
    """Queues a request; its files are to be kept in the same transaction."""
    sql = f"""INSERT INTO data_requests (tenant_id, kind, exam, person, requested_by, options,
            undoes, file_name, file_bytes, sha256, key_name, key_bytes, key_sha256)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        RETURNING {_COLUMNS}"""  # noqa: S608
    told = [
        value
        for came in (file, key)
        for value in ((came.name, came.bytes, came.sha256) if came else (None, None, None))
    ]
    given = Jsonb(dict(options or {}))
    values = (tenant_id, kind, exam, person, requested_by, given, undoes, *told)
    with conn.cursor(row_factory=class_row(DataRequest)) as cursor:
        row = cursor.execute(sql, values).fetchone()
    assert row is not None  # noqa: S101
    return row


def get(
    conn: Connection[Any],
    request_id: UUID,
    *,
    tenant_id: str | None = None,
    kinds: Collection[DataRequestKind] = KINDS,
) -> DataRequest:
    """One request.

    Raises:
        NotFoundError: there is none of this id and these kinds, or it is another tenant's.
    """
    sql = f"""SELECT {_COLUMNS} FROM data_requests WHERE id = %(id)s AND kind = ANY(%(kinds)s)
        AND (%(tenant)s::text IS NULL OR tenant_id = %(tenant)s)"""  # noqa: S608
    values = {"id": request_id, "tenant": tenant_id, "kinds": list(kinds)}
    with conn.cursor(row_factory=class_row(DataRequest)) as cursor:
        row = cursor.execute(sql, values).fetchone()
    if row is None:
        raise NotFoundError(f"request {request_id} does not exist")
    return row


def lock(conn: Connection[Any], asked: DataRequest) -> None:
    """Keeps whoever would change the request out, until the transaction's end."""
    conn.execute("SELECT FROM data_requests WHERE id = %s FOR UPDATE", (asked.id,))


def find(
    conn: Connection[Any],
    tenant_id: str,
    *,
    kinds: Collection[DataRequestKind],
    state: DataRequestState | None,
    exam: str | None = None,
    limit: int,
    offset: int,
) -> tuple[list[DataRequest], int]:
    """A page of a tenant's requests, the newest first, and how many there are."""
    where = """tenant_id = %(tenant)s AND kind = ANY(%(kinds)s)
        AND (%(state)s::text IS NULL OR state = %(state)s)
        AND (%(exam)s::text IS NULL OR exam = %(exam)s)"""
    values = {"tenant": tenant_id, "kinds": list(kinds), "state": state, "exam": exam}
    page = f"""SELECT {_COLUMNS} FROM data_requests WHERE {where}
        ORDER BY created_at DESC, id LIMIT %(limit)s OFFSET %(offset)s"""  # noqa: S608
    with conn.cursor(row_factory=class_row(DataRequest)) as cursor:
        rows = cursor.execute(page, values | {"limit": limit, "offset": offset}).fetchall()
    count = f"SELECT count(*) FROM data_requests WHERE {where}"  # noqa: S608
    total = conn.execute(count, values).fetchone()
    return rows, int(total[0]) if total else 0


def opened(conn: Connection[Any]) -> list[DataRequest]:
    """Those that wait or are worked on, the oldest first, without their reports."""
    sql = f"""SELECT {_COLUMNS} FROM data_requests WHERE state IN ('queued', 'running')
        ORDER BY created_at"""  # noqa: S608
    with conn.cursor(row_factory=class_row(DataRequest)) as cursor:
        return cursor.execute(sql).fetchall()


def waiting(conn: Connection[Any], tenant_id: str) -> tuple[int, int]:
    """How many requests of a tenant are not over, and the bytes of their files."""
    sql = """SELECT count(*), coalesce(sum(file_bytes + coalesce(key_bytes, 0)), 0)::bigint
        FROM data_requests WHERE state IN ('queued', 'running') AND tenant_id = %s"""
    row = conn.execute(sql, (tenant_id,)).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def claim(conn: Connection[Any], request_id: UUID, orchestrator_run_id: str) -> DataRequest:
    """Takes a queued request to work on it.

    Raises:
        NotFoundError: there is none of this id.
        ConflictError: somebody else works on it, or it is over.
    """
    sql = f"""UPDATE data_requests SET state = 'running', attempts = attempts + 1,
            orchestrator_run_id = %s, started_at = coalesce(started_at, clock_timestamp())
        WHERE id = %s AND state = 'queued' RETURNING {_COLUMNS}"""  # noqa: S608
    with conn.cursor(row_factory=class_row(DataRequest)) as cursor:
        row = cursor.execute(sql, (orchestrator_run_id, request_id)).fetchone()
    if row is None:
        other = get(conn, request_id)
        raise ConflictError(
            f"request {request_id} is {other.state} (run {other.orchestrator_run_id}): nothing to"
            " do"
        )
    return row


def finish(
    conn: Connection[Any],
    asked: DataRequest,
    state: DataRequestState,
    *,
    report: Mapping[str, Any] | None = None,
    error: str | None = None,
    batch: int | None = None,
) -> None:
    """Ends a request in the transaction that did what it asked for; what came is let go.

    Raises:
        ConflictError: the request was given to another worker meanwhile.
    """
    sql = """UPDATE data_requests SET state = %s, report = %s, error = %s,
            -- an import that changed nothing leaves no row of its own
            import_batch_id = (SELECT b.id FROM import_batches AS b WHERE b.id = %s),
            finished_at = clock_timestamp()
        WHERE id = %s AND state = 'running' AND orchestrator_run_id = %s"""
    told = None if report is None else Jsonb(dict(report))
    values = (state, told, _kept(error), batch, asked.id, asked.orchestrator_run_id)
    if conn.execute(sql, values).rowcount == 0:
        raise ConflictError(f"request {asked.id} is another worker's by now: this one stops")
    sql = "DELETE FROM data_request_files WHERE request_id = %s AND what IN ('upload', 'key')"
    conn.execute(sql, (asked.id,))


def forget_person(conn: Connection[Any], asked: DataRequest, nobody: str) -> None:
    """Takes out whom a request is about: nothing is stored about them, and this should not be."""
    conn.execute("UPDATE data_requests SET person = %s WHERE id = %s", (nobody, asked.id))


def note_error(conn: Connection[Any], asked: DataRequest, error: str) -> None:
    """Keeps why an attempt failed, for who looks meanwhile and where it was the last one."""
    sql = """UPDATE data_requests SET error = %s
        WHERE id = %s AND state = 'running' AND orchestrator_run_id = %s"""
    conn.execute(sql, (_kept(error), asked.id, asked.orchestrator_run_id))


def _kept(error: str | None) -> str | None:
    """The text as Postgres can keep it: what a file has in it may stand there."""
    if error is None:
        return None
    return error.replace("\x00", "\ufffd").encode(errors="replace").decode()


def give_back(conn: Connection[Any], asked: DataRequest) -> DataRequestState | None:
    """Queues a request anew whose worker is gone; after the last attempt it has failed.

    Args:
        conn: an open connection; the caller commits.
        asked: as it was seen, queued or running.

    Returns:
        What it is now; None where it moved on meanwhile.
    """
    sql = """UPDATE data_requests AS r SET
            state = CASE WHEN n.is_last THEN 'failed' ELSE 'queued' END, attempts = n.attempts,
            finished_at = CASE WHEN n.is_last THEN clock_timestamp() END,
            error = coalesce(r.error, 'its worker was lost, and nothing was written')
                || CASE WHEN n.is_last THEN '; tried ' || n.attempts || ' times: send it again'
                    ELSE '' END
        FROM (SELECT t.attempts, t.attempts >= %(most)s AS is_last FROM (SELECT
            %(attempts)s + CASE WHEN %(state)s = 'queued' THEN 1 ELSE 0 END AS attempts) AS t) AS n
        WHERE r.id = %(id)s AND r.state = %(state)s AND r.attempts = %(attempts)s
        RETURNING r.state"""
    values = {
        "id": asked.id,
        "state": asked.state,
        "attempts": asked.attempts,
        "most": MOST_ATTEMPTS,
    }
    row = conn.execute(sql, values).fetchone()
    now: DataRequestState | None = None if row is None else row[0]
    return now
