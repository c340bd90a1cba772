"""What must be true before requests can be answered, each with its reason when it is not.

Looked at over the connections that quizzes use, so that it is as ready as they are. What never
lives here: repairs. A check looks, it does not migrate or load.
"""

from __future__ import annotations

import psycopg
from psycopg.rows import scalar_row
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from delivery_api.database import TenantConnection
from delivery_api.services import Services
from qbank.project_files import migrations_folder
from qbank.wording import one_line

# a probe gives up after a second or two
_TIMEOUT_S = 1.0
# reads no row, but waits like any request where a table is locked
_TABLES = """SELECT FROM exams, bank_versions, quiz_sessions, quiz_items, user_responses,
    exposure_daily, question_versions LIMIT 0"""


class ReadinessCheck(BaseModel):
    """One thing that was looked at."""

    name: str
    ok: bool
    reason: str = Field(description="what was found, or what to do")


async def readiness(services: Services) -> list[ReadinessCheck]:
    """Looks at the database, its migrations and the compiled kernels."""
    kernels = ReadinessCheck(
        name="selection",
        ok=services.warmed_up,
        reason="compiled" if services.warmed_up else "the selection rule is still being compiled",
    )
    answers = ReadinessCheck(name="database", ok=True, reason="answers")
    banks = _banks(*services.banks.standing())
    try:
        applied = await services.database.look(_applied, timeout_s=_TIMEOUT_S)
    except psycopg.Error as error:
        why = one_line(error)
        return [
            ReadinessCheck(name="database", ok=False, reason=f"does not answer: {why}"),
            kernels,
            banks,
        ]
    return [answers, await run_in_threadpool(_migrations, applied), kernels, banks]


def _banks(count: int, behind_s: float) -> ReadinessCheck:
    """Tells how old the item banks are; an older one serves, too, while its loads fail."""
    age = f"one is {behind_s:.0f} s behind" if behind_s >= 1 else "up to date"
    return ReadinessCheck(name="banks", ok=True, reason=f"{count} in memory, {age}")


async def _applied(conn: TenantConnection) -> set[str]:
    """The migrations that were applied, from a database whose tables can be read now."""
    try:
        async with conn.transaction(), conn.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(f"SET LOCAL lock_timeout = '{_TIMEOUT_S}s'")
            await cursor.execute("SELECT migration_id FROM _yoyo_migration")
            applied = set(await cursor.fetchall())
            await conn.execute(_TABLES)
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        return set()
    return applied


def _migrations(applied: set[str]) -> ReadinessCheck:
    folder = migrations_folder()
    known = {file.stem for file in folder.glob("[0-9]*.sql") if ".rollback" not in file.name}
    missing = sorted(known - applied)
    reason = f"missing {', '.join(missing)}: run `qbank db migrate`" if missing else "all applied"
    return ReadinessCheck(name="migrations", ok=not missing, reason=reason)
