"""Views that stand as the last build left them: a night's dbt need not look at each of them again.

Their nodes cost no statement, but came before the first table in dbt's order, a second of every
night. What never lives here: when a view is made anew (the macro ``view`` decides by the same
comments).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path

from qbank.postgres import Connection

EXCLUDED = ("config.materialized:view",)
"""What ``--exclude`` takes where they stand."""
_COMMENTS = """SELECT n.nspname || '.' || c.relname, obj_description(c.oid, 'pg_class')
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'v' AND n.nspname || '.' || c.relname = ANY(%s)"""


class StandingViews:
    """The views of one part of the project, and what is kept of its last build."""

    def __init__(
        self, conn: Connection, kept: Path, *, sources: str, relations: Collection[str]
    ) -> None:
        """Reads nothing yet.

        Args:
            conn: to the marts.
            kept: the file that tells of the last build; another one where there is none.
            sources: a hash over the project, "" where it is not known.
            relations: schema and name of all of the part's models, "schema.name".
        """
        self._conn = conn
        self._kept = kept
        self._sources = sources
        self._relations = sorted(relations)

    def excluded(self) -> Sequence[str]:
        """What a build of the whole part may leave out: nothing, unless all views stand."""
        try:
            last = json.loads(self._kept.read_text())
        except (OSError, ValueError):
            return ()
        return EXCLUDED if self._sources and last == self._now() else ()

    def keep(self) -> None:
        """Remembers the views as a build of the whole part has left them."""
        new = self._kept.with_suffix(".new")
        new.write_text(json.dumps(self._now()))
        new.replace(self._kept)

    def _now(self) -> dict[str, object]:
        found: list[tuple[str, str | None]] = self._conn.execute(
            _COMMENTS, (self._relations,)
        ).fetchall()
        return {"sources": self._sources, "views": dict(found)}
