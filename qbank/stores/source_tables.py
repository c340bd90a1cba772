"""What the raw tables hold at a glance: how many rows, and when the newest came.

What never lives here: the rows themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier


@dataclass(frozen=True)
class SourceTable:
    """A table that delivery, authors or imports write.

    Attributes:
        clock: the column that tells when a row came in.
        exact: whether its rows are looked at one by one. Large tables are estimated from Postgres'
            statistics instead: reading ten million rows a night tells nothing more.
        results: whether calibration itself writes it, so that a change is no reason for a night.
    """

    name: str
    description: str
    clock: str
    exact: bool = True
    results: bool = False


@dataclass(frozen=True)
class Observed:
    """What a table held when it was looked at.

    Attributes:
        version: moves when a row is written, changed or removed, and only then.
    """

    name: str
    rows: int
    newest: datetime | None
    version: str


TABLES = (
    SourceTable("topics", "The content tree of each tenant.", "created_at"),
    SourceTable("exams", "Exams and their calibration defaults.", "created_at"),
    SourceTable("exam_blueprints", "Target weights of topics in exams.", "created_at"),
    SourceTable("questions", "Questions; the text is in the versions.", "created_at"),
    SourceTable("question_versions", "Append-only versions of questions.", "created_at"),
    SourceTable("question_options", "Answer options of versions.", "created_at"),
    SourceTable("question_publications", "What is live in which exam.", "published_at"),
    SourceTable("quiz_sessions", "Quizzes, open and ended.", "updated_at", exact=False),
    SourceTable("quiz_items", "What was served and held back.", "served_at", exact=False),
    SourceTable("user_responses", "Answers to served items.", "recorded_at", exact=False),
    SourceTable("cohort_assignments", "Places of users in experiments.", "assigned_at"),
    SourceTable(
        "item_exposure_history",
        "Every change of sh_p, whoever made it.",
        "at",
        exact=False,
        results=True,
    ),
    SourceTable(
        "calibration_runs", "Requests for calibration and their end.", "created_at", results=True
    ),
)


def observe(conn: Connection[Any]) -> Iterator[Observed]:
    """Looks at each table; what a later statement reads is never older than what was seen here."""
    for table in TABLES:
        yield _exactly(conn, table) if table.exact else _by_statistics(conn, table)


def changed(seen: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """The tables whose version is another one; what calibration writes does not count."""
    results = {table.name for table in TABLES if table.results}
    return tuple(
        name for name, version in now.items() if name not in results and seen.get(name) != version
    )


def versions(conn: Connection[Any]) -> dict[str, str]:
    """The version of each table, by name."""
    return {found.name: found.version for found in observe(conn)}


def _exactly(conn: Connection[Any], table: SourceTable) -> Observed:
    # each version of a row has a place and a transaction of its own, so that an insertion, a
    # change and a deletion alike move what they add up to, and a rolled back one moves nothing
    query = SQL(
        "SELECT count(*), max({}), bit_xor(hashtextextended(ctid::text || '/' || xmin::text, 0))"
        " FROM {}"
    ).format(Identifier(table.clock), Identifier("public", table.name))
    rows, newest, digest = conn.execute(query).fetchone() or (0, None, None)
    return Observed(table.name, rows, newest, f"{rows}/{(digest or 0) & _64_BITS:016x}")


def _by_statistics(conn: Connection[Any], table: SourceTable) -> Observed:
    newest = SQL("SELECT max({}) FROM {}").format(
        Identifier(table.clock), Identifier("public", table.name)
    )
    row = conn.execute(newest).fetchone()
    # counted when a transaction ends: what is counted can be read. A crash starts the count anew,
    # which shows as one more change
    counted = """SELECT reltuples::bigint, n_tup_ins, n_tup_upd, n_tup_del
        FROM pg_class JOIN pg_stat_user_tables ON relid = oid WHERE oid = %s::regclass"""
    rows, *written = conn.execute(counted, (f"public.{table.name}",)).fetchone() or (-1,)
    if rows < _ESTIMATED_FROM:
        count = SQL("SELECT count(*) FROM {}").format(Identifier("public", table.name))
        rows = (conn.execute(count).fetchone() or (0,))[0]
    version = "/".join(map(str, written))
    return Observed(table.name, int(rows), row[0] if row else None, version)


_64_BITS = 2**64 - 1
_ESTIMATED_FROM = 1_000_000
