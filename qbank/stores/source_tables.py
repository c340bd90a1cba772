"""What the raw tables hold at a glance: how many rows, and when the newest came.

What never lives here: the rows themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
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
        exact: whether its rows are counted one by one; large tables are estimated from
            Postgres' statistics instead, for counting ten million rows a night tells nothing more.
    """

    name: str
    description: str
    clock: str
    exact: bool = True


@dataclass(frozen=True)
class Observed:
    """What a table held when it was looked at."""

    name: str
    rows: int
    newest: datetime | None


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
    SourceTable("calibration_runs", "Requests for calibration and their end.", "created_at"),
)


def observe(conn: Connection[Any]) -> Iterator[Observed]:
    """Looks at each table."""
    for table in TABLES:
        newest = SQL("SELECT max({}) FROM {}").format(
            Identifier(table.clock), Identifier("public", table.name)
        )
        row = conn.execute(newest).fetchone()
        yield Observed(table.name, _rows(conn, table), row[0] if row else None)


def _rows(conn: Connection[Any], table: SourceTable) -> int:
    estimate = "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass"
    row = None if table.exact else conn.execute(estimate, (f"public.{table.name}",)).fetchone()
    if row is None or row[0] < 1_000_000:
        count = SQL("SELECT count(*) FROM {}").format(Identifier("public", table.name))
        row = conn.execute(count).fetchone()
    return int(row[0]) if row else 0


def changed_since(conn: Connection[Any], moment: datetime) -> tuple[str, ...]:
    """The tables that have rows from after ``moment``; requests for calibration do not count."""
    changed = []
    for table in TABLES:
        query = SQL("SELECT EXISTS (SELECT FROM {} WHERE {} > %s)").format(
            Identifier("public", table.name), Identifier(table.clock)
        )
        row = conn.execute(query, (moment,)).fetchone()
        if table.name != "calibration_runs" and row and row[0]:
            changed.append(table.name)
    return tuple(changed)
