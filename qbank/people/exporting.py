"""Everything that is stored about a person, as one document or a folder of CSV files.

It is of one moment, and for its owner alone. What never lives here: which rows those are
(``stored``, ``staff``).
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from qbank.errors import PersonError
from qbank.exporting.files import partial, placed, refuse_taken
from qbank.people.finding import known_as, stage_quizzes, unknown
from qbank.people.staff import STAFF
from qbank.people.stored import DERIVED, PERSONAL, Stored
from qbank.postgres import Connection, connect
from qbank.settings import Settings
from qbank.vocabulary import code_of


def everything_about(
    person: str,
    *,
    tenant: str | None = None,
    settings: Settings | None = None,
    before: Callable[[Connection], None] | None = None,
    on_read: Callable[[Connection, dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """What is stored about a person, by section.

    Args:
        person: the id that their answers have.
        tenant: needed where several tenants know that id.
        settings: those of the process where None.
        before: called in the transaction that reads, at its beginning.
        on_read: called in it with what was read.

    Returns:
        ``person``, ``tenant``, ``exported_at``, and a list of rows for each section.

    Raises:
        PersonError: nothing is stored about them, or in several tenants.
    """
    with connect("owner", settings=settings) as connection:
        # all sections tell of the same moment
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SET LOCAL TIME ZONE 'UTC'")
        if before is not None:
            before(connection)
        names = known_as(connection, person, tenant)
        stage_quizzes(connection, names)
        sections = {
            stored.section: _rows(connection, stored, names)
            for stored in (*reversed(PERSONAL), *DERIVED, *STAFF)
            if stored.section is not None
        }
        if not any(sections.values()):
            raise unknown(names["person"], tenant)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        document = {**names, "exported_at": now, **sections}
        if on_read is not None:
            on_read(connection, document)
    return document


def _rows(connection: Connection, stored: Stored, names: dict[str, str]) -> list[dict[str, Any]]:
    # before the first night there are no marts
    there = connection.execute("SELECT to_regclass(%s)", [stored.table]).fetchone()
    if there is None or there[0] is None:
        return []
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(stored.selected(), names).fetchall()
    # as the person's institution calls it
    return [row | {"exam": code_of(row["exam"])} if row.get("exam") else row for row in found]


def as_json(document: dict[str, Any]) -> str:
    """The document as text; times are UTC, ISO 8601."""
    return json.dumps(document, indent=2, default=_plain, ensure_ascii=False)


def write_json(document: dict[str, Any], path: Path) -> None:
    """Writes the document to a file that is not there yet, for its owner alone (mode 0600).

    Raises:
        ExportError: there is a file.
    """
    refuse_taken(path)
    with partial(path) as made:
        made.write_text(f"{as_json(document)}\n", encoding="utf-8")
        placed(made, path, 1, [], personal=True)


def write_csv(document: dict[str, Any], folder: Path) -> list[Path]:
    """Writes each section that has rows to a file of a new folder, for its owner alone.

    Raises:
        PersonError: the folder is there, or the one above it is not.
    """
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise PersonError(
            f"{folder} cannot be made ({error.strerror}): name a folder that is not there, in one"
            " that is"
        ) from error
    made = []
    for section, rows in document.items():
        if isinstance(rows, list) and rows:
            path = folder / f"{section}.csv"
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(rows[0])
                writer.writerows([_cell(value) for value in row.values()] for row in rows)
            made.append(path)
    return made


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
