"""Attributes of people that a file of answers has beside them, like a group for fairness analyses.

What is there stays unless it is to be replaced: either is said. What never lives here: answers,
and what an analysis makes of groups.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from qbank.importing.codes import ALWAYS_MISSING
from qbank.importing.text import plain_text
from qbank.postgres import Connection
from qbank.stores import turns

LONGEST = 200
# rows that are kept before those that say the same again go
_MOST = 1_000_000
_KEYS = ["user_id", "name", "value"]
_STAGE = """
CREATE TEMP TABLE import_attributes (user_id text, name text, value text, line bigint)
ON COMMIT DROP
"""
_COPY = "COPY import_attributes FROM STDIN (FORMAT csv)"
_MATCH = """
CREATE TEMP TABLE import_people ON COMMIT DROP AS
SELECT f.user_id, f.name, f.value, f.other, p.attributes ->> f.name AS was
FROM (
    SELECT user_id, name, (array_agg(value ORDER BY line))[1] AS value,
        (array_agg(value ORDER BY line))[2] AS other
    FROM import_attributes GROUP BY user_id, name
) AS f
LEFT JOIN people AS p ON (p.tenant_id, p.user_id) = (%(tenant)s, f.user_id)
"""
_COUNTS = """
SELECT count(*) FILTER (WHERE was IS NULL) AS new, count(*) FILTER (WHERE was = value) AS known,
    count(*) FILTER (WHERE was <> value) AS conflicting,
    count(*) FILTER (WHERE other IS NOT NULL) AS ambiguous
FROM import_people
"""
_CONFLICT = """
SELECT name, user_id, was, value FROM import_people WHERE was <> value ORDER BY 1, 2 LIMIT 1
"""
_AMBIGUOUS = """
SELECT name, user_id, value, other FROM import_people WHERE other IS NOT NULL ORDER BY 1, 2 LIMIT 1
"""
_CHANGED = "import_people WHERE was IS NULL OR (%(replaces)s AND was <> value)"
_PEOPLE = f"""
INSERT INTO people AS p (tenant_id, user_id, attributes)
SELECT %(tenant)s, user_id, jsonb_object_agg(name, value) FROM {_CHANGED}
GROUP BY user_id ORDER BY user_id
ON CONFLICT (tenant_id, user_id) DO UPDATE
SET attributes = p.attributes || excluded.attributes, changed_at = now()
"""  # noqa: S608
_CHANGES = f"""
INSERT INTO people_changes (import_batch_id, tenant_id, user_id, name, was, value)
SELECT %(batch)s, %(tenant)s, user_id, name, was, value FROM {_CHANGED} ORDER BY user_id, name
"""  # noqa: S608

# Of each attribute, what the batch changed and what a later import made of that.
_MINE = """
CREATE TEMP TABLE undo_attributes ON COMMIT DROP AS
SELECT mine.tenant_id, mine.user_id, mine.name, mine.was, (
    SELECT min(l.id) FROM people_changes AS l
    WHERE (l.tenant_id, l.user_id, l.name) = (mine.tenant_id, mine.user_id, mine.name)
        AND l.id > mine.id
) AS later
FROM people_changes AS mine WHERE mine.import_batch_id = %(batch)s
"""
_HAND_ON = """
UPDATE people_changes AS l SET was = m.was FROM undo_attributes AS m WHERE l.id = m.later
"""
_RESTORE = """
UPDATE people AS p SET attributes = (p.attributes - m.gone) || m.back, changed_at = now()
FROM (
    SELECT tenant_id, user_id,
        coalesce(array_agg(name) FILTER (WHERE was IS NULL), '{}') AS gone,
        coalesce(jsonb_object_agg(name, was) FILTER (WHERE was IS NOT NULL), '{}') AS back
    FROM undo_attributes WHERE later IS NULL GROUP BY tenant_id, user_id
) AS m
WHERE (p.tenant_id, p.user_id) = (m.tenant_id, m.user_id)
"""
_FORGET = "DELETE FROM people_changes WHERE import_batch_id = %(batch)s"
_NOTHING_LEFT = """
DELETE FROM people AS p USING (SELECT DISTINCT tenant_id, user_id FROM undo_attributes) AS m
WHERE (p.tenant_id, p.user_id) = (m.tenant_id, m.user_id) AND p.attributes = '{}'
"""


class Attributes:
    """The attributes that one file brings.

    Args:
        groups: pairs of the attribute's name and its column.
        replaces: the file's take the place of those that are there otherwise.

    Attributes:
        counts: attributes by what they are beside those that are there.
    """

    def __init__(self, groups: tuple[tuple[str, str], ...], *, replaces: bool) -> None:
        self.counts: dict[str, int] = {}
        self._groups = groups
        self._replaces = replaces
        self._said: list[pa.Table] = []
        self._rows = 0
        self._examples: dict[str, tuple[Any, ...] | None] = {}

    def add(self, table: pa.Table, right: Any, rows: pa.Table) -> None:
        """Takes what the rows of a batch say of their people.

        Args:
            table: raw columns of n rows.
            right: which of them go on, shape (n,).
            rows: those, as they are written.
        """
        for name, column in self._groups:
            said = pa.table(
                {
                    "user_id": rows.column("user_id"),
                    "name": pa.repeat(pa.scalar(name), rows.num_rows),
                    "value": _values(table.column(column)).filter(right),
                    "line": rows.column("line"),
                }
            )
            self._said.append(_first(said.filter(pc.is_valid(said.column("value")))))
            self._rows += self._said[-1].num_rows
        if self._rows > _MOST:
            self._said = [_first(pa.concat_tables(self._said))]
            self._rows = self._said[0].num_rows

    def match(self, connection: Connection, tenant: str) -> None:
        """Compares them with what is there; people of one tenant are changed by one import a time.

        Args:
            connection: in the import's transaction.
            tenant: of the people.
        """
        if not self._groups:
            return
        hold(connection, tenant)
        connection.execute(_STAGE)
        if self._said:
            sink = pa.BufferOutputStream()
            said = _first(pa.concat_tables(self._said))
            pa_csv.write_csv(said, sink, pa_csv.WriteOptions(include_header=False))
            with connection.cursor().copy(_COPY) as copy:
                copy.write(sink.getvalue().to_pybytes())
        connection.execute(_MATCH, {"tenant": tenant})
        found = connection.execute(_COUNTS).fetchone()
        assert found is not None  # noqa: S101
        kinds = ("new", "known", "replaced" if self._replaces else "conflicting", "ambiguous")
        self.counts = {kind: n for kind, n in zip(kinds, found, strict=True) if n}
        for kind, query in ((kinds[2], _CONFLICT), (kinds[3], _AMBIGUOUS)):
            self._examples[kind] = connection.execute(query).fetchone()

    def write(self, connection: Connection, tenant: str, batch: int) -> int:
        """Writes what is new, and what takes another's place; returns how many."""
        if not self.counts:
            return 0
        names = {"tenant": tenant, "batch": batch, "replaces": self._replaces}
        connection.execute(_PEOPLE, names)
        return connection.execute(_CHANGES, names).rowcount

    def notes(self) -> list[str]:
        """What is to be told of them, with an example each."""
        endings = {
            "conflicting": "are there otherwise and stay (--on-conflict replace takes the file's)",
            "replaced": "were there otherwise and are the file's now",
            "ambiguous": "are said in two ways, and the first is taken",
        }
        notes = []
        for kind, example in self._examples.items():
            if example is not None:
                name, user, one, other = example
                notes.append(
                    f"{self.counts[kind]} attributes of people {endings[kind]}: user '{user}' has "
                    f"{name} '{one}' and '{other}'"
                )
        return notes


def take_attributes_back(connection: Connection, names: dict[str, Any], tenant: str) -> None:
    """Takes the attributes of a batch back; one that a later import changed stays as that has it.

    Args:
        connection: in the transaction that undoes the batch.
        names: parameter ``batch``.
        tenant: of its people.
    """
    hold(connection, tenant)
    for statement in (_MINE, _HAND_ON, _RESTORE, _FORGET, _NOTHING_LEFT):
        connection.execute(statement, names)


def hold(connection: Connection, tenant: str) -> None:
    """Lets one transaction at a time change attributes of a tenant's people; after exams' locks."""
    turns.take(connection, f"attributes of people of {tenant}", wait=True)


def _values(column: Any) -> Any:
    """Text, null where nothing is said: blank, a code for missing, or too long to be a group."""
    found = plain_text(column)
    nothing = pc.is_in(pc.utf8_lower(found.text), pa.array(ALWAYS_MISSING, pa.string()))
    unusable = pc.or_(
        found.faulty,
        pc.fill_null(pc.greater(pc.utf8_length(found.text), LONGEST), fill_value=False),
    )
    return pc.if_else(pc.or_(nothing, unusable), pa.scalar(None, pa.string()), found.text)


def _first(said: pa.Table) -> pa.Table:
    """Each thing that is said once, with the first line that says so."""
    grouped = said.group_by(_KEYS).aggregate([("line", "min")])
    return grouped.select([*_KEYS, "line_min"]).rename_columns([*_KEYS, "line"])
