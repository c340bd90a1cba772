"""What must be true before requests can be answered, each with its reason when it is not.

What never lives here: repairs. A check looks, it does not migrate or load.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import scalar_row
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, Field

from qbank.migrations import migrations_folder

# no tenant has this name, so the connection sees no tenant's rows
_NOBODY = "-"


class Check(BaseModel):
    """One thing that was looked at."""

    name: str
    ok: bool
    reason: str = Field(description="what was found, or what to do")


def readiness(state: Any) -> list[Check]:
    """Looks at the database, its migrations and the compiled kernels."""
    kernels = Check(
        name="selection",
        ok=bool(state.warmed_up),
        reason="compiled" if state.warmed_up else "the selection rule is still being compiled",
    )
    try:
        with state.database.transaction(_NOBODY) as conn, conn.cursor(row_factory=scalar_row) as c:
            applied = set(c.execute("SELECT migration_id FROM _yoyo_migration").fetchall())
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        found = Check(name="database", ok=True, reason="answers")
        return [found, _migrations(state, set()), kernels]
    except (psycopg.Error, PoolTimeout) as error:
        why = " ".join(str(error).split())
        return [Check(name="database", ok=False, reason=f"does not answer: {why}"), kernels]
    return [
        Check(name="database", ok=True, reason="answers"),
        _migrations(state, applied),
        kernels,
    ]


def _migrations(state: Any, applied: set[str]) -> Check:
    folder = migrations_folder()
    known = {file.stem for file in folder.glob("[0-9]*.sql") if ".rollback" not in file.name}
    missing = sorted(known - applied)
    reason = f"missing {', '.join(missing)}: run `qbank db migrate`" if missing else "all applied"
    return Check(name="migrations", ok=not missing, reason=reason)
